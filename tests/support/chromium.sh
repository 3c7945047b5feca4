#!/bin/sh
# Puts a headless Chromium into the folder $1, for the tests of the page and 'make pictures'; $1/chromium starts it. It comes in
# an npm package, with the libraries and the font that it needs: no system package, no root. Where that one does not
# run (it is for Linux on x86-64), it is the Chromium or Chrome on the PATH.
set -eu
package=@sparticuz/chromium@153.0.0
sha512=8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34efc41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0
mkdir -p "$1"
cd "$1"
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    found=$(command -v chromium || command -v google-chrome) || {
        echo "setup: the tests of the page need a Chromium or Chrome: install one so that 'chromium' or" \
            "'google-chrome' is on the PATH" >&2; exit 1; }
    ln -sf "$found" chromium
    exit
fi
archive=$(npm pack --silent --loglevel=error "$package")
node -e '
const {createHash} = require("crypto"), {readFileSync} = require("fs");
process.exit(createHash("sha512").update(readFileSync(process.argv[1])).digest("hex") === process.argv[2] ? 0 : 1)
' "$archive" "$sha512" || { echo "setup: $package from npm is not the one that was tested here" >&2; exit 1; }
tar -xzf "$archive"
node -e '
const {readFileSync, writeFileSync} = require("fs"), {brotliDecompressSync} = require("zlib");
for (const name of ["chromium", "al2023.tar", "fonts.tar"])
    writeFileSync(name, brotliDecompressSync(readFileSync(`package/bin/${name}.br`)));
'
mv chromium headless
chmod +x headless
tar -xf al2023.tar
tar -xf fonts.tar fonts
rm -r "$archive" package ./*.tar
cat > fonts.conf <<XML
<fontconfig><dir>$PWD/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$PWD/fonts/cache</cachedir></fontconfig>
XML
cat > chromium <<SH
#!/bin/sh
LD_LIBRARY_PATH=$PWD/lib FONTCONFIG_FILE=$PWD/fonts.conf exec $PWD/headless "\$@"
SH
chmod +x chromium
