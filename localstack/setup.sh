#!/bin/sh
# Installs the Kinesis engine that LocalStack would otherwise download at its first Kinesis call.
# $1: LocalStack's python, $2: the folder for its packages.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/var/lib/localstack" "$2"
ln -s "$2" "$scratch/var/lib/localstack/lib"
OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$scratch" DISABLE_EVENTS=1 "$1" -c '
from localstack.services.kinesis.packages import kinesismock_package
kinesismock_package.install()
'
[ -n "$(find "$2" -path "*kinesis-local*" -name package.json | head -n 1)" ] || {
    echo "setup: kinesis-local was not installed: is npm on the PATH and its registry reachable?" >&2; exit 1; }
