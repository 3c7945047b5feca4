"""``pinpipe status``: what is in every stage, whether the numbers agree, and how every part is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from pinpipe import settings
from pinpipe.cli.output import grid, out, say
from pinpipe.counts import COUNTS, Status
from pinpipe.errors import PartDown

if TYPE_CHECKING:
    from pinpipe.settings import Settings

STREAM = ("read", "clean", "superseded", "quarantined", "lag")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object; with --watch one a line.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every record of the topics and every object of the lake.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks of --watch.")] = 2.0,
) -> None:
    """Show what is in every stage, whether the numbers agree and why they may not, and the state of every part."""
    from pinpipe.status import gather

    in_force = settings.load()
    if watch:
        _watch(in_force, deep, every, as_json)
        return
    found = gather(in_force, deep)
    if as_json:
        out.print_json(json.dumps(found.as_dict()))
        return
    _show(found, in_force)
    if down := complaint(found):
        raise PartDown(down)


def _watch(in_force: Settings, deep: bool, every: float, as_json: bool) -> None:
    from pinpipe.status import gather

    while as_json or not out.is_terminal:
        found = gather(in_force, deep)
        if as_json:
            say(json.dumps(found.as_dict()))
        else:
            _show(found, in_force)
        time.sleep(every)
    with Live(console=out, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            found = gather(in_force, deep)
            # what is wrong first: a terminal may be too low for the rest
            wrong = [*filter(None, [complaint(found)]), *found.problems()]
            live.update(Group(*map(Text, wrong), counts(found), stream(found), parts(found)), refresh=True)
            time.sleep(every)


def _show(found: Status, in_force: Settings) -> None:
    for shown in (counts(found), stream(found), parts(found)):
        out.print(shown)
    for line in (*airflow(found, in_force), *found.problems()):
        say(line)


def counts(found: Status) -> RenderableType:
    """The counts of the batch path, a row per stage."""
    return grid(
        "Batch path: records in each stage",
        ("stage", *found.batch),
        [(name.replace("_", " "), *(getattr(table, name) for table in found.batch.values())) for name in COUNTS],
    )


def stream(found: Status) -> RenderableType:
    """The counts of the streaming path, a row per stage."""
    return grid(
        "Streaming path: records in each stage",
        ("stage", *found.stream),
        [("lag, ms" if n == "lag" else n, *(getattr(table, n) for table in found.stream.values())) for n in STREAM],
    )


def parts(found: Status) -> RenderableType:
    """The state of every part, a row each."""
    return grid(
        "Parts",
        ("part", "state", "address", "memory MB"),
        [(name, part.state, part.address, part.memory_mb) for name, part in found.parts.items()],
    )


def airflow(found: Status, in_force: Settings) -> list[str]:
    """Where Airflow's page is, how to log in there, and how the DAG ran last; nothing while it is down."""
    from pinpipe.airflow import Airflow

    if found.parts["airflow-api-server"].state != "up":
        return []
    airflow = Airflow(in_force)
    last = f"{found.dag.state} ({found.dag.last_run})" if found.dag.state else "never ran"
    page = in_force.from_outside(airflow.url)
    return [f"Airflow: {page}, user admin, password {airflow.password}; {airflow.dag}: {last}"]


def complaint(found: Status) -> str:
    """The parts that are missed, in a line; empty when none is."""
    down = found.missed()
    return f"{', '.join(down)} {'does' if len(down) == 1 else 'do'} not answer: run 'pinpipe up'" if down else ""
