"""With PIPELINE_ENGINE=databricks the DAG submits its steps, to a local server that speaks the Jobs API's calls.

Not run on Databricks: what is asserted is what the provider sends.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pinpipe.databricks import submission
from pinpipe.errors import SettingsError
from pinpipe.settings import ANSWERS, TABLES
from tests.support.airflow_home import ROOT, facts

pytestmark = pytest.mark.airflow

WHEEL = "dbfs:/wheels/pinpipe-0.1.0-py3-none-any.whl"


class Jobs(ThreadingHTTPServer):
    """`runs/submit` and `runs/get` of the Jobs API: a run is under way when it is first asked for, then succeeds."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.submitted: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.asked: set[int] = set()

    @property
    def connection(self) -> str:
        """As Airflow takes it from the environment."""
        return json.dumps({"conn_type": "databricks", "host": "127.0.0.1", "schema": "http",
                           "port": self.server_address[1], "password": "a-token"})  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    server: Jobs

    def _answer(self, body: dict[str, Any]) -> None:
        self.server.tokens.add(self.headers.get("Authorization"))
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        assert self.path.endswith("/jobs/runs/submit"), self.path
        self.server.submitted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer({"run_id": len(self.server.submitted)})

    def do_GET(self) -> None:
        assert "/jobs/runs/get" in self.path, self.path
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        run = int(body.get("run_id") or self.path.rpartition("run_id=")[2])
        state = {"life_cycle_state": "RUNNING", "state_message": ""}
        if run in self.server.asked:
            state = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
        self.server.asked.add(run)
        self._answer({"run_id": run, "run_page_url": f"http://127.0.0.1/run/{run}", "state": state, "tasks": []})

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    with Jobs() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An Airflow home with an empty database, as a stack's first start makes it."""
    shutil.copy(ROOT / ".pinpipe" / "airflow" / "airflow.db", tmp_path)
    shutil.copytree(ROOT / "airflow" / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def wheel_task(run: str, *arguments: str) -> dict[str, Any]:
    return {
        "run_name": f"pinpipe {' '.join(arguments)}",
        "tasks": [
            {
                "task_key": "-".join(arguments),
                "existing_cluster_id": "0923-164208-meows279",
                "python_wheel_task": {
                    "package_name": "pinpipe",
                    "entry_point": "pinpipe",
                    "parameters": ["batch", *arguments, "--run", run],
                },
                "libraries": [{"whl": WHEEL}],
            }
        ],
    }


def test_every_step_is_submitted_in_order_with_our_wheel(jobs: Jobs, home: Path) -> None:
    states = facts(
        home, "databricks_run.py", PYTHONPATH=str(ROOT), PIN_USER_ID="ada", PIPELINE_ENGINE="databricks",
        DATABRICKS_CLUSTER_ID="0923-164208-meows279", DATABRICKS_WHEEL=WHEEL, DATABRICKS_POLL_SECONDS="0",
        AIRFLOW_CONN_DATABRICKS_DEFAULT=jobs.connection,
    )  # fmt: skip
    assert set(states.values()) == {"success"}
    assert len(states) == len(jobs.submitted) == 1 + len(TABLES) + len(ANSWERS) + 1
    assert jobs.tokens == {"Bearer a-token"}
    run = jobs.submitted[0]["tasks"][0]["python_wheel_task"]["parameters"][-1]
    assert run.startswith("run manual__")
    assert run.endswith("of ada_dag")
    sent = [{key: body[key] for key in ("run_name", "tasks")} for body in jobs.submitted]
    assert sent[0] == wheel_task(run, "load")
    assert sorted(sent[1:4], key=str) == sorted((wheel_task(run, "clean", table) for table in TABLES), key=str)
    assert sorted(sent[4:-1], key=str) == sorted((wheel_task(run, "answers", number) for number in ANSWERS), key=str)
    assert sent[-1] == wheel_task(run, "report")


def test_the_courses_notebook_can_be_run_on_a_new_cluster() -> None:
    new = {"spark_version": "17.3.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 1}
    variables = {"DATABRICKS_NEW_CLUSTER": json.dumps(new), "DATABRICKS_NOTEBOOK": "/Users/ada/pinterest"}
    task = {"task_key": "notebook", "new_cluster": new, "notebook_task": {"notebook_path": "/Users/ada/pinterest"}}
    assert submission(variables) == {"run_name": "pinpipe", "tasks": [task]}


@pytest.mark.parametrize("missing", ["DATABRICKS_CLUSTER_ID", "DATABRICKS_WHEEL"])
def test_what_is_missing_is_named(missing: str) -> None:
    variables = {"DATABRICKS_CLUSTER_ID": "1", "DATABRICKS_WHEEL": WHEEL}
    del variables[missing]
    with pytest.raises(SettingsError, match=missing):
        submission(variables, "load")
