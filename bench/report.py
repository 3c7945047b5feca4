"""What all measurements report alike: figures a case and measure, kept as JSON lines, and the targets they must meet.

A bench makes a :class:`Report` and adds cases to it; each is printed with minimum, median and maximum, and with
``--record`` kept in ``bench/results.jsonl``, from which :mod:`bench.write` makes ``bench/results.md``. The bench's own
``TARGETS`` say which ratios of two medians matter, and what they must be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pinpipe.settings import ROOT

RESULTS = Path(__file__).with_name("results.jsonl")
KEPT = 2
"""Runs of a case that are kept: the newest is reported, the one before is what it must agree with."""


@dataclass(frozen=True)
class Run:
    """What one run of one case measured: for each measure, named with its unit, a figure for each round."""

    part: str
    case: str
    measures: Mapping[str, Sequence[float]]
    when: str = ""
    commit: str = ""
    command: str = ""
    load: float = 0.0
    """Processes that wanted a core in the minute before the case began."""


@dataclass(frozen=True)
class Target:
    """A ratio of two medians, or a median alone, and what it must be; without ``least`` and ``most`` it is stated."""

    text: str
    of: tuple[str, str]
    to: tuple[str, str] | None = None
    """Case and measure of the baseline."""
    least: float | None = None
    most: float | None = None

    def value(self, cases: Mapping[str, Run]) -> float | None:
        """None where a part of it was not measured."""
        if not (found := self._figures(cases)):
            return None
        of, *to = map(statistics.median, found)
        return of / to[0] if to else of

    def rounds(self, cases: Mapping[str, Run]) -> list[float]:
        """The same of each round alone; where the baseline has another number of rounds, against its median."""
        of, *to = self._figures(cases) or [[]]
        if not to:
            return list(of)
        baseline = to[0] if len(to[0]) == len(of) else [statistics.median(to[0])] * len(of)
        return [value / base for value, base in zip(of, baseline, strict=True)]

    def _figures(self, cases: Mapping[str, Run]) -> list[Sequence[float]]:
        """Those of the subject and, if there is one, of the baseline; none where one was not measured."""
        asked = [each for each in (self.of, self.to) if each]
        found = [cases[case].measures.get(measure, ()) for case, measure in asked if case in cases]
        return found if len(found) == len(asked) and all(found) else []

    def met(self, value: float) -> bool | None:
        """None where there is nothing to meet."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def wanted(self) -> str:
        ends = (("at least", self.least), ("at most", self.most))
        return ", ".join(f"{word} {end:g}" for word, end in ends if end is not None) or "stated"


class Report:
    """One run of a part: prints each case when it is measured, and keeps it with ``record``."""

    def __init__(self, part: str, targets: Sequence[Target] = (), record: bool = False) -> None:
        self._part, self._targets, self._record = part, targets, record
        self._cases: dict[str, Run] = {}
        self._load = os.getloadavg()[0]
        self._console = Console(width=120)
        self._console.print(machine())

    def add(self, case: str, measures: Mapping[str, Sequence[float]]) -> None:
        """Report a case's figures."""
        command = " ".join([f"python -m bench.{self._part}", *(word for word in sys.argv[1:] if word != "--record")])
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        run = Run(
            self._part, case, {name: [float(f"{value:.6g}") for value in values] for name, values in measures.items()},
            now, commit(), command, round(self._load, 1),
        )  # fmt: skip
        self._cases[case] = run
        table = Table("measure", "minimum / median / maximum", title=f"{self._part}: {case}", min_width=80)
        for name, values in run.measures.items():
            table.add_row(name, figures(values))
        self._console.print(table)
        if self._record:
            keep(run)

    def close(self) -> None:
        """Print the targets of what was measured."""
        table = Table("ratio", "is", "wanted", "", title=f"{self._part}: targets", min_width=80)
        for target in self._targets:
            if (value := target.value(self._cases)) is not None:
                table.add_row(target.text, form(value), target.wanted, verdict(target, value))
        if table.row_count:
            self._console.print(table)


def verdict(target: Target, value: float) -> str:
    return {True: "met", False: "missed", None: ""}[target.met(value)]


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """A parser with what all benches take; a bench that is told to end stops what it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small: to see that it works, not for its figures")
    parser.add_argument("--record", action="store_true", help=f"keep the figures in {RESULTS.relative_to(ROOT)}")
    return parser


def keep(run: Run) -> None:
    """Add a run to those that are kept."""
    runs = [*kept(), run]
    last = [at for at, each in enumerate(runs) if (each.part, each.case) == (run.part, run.case)][-KEPT:]
    left = [each for at, each in enumerate(runs) if (each.part, each.case) != (run.part, run.case) or at in last]
    new = RESULTS.with_suffix(".new")
    new.write_text("".join(json.dumps(asdict(each)) + "\n" for each in left))
    new.rename(RESULTS)


def kept() -> list[Run]:
    """All runs that are kept, each case's oldest first."""
    return [Run(**json.loads(line)) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def commit() -> str:
    """The commit that is checked out, with a plus where the tree differs from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results.*", ":!bench/*.svg")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def form(value: float) -> str:
    """Three digits that say something."""
    return format(value, _shape(value))


def figures(values: Sequence[float], shape: str | None = None) -> str:
    """Minimum, median and maximum, by default with the median's digits; or the one value there is."""
    three = (min(values), statistics.median(values), max(values))
    shape = shape or _shape(three[1])
    return " / ".join(format(value, shape) for value in (three if len(values) > 1 else three[:1]))


def _shape(value: float) -> str:
    return ",.0f" if abs(value) >= 100 else ".1f" if abs(value) >= 10 else ".2f"


def machine() -> str:
    """Cores, system, and how many processes want a core now and wanted one in the last minutes."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}, load {load}"
