#!/bin/sh
# Starts the Connect worker in the foreground. The jars are the broker's; the plugin lies in PIN_TOOLS.
set -eu
here=$(dirname "$0")
export PIN_BIND="${PIN_BIND:-127.0.0.1}"
properties=$PIN_HOME/run/connect.properties
mkdir -p "$PIN_HOME/run"
{
    cat "$here/connect.properties"
    echo "plugin.path=$PIN_TOOLS/connect-plugins"
} > "$properties"
# TieredStopAtLevel=1: starts in half the time, with half the memory; the worker only moves bytes
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile="$here/../kafka/log4j2.properties" \
    -cp "${KAFKA_JARS:-$PIN_TOOLS/jars/kafka}/*" org.apache.kafka.connect.cli.ConnectDistributed "$properties"
