# Airflow's settings for a laptop, read (.) by set-up and by run.sh: SQLite, one worker process per core and one more.
# Needs PIN_ROOT, and AIRFLOW_HOME for the database.
export AIRFLOW_HOME PYTHONPATH="$PIN_ROOT" PYTHONUNBUFFERED=1
export AIRFLOW__CORE__DAGS_FOLDER="$PIN_ROOT/airflow/dags" AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$AIRFLOW_HOME/airflow.db"
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
