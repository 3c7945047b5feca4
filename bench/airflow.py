"""What Airflow adds to a batch: the same work as a DAG run and by `pinpipe batch`, in turns, on the running stack.

    .venv/bin/python -m bench.airflow [--runs 3]

Needs `make demo` before: each run finds nothing new, so that both do the same. Each run's wall time, what the tasks of
the last DAG run took (waiting in the queue, running), and the memory of Airflow's parts.
"""

from __future__ import annotations

import time
from datetime import datetime

import psutil

from bench.report import Report, Target, arguments
from pinpipe import runs, settings
from pinpipe.airflow import Airflow
from pinpipe.stack import Stack


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def proportional_mb(pid: int) -> float:
    """Memory of a process and its children, what they share counted once (PSS)."""
    process = psutil.Process(pid)
    return sum(member.memory_full_info().pss for member in (process, *process.children(recursive=True))) / 2**20


BATCH, DAG, TASKS, PARTS = "pinpipe batch", "DAG run", "tasks of the last DAG run", "Airflow's parts"
TARGETS = [Target("DAG run / pinpipe batch", (DAG, "s"), (BATCH, "s"))]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    report = Report("airflow", TARGETS, given.record)
    in_force = settings.load()
    airflow = Airflow(in_force)
    by_airflow, direct = [], []
    for _ in range(given.runs):
        started = time.monotonic()
        run = airflow.trigger()
        assert airflow.wait(run) == "success"
        by_airflow.append(time.monotonic() - started)
        started = time.monotonic()
        runs.run(in_force)
        direct.append(time.monotonic() - started)
    tasks = airflow.call("GET", f"/dagRuns/{run}/taskInstances", params={"limit": 100})["task_instances"]
    report.add(BATCH, {"s": direct})
    report.add(DAG, {"s": by_airflow})
    waits = [moment(task["start_date"]) - moment(task["queued_when"]) for task in tasks]
    report.add(TASKS, {"waiting in the queue, s": waits, "running, s": [task["duration"] for task in tasks]})
    states = Stack(in_force).states()
    parts = {name: [proportional_mb(states[name].pid)] for name in states if name.startswith("airflow")}
    report.add(PARTS, {f"{name}, MB": megabytes for name, megabytes in parts.items()})
    report.close()


if __name__ == "__main__":
    main()
