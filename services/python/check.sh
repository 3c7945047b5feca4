#!/bin/sh
# The tools that set-up itself needs: names every one that is missing, with its fix, before anything is downloaded.
set -u
problems=0
problem() { echo "setup: $1" >&2; problems=1; }

"${1:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    problem "Python 3.11 or newer is needed as '${1:-python3}': install it, or run 'make PYTHON=/path/to/python3.11 …'"
"${1:-python3}" -c 'import venv, ensurepip' 2>/dev/null ||
    problem "Python's venv module is missing: on Debian and Ubuntu run 'sudo apt-get install python3-venv'"
java=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${java:-0}" -ge 17 ] 2>/dev/null ||
    problem "Java 17 or newer is needed (found: ${java:-none}): on Debian and Ubuntu run 'sudo apt-get install openjdk-17-jdk-headless'"
command -v mvn >/dev/null 2>&1 || problem "Maven is needed: on Debian and Ubuntu run 'sudo apt-get install maven'"
node=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
[ "${node:-0}" -ge 18 ] 2>/dev/null ||
    problem "Node 18 or newer with npm is needed (found: ${node:-none}): on Debian and Ubuntu run 'sudo apt-get install nodejs npm'"
command -v npm >/dev/null 2>&1 || problem "npm is needed: on Debian and Ubuntu run 'sudo apt-get install npm'"
exit $problems
