"""The daily job's steps as Databricks job runs: what ``PIPELINE_ENGINE=databricks`` makes of the DAG.

Each step is one call of the Jobs API (``runs/submit``), on an existing cluster or on one that is made for it: our
wheel with the arguments of ``pinpipe batch``, or the course's notebook for the whole job. Not run on Databricks yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pinpipe.errors import SettingsError

RUN = "run {{ run_id }} of {{ dag.dag_id }}"
"""The run's name in the lease that its steps share, filled in by Airflow."""


def submission(variables: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """The body of one ``runs/submit``.

    ``DATABRICKS_CLUSTER_ID`` names the cluster, or ``DATABRICKS_NEW_CLUSTER`` describes a new one (JSON);
    ``DATABRICKS_WHEEL`` is where our wheel lies, or ``DATABRICKS_NOTEBOOK`` the path of a notebook.
    """
    task: dict[str, Any] = {"task_key": "-".join(arguments) or "notebook"}
    if cluster := variables.get("DATABRICKS_CLUSTER_ID"):
        task["existing_cluster_id"] = cluster
    elif new := variables.get("DATABRICKS_NEW_CLUSTER"):
        task["new_cluster"] = json.loads(new)
    else:
        raise SettingsError("PIPELINE_ENGINE=databricks needs DATABRICKS_CLUSTER_ID or DATABRICKS_NEW_CLUSTER (JSON)")
    if notebook := variables.get("DATABRICKS_NOTEBOOK"):
        task["notebook_task"] = {"notebook_path": notebook}
    elif wheel := variables.get("DATABRICKS_WHEEL"):
        parameters = ["batch", *arguments, "--run", RUN]
        task["python_wheel_task"] = {"package_name": "pinpipe", "entry_point": "pinpipe", "parameters": parameters}
        task["libraries"] = [{"whl": wheel}]
    else:
        raise SettingsError("PIPELINE_ENGINE=databricks needs DATABRICKS_WHEEL or DATABRICKS_NOTEBOOK")
    return {"run_name": f"pinpipe {' '.join(arguments)}".strip(), "tasks": [task]}
