"""Airflow's REST API, as much of it as starting the daily job and looking at it takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import requests

from pinpipe.errors import PinpipeError
from pinpipe.settings import Settings
from pinpipe.stack import Stack

DONE = ("success", "failed")
FOUND_SECONDS = 120.0
"""How long the DAG processor may take to read the DAG after it started."""


@dataclass(frozen=True)
class Run:
    """A run of the DAG: when it started (ISO 8601, None while it is queued) and its state (``success``, …)."""

    id: str
    started: str | None
    state: str


class Airflow:
    """The stack's Airflow, as its user ``admin``."""

    def __init__(self, settings: Settings) -> None:
        self.url, self.dag = settings.airflow_url, settings.dag
        self.password = Stack(settings).airflow_password()

    @cached_property
    def _http(self) -> requests.Session:
        login = {"username": "admin", "password": self.password}
        answer = requests.post(f"{self.url}/auth/token", json=login, timeout=20)
        answer.raise_for_status()
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session

    def call(self, method: str, path: str = "", **options: Any) -> Any:
        """Ask for something below the DAG; raise ``requests.HTTPError`` for any answer but a good one."""
        answer = self._http.request(method, f"{self.url}/api/v2/dags/{self.dag}{path}", timeout=20, **options)
        answer.raise_for_status()
        return answer.json()

    def trigger(self) -> str:
        """Start a run, let the daily ones start from now on, and return its id.

        The first one of a day takes that day's date: Airflow would start a second one for it otherwise.
        """
        deadline = time.monotonic() + FOUND_SECONDS
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
        while (run := self._start(today)) is None:
            if time.monotonic() > deadline:
                raise PinpipeError(f"Airflow has no DAG {self.dag}: see 'pinpipe logs airflow-dag-processor'")
            time.sleep(1)
        self.call("PATCH", json={"is_paused": False})
        return run

    def _start(self, date: str | None) -> str | None:
        """Start a run of a date, or of none where that date has one; None while Airflow does not know the DAG yet."""
        try:
            return str(self.call("POST", "/dagRuns", json={"logical_date": date})["dag_run_id"])
        except requests.HTTPError as error:
            if error.response.status_code == 404:
                return None
            if date is None or error.response.status_code != 409:
                raise
            return self._start(None)

    def tasks(self, run: str) -> dict[str, str]:
        """The run's tasks so far and their states; mapped ones with their number, such as ``answer 2a``."""
        found = self.call("GET", f"/dagRuns/{run}/taskInstances", params={"limit": 100})["task_instances"]
        return {
            f"{task['task_id']} {task['rendered_map_index'] or task['map_index']}"
            if task["map_index"] >= 0
            else task["task_id"]: task["state"] or "waiting"
            for task in found
        }

    def wait(self, run: str, told: Callable[[Mapping[str, str]], None] = lambda states: None) -> str:
        """Wait until a run is done, ``told`` its tasks every second; return its state, ``success`` or ``failed``."""
        while True:
            try:
                state = str(self.call("GET", f"/dagRuns/{run}")["state"])
                told(self.tasks(run))
            except (requests.ConnectionError, requests.Timeout):
                state = "unknown"  # the API server is busy or starts again; the run goes on
            if state in DONE:
                return state
            time.sleep(1)

    def last_run(self) -> Run | None:
        """The DAG's newest run, if there is one."""
        found = self.call("GET", "/dagRuns", params={"order_by": "-run_after", "limit": 1})["dag_runs"]
        return Run(found[0]["dag_run_id"], found[0]["start_date"], found[0]["state"]) if found else None


def summary(states: Mapping[str, str]) -> str:
    """The tasks that run, or how many are in each state."""
    running = [name for name, state in states.items() if state == "running"]
    return ", ".join(running) or ", ".join(f"{n} {state}" for state, n in Counter(states.values()).items())
