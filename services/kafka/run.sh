#!/bin/sh
# Starts the broker in the foreground; formats its log folder the first time. Needs PIN_HOME, the ports,
# and PIN_TOOLS or KAFKA_JARS.
set -euf
here=$(dirname "$0")
export KAFKA_LISTENERS="${KAFKA_LISTENERS:-PLAINTEXT://127.0.0.1:$KAFKA_PORT}"
export KAFKA_ADVERTISED_LISTENERS="${KAFKA_ADVERTISED_LISTENERS:-$KAFKA_LISTENERS}"
set -- -XX:+UseSerialGC -Dlog4j2.configurationFile="$here/log4j2.properties" -cp "${KAFKA_JARS:-$PIN_TOOLS/jars/kafka}/*"
if [ ! -f "$PIN_HOME/data/kafka/meta.properties" ]; then
    mkdir -p "$PIN_HOME/data/kafka"
    # the cluster id is the official image's default: one node needs no id of its own
    java -Xmx128m -XX:TieredStopAtLevel=1 "$@" kafka.tools.StorageTool format --standalone \
        -t "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" -c "$here/server.properties"
fi
exec java -Xmx256m "$@" kafka.Kafka "$here/server.properties"
