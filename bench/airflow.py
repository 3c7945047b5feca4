"""What Airflow adds to a batch: the same work as a DAG run and by `pinpipe batch`, in turns, on the running stack.

    .venv/bin/python bench/airflow.py [--runs 3]

Needs `make demo` before: each run finds nothing new, so that both do the same. Prints each run's wall time, what the
tasks of the last DAG run took (waiting in the queue, running), and the memory of Airflow's parts.

Measured so far, on two cores that others used, too (load 6 to 8), in one warm DAG run of 15 tasks, 100 s: from the end
of one step to the start of the next 0.2 to 0.8 s, and 0.4 s for a task's process and reading the DAG file (0.09 s).
Each answer's own Spark session, reading the tables anew, costs more than Airflow does: 5 to 7 s for an answer, three
at a time. Memory while a run is on, MB, what processes share counted once (and each on its own): API server 255 (279),
scheduler with three workers 363 (1098), DAG processor 152 (175).
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import datetime

import psutil

from pinpipe import runs, settings
from pinpipe.airflow import Airflow
from pinpipe.stack import Stack


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def proportional_mb(pid: int) -> float:
    """Memory of a process and its children, what they share counted once (PSS)."""
    process = psutil.Process(pid)
    return sum(member.memory_full_info().pss for member in (process, *process.children(recursive=True))) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    count = parser.parse_args().runs
    in_force = settings.load()
    airflow = Airflow(in_force)
    by_airflow, direct = [], []
    for _ in range(count):
        started = time.monotonic()
        run = airflow.trigger()
        assert airflow.wait(run) == "success"
        by_airflow.append(time.monotonic() - started)
        started = time.monotonic()
        runs.run(in_force)
        direct.append(time.monotonic() - started)
    tasks = airflow.call("GET", f"/dagRuns/{run}/taskInstances", params={"limit": 100})["task_instances"]
    print("DAG runs, s:     ", *(f"{seconds:.1f}" for seconds in by_airflow))
    print("pinpipe batch, s:", *(f"{seconds:.1f}" for seconds in direct))
    added = statistics.median(by_airflow) - statistics.median(direct)
    print(f"added by Airflow: {added:.1f} s, {added / len(tasks):.2f} s for each of {len(tasks)} tasks")
    for task in sorted(tasks, key=lambda task: task["start_date"]):
        name = f"{task['task_id']} {task['rendered_map_index'] or ''}"
        queued = moment(task["start_date"]) - moment(task["queued_when"])
        print(f"  {name:<12} queued {queued:4.1f} s, ran {task['duration']:5.1f} s")
    for name, state in Stack(in_force).states().items():
        if name.startswith("airflow"):
            print(f"{name}: {proportional_mb(state.pid):.0f} MB")


if __name__ == "__main__":
    main()
