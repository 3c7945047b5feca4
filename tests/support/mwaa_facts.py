"""Looks at the DAGs folder as Airflow does, and prints one JSON object. Runs in Airflow's environment alone."""

from __future__ import annotations

import importlib
import json
import sys

from airflow.dag_processing.dagbag import DagBag

from airflow import plugins_manager

plugins_manager._get_plugins()
heavy_by_plugins = "pyspark" in sys.modules
bag = DagBag()
places = {}
for name in ("pinpipe.runs", "pinpipe.databricks", "spark_jobs.batch", "spark_jobs.lease"):
    places[name] = importlib.import_module(name).__file__
print(
    json.dumps(
        {
            "python": sys.version_info[:2],
            "errors": bag.import_errors,
            "plugin_errors": plugins_manager.get_import_errors(),
            "pyspark_by_plugins": heavy_by_plugins,
            "dags": {dag.dag_id: sorted(dag.task_ids) for dag in bag.dags.values()},
            "places": places,
        }
    )
)
