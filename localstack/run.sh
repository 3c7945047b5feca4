#!/bin/sh
# Starts LocalStack in the foreground. Needs PIN_HOME, PIN_TOOLS, PIN_LOCALSTACK_PYTHON and LOCALSTACK_PORT.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Everything it writes lies below its own folder; the packages it would install at run time are set-up's.
root=$PIN_HOME/data/localstack
rm -rf "$root"  # it keeps nothing over a restart: what is there is left from a killed one
mkdir -p "$root/var/lib/localstack"
ln -s "$PIN_TOOLS/localstack-packages" "$root/var/lib/localstack/lib"
# after a death: what it held is made again as soon as it answers
if [ -d "$PIN_HOME/run/provisioned" ] && [ -n "${PIN_PYTHON:-}" ]; then "$PIN_PYTHON" -m pinpipe.reprovision & fi
export OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$root"
export SERVICES=s3,kinesis,apigateway,iam,sts,cloudformation EAGER_SERVICE_LOADING=0
export GATEWAY_LISTEN="127.0.0.1:$LOCALSTACK_PORT" LOCALSTACK_HOST="127.0.0.1:$LOCALSTACK_PORT"
# DNS_ADDRESS=0: no name server of its own
export DNS_ADDRESS=0 SKIP_SSL_CERT_DOWNLOAD=1 DISABLE_EVENTS=1 KINESIS_PERSISTENCE=0 KINESIS_LATENCY=0 DEBUG=0
# kinesis-local listens on every address, outlives LocalStack and slows down unless helped
export NODE_OPTIONS="--require=$here/kinesis_local.js"
# the calls that LocalStack makes to itself must not be sent elsewhere by a setting meant for its clients
unset AWS_ENDPOINT_URL AWS_PROFILE
exec "$PIN_LOCALSTACK_PYTHON" "$here/main.py"
