"""A DAG that breaks every rule of dag_rules.py."""

from __future__ import annotations

import subprocess
import time
from datetime import datetime
from pathlib import Path

import pandas
from airflow.sdk import DAG, task

SETTINGS = Path("/etc/hosts").read_text()
subprocess.run(["true"], check=True)
time.sleep(1)

with DAG(dag_id="bad", schedule="@daily", start_date=datetime(2026, 1, 1), catchup=True, max_active_runs=5):

    @task(retries=0)
    def first() -> int:
        return len(pandas.DataFrame())

    @task(retries=3, retry_exponential_backoff=False)
    def second() -> None: ...

    one, two = first(), second()
    one >> two >> one

with DAG(dag_id="bare", max_active_runs=1):
    second()
