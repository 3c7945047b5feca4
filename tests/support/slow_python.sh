#!/bin/sh
# A Python that starts the first of Spark's processes for a streaming source too late, as on a busy machine: once,
# which the folder SLOW_ONCE tells.
case "$*" in *python_streaming_source_runner*) if mkdir "$SLOW_ONCE" 2>/dev/null; then sleep 11; fi ;; esac
exec "$(dirname "$0")/../../.venv/bin/python" "$@"
