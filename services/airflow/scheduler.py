"""Airflow's scheduler, with what its tasks import loaded beforehand.

Tasks are forks of the scheduler's workers: what is imported here once, no task imports again. The log server, which
listens on every address, is left out: it is for workers on other machines.
"""

import importlib
import sys
import warnings

if __name__ == "__main__":
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    for name in ("boto3", "pyspark.sql.connect.session", "pinpipe.runs", "spark_jobs.batch", "spark_jobs.lease"):
        importlib.import_module(name)
    main = importlib.import_module("airflow.__main__").main
    sys.argv = ["airflow", "scheduler", "--skip-serve-logs"]
    main()
