#!/bin/sh
# Starts the page in the foreground: a marimo app, on this machine alone, which reads and never writes.
set -eu
export XDG_STATE_HOME="$PIN_HOME/run" XDG_CACHE_HOME="$PIN_HOME/run" XDG_CONFIG_HOME="$PIN_HOME/run"
export MARIMO_SKIP_UPDATE_CHECK=1
exec "$(dirname "$PIN_PYTHON")/marimo" --quiet run "$PIN_ROOT/dashboard/page.py" --headless --no-token \
    --host "${PIN_BIND:-127.0.0.1}" --port "$DASHBOARD_PORT"
