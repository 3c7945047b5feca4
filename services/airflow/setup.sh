#!/bin/sh
# Makes an empty metadata database, which each stack starts from: a migration takes ten seconds.
# $1: Airflow's python, $2: the folder for it. Needs PIN_ROOT.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
AIRFLOW_HOME=$scratch
. "$(dirname "$0")/environment.sh"
"$1" -m airflow db migrate > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
mkdir -p "$2"
mv "$scratch/airflow.db" "$2/airflow.db"
