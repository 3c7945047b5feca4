#!/bin/sh
# Prints the path of a Python interpreter of the wanted minor version ($1, such as 3.13), its own and not a shim's:
# the one on the PATH, pyenv's, or one that uv fetches. $2: uv, $3: who needs it.
set -eu
want=$1 uv=$2 who=$3
own='import sys; print(sys.executable)'
if found=$("python$want" -c "$own" 2>/dev/null); then
    echo "$found"
elif command -v pyenv >/dev/null 2>&1 && version=$(pyenv versions --bare | grep "^ *$want\.[0-9]*$" | tail -n 1) && [ -n "$version" ]; then
    echo "$(pyenv prefix "$version")/bin/python"
elif "$uv" python install --quiet "$want" 2>/dev/null && found=$("$uv" python find "$want" 2>/dev/null); then
    echo "$found"
else
    echo "setup: $who needs Python $want: install it so that 'python$want' is on the PATH" \
        "(pyenv install $want, or your system's packages) and try again" >&2
    exit 1
fi
