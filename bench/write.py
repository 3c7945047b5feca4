"""Writes ``bench/results.md`` and its plots from the figures that are kept: ``python -m bench.write``."""

from __future__ import annotations

import importlib
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.report import Run, Target, figures, form, kept, verdict
from pinpipe.settings import ROOT

PARTS = {
    "stack": "Start and memory",
    "rest_proxy": "REST proxy",
    "emulator": "Through the API gateway",
    "s3_sink": "S3 sink",
    "batch": "From objects to answers",
    "objects": "Single objects against objects of 500",
    "spark_settings": "Spark's settings, one by one",
    "kinesis_source": "Kinesis source",
    "stream_latency": "Record to Delta",
    "airflow": "The DAG beside the command",
    "status": "`pinpipe status`",
}
"""The benches in the order in which they are reported, and how their sections are called."""
FOLDER = Path(__file__).parent
RATIOS = "| ratio | is | wanted | | by round | the run before | |\n|---|---:|---|---|---|---|---|"
PACKAGES = ("pyspark", "delta-spark", "confluent-kafka", "aiohttp", "duckdb", "deltalake")


def results(runs: Iterable[Run], quick: bool = False) -> str:
    """The whole page."""
    cases: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        cases.setdefault(run.part, {}).setdefault(run.case, []).append(run)
    text = [
        "# Results",
        "Written by `make bench`; [what each bench is and how to read this](README.md). A figure is the median of its "
        "rounds, with the smallest and the largest.",
        *(() if quick else (_machine(),)),
        *(["## Targets", _targets(cases)] if not quick else ()),
    ]
    for part, title in PARTS.items():
        if part in cases:
            text += _section(part, title, cases[part])
    if missing := [part for part in PARTS if part not in cases]:
        text.append(f"Not measured yet: {', '.join(f'`{part}`' for part in missing)}.")
    return "\n\n".join(text) + "\n"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    jars = ROOT / ".pinpipe" / "jars" / "kafka"
    kafka = ", ".join(sorted(jar.stem.replace("kafka_2.13-", "Kafka ") for jar in jars.glob("kafka_2.13-*.jar")))
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()[0]
    python = ROOT / ".venv-localstack" / "bin" / "python"
    told = "import importlib.metadata as m; print(m.version('localstack-core'))"
    localstack = subprocess.run([python, "-c", told], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return (
        f"**Machine**: {os.cpu_count()} cores ({found[1] if found else platform.machine()}), {memory:.0f} GiB, Linux "
        f"{platform.release()}. **Versions**: {java}, Python {platform.python_version()}, {kafka}, LocalStack "
        f"{localstack}, {packages}."
    )


def _targets_of(part: str) -> Sequence[Target]:
    return getattr(importlib.import_module(f"bench.{part}"), "TARGETS", ())


def _newest(cases: dict[str, list[Run]]) -> dict[str, Run]:
    return {case: runs[-1] for case, runs in cases.items()}


def _targets(cases: dict[str, dict[str, list[Run]]]) -> str:
    lines = ["| | is | wanted | |", "|---|---:|---|---|"]
    for part in PARTS:
        for target in _targets_of(part) if part in cases else ():
            value = target.value(_newest(cases[part]))
            if value is not None and target.met(value) is not None:
                lines.append(_row(target, value, f"[{target.text}](#{_anchor(PARTS[part])})"))
    return "\n".join(lines)


def _row(target: Target, value: float, text: str) -> str:
    said = verdict(target, value)
    return f"| {text} | {form(value)} | {target.wanted} | {'**missed**' if said == 'missed' else said} |"


def _ratios(targets: Sequence[Target], newest: Mapping[str, Run], before: Mapping[str, Run]) -> Iterable[str]:
    """The ratios of a part, the spread of their rounds, and that of the run before."""
    for target in targets:
        if (value := target.value(newest)) is not None:
            rounds, earlier = target.rounds(newest), target.rounds(before)
            compared = f"{figures(earlier)} | {agreement(rounds, earlier)}" if earlier else " | "
            yield f"{_row(target, value, target.text)} {figures(rounds)} | {compared} |"


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _section(part: str, title: str, cases: dict[str, list[Run]]) -> Iterable[str]:
    newest = _newest(cases)
    yield f"## {title}"
    notes = FOLDER / "notes" / f"{part}.md"
    if notes.exists():
        yield notes.read_text().strip()
    for plot in sorted((FOLDER / "plots").glob(f"{part}*.svg")):
        yield f"![{title}](plots/{plot.name})"
    before = {case: runs[0] for case, runs in cases.items() if len(runs) > 1}
    if ratios := list(_ratios(_targets_of(part), newest, before)):
        yield "\n".join([RATIOS, *ratios])
    lines = [
        f"| case | measure | minimum / median / maximum |{' the run before | |' if before else ''}",
        f"|---|---|---|{'---|---|' if before else ''}",
    ]
    for case, runs in cases.items():
        for number, (measure, values) in enumerate(runs[-1].measures.items()):
            earlier = runs[0].measures.get(measure) if len(runs) > 1 else None
            compared = f" {figures(earlier) if earlier else ''} | {agreement(values, earlier)} |" if before else ""
            lines.append(f"| {'' if number else case} | {measure} | {figures(values)} |{compared}")
    yield "\n".join(lines)
    yield "\n".join(f"* `{command}`: {', '.join(told)}" for command, told in _commands(newest.values()).items())


def agreement(values: Sequence[float], earlier: Sequence[float] | None) -> str:
    """Whether two runs' spreads meet, and if not, how far apart their medians are."""
    if not earlier:
        return ""
    if max(min(values), min(earlier)) <= min(max(values), max(earlier)):
        return "agrees"
    first, second = statistics.median(earlier), statistics.median(values)
    return f"{second / first - 1:+.0%}" if first else "differs"


def _commands(runs: Iterable[Run]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for run in runs:
        told = f"{run.when} UTC, commit {run.commit}, load {run.load} before"
        if told not in found.setdefault(run.command, []):
            found[run.command].append(told)
    return found


def main() -> None:
    try:
        subprocess.run([ROOT / ".venv-bench" / "bin" / "python", FOLDER / "plot.py"], check=True)
    finally:
        (FOLDER / "results.md").write_text(results(kept()))  # with the plots that there are


if __name__ == "__main__":
    main()
