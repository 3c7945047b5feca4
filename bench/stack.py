"""The stack on this machine: ``python -m bench.stack up [--rounds N]`` and ``python -m bench.stack demo``.

* up: the parts of the batch path from stopped to provisioned, and their memory. Everything was started before, so
  MySQL's and Kafka's data are there, and the files in the system's cache.
* demo: ``make demo``: first with set-up done and no data, then again at once, with all parts up.

The stack is the tests' own (ports and folder of its own, removed at the end).
"""

from __future__ import annotations

import argparse
import subprocess
import time

from rich.console import Console
from rich.table import Table

from bench.report import figures, machine
from pinpipe.stack import PARTS
from tests.support.pipeline import ROOT, Pipeline, write_env_file

BATCH = [part.name for part in PARTS if part.name != "stream"]
"""The parts of the batch path."""


def start(pipeline: Pipeline) -> float:
    """Seconds until the batch path's parts answer and are provisioned."""
    begin = time.monotonic()
    pipeline.run("up", *BATCH)
    pipeline.run("provision")
    return time.monotonic() - begin


def memory(pipeline: Pipeline) -> dict[str, int]:
    """MB of each part that is up, its processes summed."""
    parts = pipeline.json("status")["parts"]
    return {name: part["memory_mb"] for name, part in parts.items() if part["state"] == "up"}


def measure_up(pipeline: Pipeline, rounds: int) -> Table:
    """Up and down again, time after time."""
    start(pipeline)
    seconds, megabytes = [], []
    for _ in range(rounds):
        pipeline.run("down")
        seconds.append(start(pipeline))
        megabytes.append(sum(memory(pipeline).values()))
    table = Table(
        "measure",
        "minimum / median / maximum",
        title=f"batch path, stopped to provisioned, {rounds} rounds",
        min_width=80,
    )
    table.add_row("seconds", figures(seconds, ".1f"))
    table.add_row("memory, MB", figures(megabytes))
    return table


def measure_demo(pipeline: Pipeline) -> Table:
    """Two demos; one that doesn't add up fails."""
    table = Table("measure", "seconds", "memory, MB", title="make demo", min_width=80)
    for what in ("set-up done, no data", "again, all parts up"):
        begin = time.monotonic()
        subprocess.run(["make", "demo"], cwd=ROOT, env=pipeline.environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - begin
        used = memory(pipeline)
        batch = sum(used[name] for name in BATCH)
        table.add_row(what, f"{seconds:.0f}", f"{sum(used.values()):,}, of it the batch path {batch:,}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("up", "demo"))
    parser.add_argument("--rounds", type=int, default=3, help="of `up`")
    arguments = parser.parse_args()
    write_env_file()
    pipeline = Pipeline("demo")
    pipeline.run("clean", "--yes")
    before = machine()
    try:
        table = measure_up(pipeline, arguments.rounds) if arguments.what == "up" else measure_demo(pipeline)
    finally:
        pipeline.run("clean", "--yes")
    table.caption = f"{before} before"
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
