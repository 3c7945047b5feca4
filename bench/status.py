"""``pinpipe status`` on the stack that runs (``make demo`` first): ``python -m bench.status [--rounds N] [--stop]``.

The whole command, from its start to its end: quick, and ``--deep``, against a Python that imports nothing. With
``--stop`` then once without each part in turn, which is stopped for it and started again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.report import Report, Target, arguments
from pinpipe import settings
from pinpipe.stack import Stack

QUICK, DEEP, NOTHING = "status --json", "status --deep --json", "python -c ''"
TARGETS = [Target("status, s", (QUICK, "s"), most=3), Target("deep / quick", (DEEP, "s"), (QUICK, "s"))]
PINPIPE = str(Path(sys.executable).with_name("pinpipe"))


def timed(*command: str) -> tuple[float, str]:
    """Seconds of a command, and what it prints."""
    begin = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.monotonic() - begin, done.stdout


def measure(rounds: int) -> dict[str, list[float]]:
    commands = {
        NOTHING: [sys.executable, "-c", ""],
        QUICK: [PINPIPE, "status", "--json"],
        DEEP: [PINPIPE, "status", "--deep", "--json"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    timed(*commands[QUICK])  # files into the system's cache
    for _ in range(rounds):
        for name, command in commands.items():
            seconds[name].append(timed(*command)[0])
    return seconds


def without_each() -> Table:
    stack = Stack(settings.load())
    table = Table(
        "stopped", "seconds", "its state", "counts of pin that are unknown", title="without each part in turn"
    )
    for name in [name for name, state in stack.states().items() if state.state == "RUNNING"]:
        stack.stop([name])
        try:
            seconds, told = timed(PINPIPE, "status", "--json")
        finally:
            stack.start([name])
            stack.wait([name])
            if name == "localstack":  # it forgets everything; the stream job does not start without its bucket
                subprocess.run([PINPIPE, "provision"], check=True, capture_output=True)
        found = json.loads(told)
        unknown = [
            f"{way} {count}" for way in ("batch", "stream") for count, n in found[way]["pin"].items() if n is None
        ]
        table.add_row(name, f"{seconds:.2f}", found["parts"][name]["state"], ", ".join(unknown))
    return table


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stop", action="store_true", help="stop each part in turn")
    given = parser.parse_args()
    report = Report("status", TARGETS, given.record)
    for command, seconds in measure(given.rounds).items():
        report.add(command, {"s": seconds})
    report.close()
    if given.stop:
        Console(width=120).print(without_each())


if __name__ == "__main__":
    main()
