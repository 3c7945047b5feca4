#!/bin/sh
# Starts the REST proxy in the foreground. It reads its own variables; see settings.py beside this file.
set -eu
exec "$PIN_PYTHON" -m services.rest_proxy
