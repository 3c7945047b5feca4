#!/bin/sh
# Starts the stream job in the foreground: three queries in one driver of its own.
set -eu
export SPARK_LOCAL_DIRS="$PIN_HOME/run/stream" SPARK_LOCAL_IP=127.0.0.1
rm -rf "$SPARK_LOCAL_DIRS"  # scratch of a killed driver, the source's spool folders among it
mkdir -p "$SPARK_LOCAL_DIRS"
export TMPDIR="$SPARK_LOCAL_DIRS"
exec "$(dirname "$PIN_PYTHON")/pinpipe" stream
