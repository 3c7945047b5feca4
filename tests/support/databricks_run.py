"""Runs the DAG that DAGS_FOLDER holds, once, in this process; prints each task's state as JSON. In Airflow's
environment."""

from __future__ import annotations

import json

from airflow.dag_processing.dagbag import DagBag

bag = DagBag()
assert not bag.import_errors, bag.import_errors
[dag] = bag.dags.values()
run = dag.test()
print(json.dumps({f"{ti.task_id} {ti.map_index}": str(ti.state) for ti in run.get_task_instances()}))
