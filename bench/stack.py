"""The stack on this machine: ``python -m bench.stack [up] [everything] [demo] [--rounds N]``.

* up: the parts but for the stream job and Airflow, from stopped to provisioned. Cold is without data, as after a
  clone: MySQL's and Kafka's folders are made. Warm is after ``down``.
* everything: the same with all parts; then, once they have nothing to do, what each takes of a core.
* demo: ``make demo`` with set-up done and no data, then again at once, with all parts up; then idle as above.

Memory is what the processes of a part have to themselves and their share of what they have in common (PSS). The stack
is the tests' own (ports and folder of its own, removed at the end).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from bench.report import Report, Target, arguments
from pinpipe.stack import PARTS, Stack
from tests.support.pipeline import ROOT, Pipeline, write_env_file

EVERYTHING = [part.name for part in PARTS]
LEAN = [part.name for part in PARTS if part.name != "stream" and part.group != "airflow"]
SETTLE, IDLE = 45, 45
"""Seconds before it is looked what idle parts take, and for how long."""

LEAN_CASE, ALL_CASE, IDLE_CASE, DEMO_CASE = "without stream and Airflow", "everything", "everything, idle", "make demo"
AFTER_DEMO = "after the demos, idle"
TARGETS = [
    Target("up without stream and Airflow, warm, s", (LEAN_CASE, "up warm, s"), most=45),
    Target("the same, cold, s", (LEAN_CASE, "up cold, s"), most=45),
    Target("the same, memory, MB", (LEAN_CASE, "memory, MB"), most=4000),
    Target("up of everything, warm, s", (ALL_CASE, "up warm, s"), most=90),
    Target("the same, cold, s", (ALL_CASE, "up cold, s"), most=90),
    Target("the same, memory, MB", (ALL_CASE, "memory, MB"), most=7000),
    Target("everything after two demos, memory, MB", (AFTER_DEMO, "all parts, MB"), most=7000),
    Target("everything idle, % of a core", (IDLE_CASE, "all parts, % of a core"), most=10),
    Target("idle after two demos, % of a core", (AFTER_DEMO, "all parts, % of a core"), most=10),
    Target("demo with all parts up, s", (DEMO_CASE, "again, all parts up, s"), most=240),
]


def start(pipeline: Pipeline, parts: Sequence[str]) -> float:
    """Seconds until the parts answer and are provisioned."""
    begin = time.monotonic()
    if len(parts) == len(EVERYTHING):
        pipeline.run("up")
    else:
        pipeline.run("up", *parts)
        pipeline.run("provision")
    return time.monotonic() - begin


def families(pipeline: Pipeline) -> dict[str, list[psutil.Process]]:
    """The processes of each part that runs."""
    found = {}
    for name, state in Stack(pipeline.settings()).states().items():
        if state.pid:
            process = psutil.Process(state.pid)
            found[name] = [process, *process.children(recursive=True)]
    return found


def memory(pipeline: Pipeline) -> dict[str, float]:
    """MB of each part."""
    return {
        name: summed(family, lambda process: process.memory_full_info().pss) / 2**20
        for name, family in families(pipeline).items()
    }


def used(pipeline: Pipeline) -> dict[str, dict[int, float]]:
    """CPU seconds of each process of each part so far, those of its ended children too."""
    found: dict[str, dict[int, float]] = {}
    for name, family in families(pipeline).items():
        found[name] = {}
        for process in family:
            with suppress(psutil.NoSuchProcess):
                found[name][process.pid] = sum(process.cpu_times()[:4])
    return found


def summed(family: Sequence[psutil.Process], of: Callable[[psutil.Process], float]) -> float:
    """Without those that have ended meanwhile."""
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            total += of(process)
    return total


def at_rest(pipeline: Pipeline) -> dict[str, list[float]]:
    """What each part takes when there is nothing to do."""
    time.sleep(SETTLE)
    before, begun = used(pipeline), time.monotonic()
    time.sleep(IDLE)
    took = time.monotonic() - begun
    # process by process: a Python worker of Spark that ends in between takes what it used before along
    share = {
        name: 100 * sum(seconds - before[name].get(pid, 0) for pid, seconds in processes.items()) / took
        for name, processes in used(pipeline).items()
    }
    held = memory(pipeline)
    found = {"all parts, % of a core": [sum(share.values())], "all parts, MB": [sum(held.values())]}
    for name in sorted(share, key=lambda name: -share[name]):
        found |= {f"{name}, % of a core": [share[name]], f"{name}, MB": [held[name]]}
    return found


def measure_up(pipeline: Pipeline, rounds: int, parts: Sequence[str]) -> dict[str, list[float]]:
    """From nothing, then up and down again, time after time."""
    cold = start(pipeline, parts)
    warm, megabytes = [], []
    for _ in range(rounds):
        pipeline.run("down")
        warm.append(start(pipeline, parts))
        megabytes.append(sum(memory(pipeline).values()))
    return {"up cold, s": [cold], "up warm, s": warm, "memory, MB": megabytes}


def measure_demo(pipeline: Pipeline) -> dict[str, list[float]]:
    """Two demos; one that doesn't add up fails."""
    found = {}
    for what in ("no data, s", "again, all parts up, s"):
        begin = time.monotonic()
        subprocess.run(["make", "demo"], cwd=ROOT, env=pipeline.environment, check=True, stdout=subprocess.DEVNULL)
        found[what] = [time.monotonic() - begin]
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", nargs="*", help="up, everything, demo; all when left out")
    parser.add_argument("--rounds", type=int, default=3, help="warm ones")
    given = parser.parse_args()
    report = Report("stack", TARGETS, given.record)
    write_env_file()
    pipeline = Pipeline("demo")
    pipeline.run("clean", "--yes")
    for what in given.what or (["up"] if given.quick else ["up", "everything", "demo"]):
        try:
            if what == "up":
                report.add(LEAN_CASE, measure_up(pipeline, 1 if given.quick else given.rounds, LEAN))
            elif what == "everything":
                report.add(ALL_CASE, measure_up(pipeline, given.rounds, EVERYTHING))
                report.add(IDLE_CASE, at_rest(pipeline))
            else:
                report.add(DEMO_CASE, measure_demo(pipeline))
                report.add(AFTER_DEMO, at_rest(pipeline))
        finally:
            pipeline.run("clean", "--yes")
    report.close()


if __name__ == "__main__":
    main()
