#!/bin/sh
# Starts one of Airflow's processes in the foreground: $1 is api-server, scheduler or dag-processor.
# Where PIN_AIRFLOW_KEY is not given, the API server makes the key that the three share, in their folder.
set -eu
home=$PIN_HOME/data/airflow
mkdir -p "$home" "$PIN_HOME/run"
if [ -z "${PIN_AIRFLOW_KEY:-}" ]; then
    if [ "$1" = api-server ] && [ ! -f "$home/key" ]; then (umask 077; head -c 32 /dev/urandom | base64 > "$home/key"); fi
    PIN_AIRFLOW_KEY=$(cat "$home/key")
fi
AIRFLOW_HOME=$home
. "$(dirname "$0")/environment.sh"
export AIRFLOW__LOGGING__BASE_LOG_FOLDER="$PIN_HOME/logs/airflow"
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$PIN_HOME/run/airflow.passwords.json"
export AIRFLOW__API__HOST="${PIN_BIND:-127.0.0.1}" AIRFLOW__API__PORT="$AIRFLOW_PORT"
# the browser's address, the tasks' is below
export AIRFLOW__API__BASE_URL="http://127.0.0.1:$AIRFLOW_PORT"
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL="$AIRFLOW_URL/execution/"
export AIRFLOW__API__SECRET_KEY="$PIN_AIRFLOW_KEY" AIRFLOW__API_AUTH__JWT_SECRET="$PIN_AIRFLOW_KEY"
export AIRFLOW__CORE__PARALLELISM=3 AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES=1
# a killed scheduler, and the tasks it took along, are noticed within seconds and not minutes
export AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD=15 AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL=10
export AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=30
export AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL=5

case $1 in
api-server)
    if [ ! -f "$home/airflow.db" ]; then
        cp "$PIN_TOOLS/airflow/airflow.db" "$home/airflow.db.new"
        mv "$home/airflow.db.new" "$home/airflow.db"
    elif [ "$PIN_TOOLS/airflow/airflow.db" -nt "$home/airflow.db" ]; then
        "$PIN_AIRFLOW_PYTHON" -m airflow db migrate
        touch "$home/airflow.db"
    fi
    umask 077
    printf '{"admin": "%s"}' "$PIN_AIRFLOW_PASSWORD" > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    exec "$PIN_AIRFLOW_PYTHON" -m airflow api-server
    ;;
scheduler)
    # the workers of a scheduler that was killed live on, in its process group
    group=$(cat "$PIN_HOME/run/airflow-scheduler.group" 2>/dev/null || true)
    if [ -n "$group" ] && pgrep -g "$group" -f 'airflow' >/dev/null; then kill -s KILL -- "-$group"; fi
    echo $$ > "$PIN_HOME/run/airflow-scheduler.group"
    exec "$PIN_AIRFLOW_PYTHON" "$PIN_ROOT/services/airflow/scheduler.py"
    ;;
*)
    exec "$PIN_AIRFLOW_PYTHON" -m airflow "$1"
    ;;
esac
