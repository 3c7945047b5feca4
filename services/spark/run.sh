#!/bin/sh
# Starts the Spark Connect server in the foreground: pip's pyspark has its jar but no start script, this is what that
# script runs. Needs PIN_PYTHON, PIN_HOME, PIN_ROOT, SPARK_CONNECT_PORT and SPARK_CONNECT_AUTHENTICATE_TOKEN.
# Where it is not on loopback (PIN_BIND) it has no token: Spark's client sends one without TLS to localhost alone.
set -eu
SPARK_HOME=$("$PIN_PYTHON" -c 'import importlib.util as u; print(u.find_spec("pyspark").submodule_search_locations[0])')
export SPARK_HOME PYSPARK_PYTHON="$PIN_PYTHON" PYSPARK_DRIVER_PYTHON="$PIN_PYTHON"
export PYTHONPATH="$PIN_ROOT" SPARK_LOCAL_DIRS="$PIN_HOME/run/spark"
rm -rf "$SPARK_LOCAL_DIRS"  # scratch of a killed server
mkdir -p "$SPARK_LOCAL_DIRS"
export SPARK_LOCAL_IP=127.0.0.1
unset SPARK_REMOTE  # the clients' address; the server itself must not be a client
umask 077  # the properties hold the keys for S3
"$PIN_PYTHON" -m spark_jobs.session > "$PIN_HOME/run/spark.properties"
exec "$SPARK_HOME/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer --name pinpipe \
    --properties-file "$PIN_HOME/run/spark.properties" \
    --conf spark.connect.grpc.binding.address="${PIN_BIND:-127.0.0.1}" \
    --conf spark.connect.grpc.binding.port="$SPARK_CONNECT_PORT" spark-internal
