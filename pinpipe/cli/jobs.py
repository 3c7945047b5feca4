"""The commands that are about the batch: run it, read its answers."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pinpipe import settings
from pinpipe.cli.output import out, progress, say, stopping, table
from pinpipe.errors import PinpipeError
from pinpipe.settings import ANSWERS, TABLES, Settings
from pinpipe.stack import require

if TYPE_CHECKING:
    pass

SHOWN_ROWS = 12
"""Rows of an answer that the demo prints; `pinpipe answers` prints all."""


class Step(StrEnum):
    """A part of the batch run."""

    load = "load"
    clean = "clean"
    answers = "answers"
    report = "report"


def batch(
    step: Annotated[Step | None, typer.Argument(help="Only this part of the run.")] = None,
    only: Annotated[str | None, typer.Argument(help="Only this table (clean) or this answer (answers).")] = None,
    run: Annotated[
        str | None, typer.Option(help="The run that this step belongs to, and shares its lease with.")
    ] = None,
) -> None:
    """Load new objects, clean them, compute the answers; each part goes on where it stopped."""
    in_force = settings.load()
    if only is None and run is None and step is not Step.report:
        run_batch(in_force, (step.value,) if step else None)
    else:
        _run_alone(in_force, step, only, run)


def _run_alone(in_force: Settings, step: Step | None, only: str | None, run: str | None) -> None:
    """One step as a process of its own, as the daily job's tasks are."""
    from pinpipe import runs
    from spark_jobs.lease import Share

    wanted = {Step.clean: TABLES, Step.answers: ANSWERS}.get(step) if step else None
    if step is None or (only is not None) != (wanted is not None) or (wanted and only not in wanted):
        raise typer.BadParameter("with a run or a part of a step: load, clean TABLE, answers NUMBER, or report")
    name = f"{step.value} {only or ''}".strip()
    share = Share(run, name, last=step is Step.report) if run else None
    done: object
    if step is Step.load:
        done = runs.load(in_force, share)
    elif step is Step.clean:
        done = runs.clean(in_force, str(only), share)
    elif step is Step.answers:
        done = runs.answer(in_force, str(only), share)
    else:
        done = runs.report(in_force, run or str(uuid.uuid4()), share)
    say(f"{name}: {done}")


def run_batch(in_force: Settings, steps: tuple[str, ...] | None = None) -> None:
    """Run the batch with a progress bar, and fail if its counts do not add up."""
    from pinpipe import runs

    started = time.monotonic()
    with progress("batch") as bar:
        counts = runs.run(in_force, steps or runs.STEPS, lambda name: bar.update(bar.task_ids[0], description=name))
    for name, counted in counts.items():
        say(f"{name}: {counted}")
    say(f"batch done in {time.monotonic() - started:.0f} s")
    runs.hold(counts)


def stream(
    available_now: Annotated[bool, typer.Option("--available-now", help="Settle what is there, then end.")] = False,
) -> None:
    """Clean the three Kinesis streams into their tables as records come, until stopped; a driver of its own."""
    from pinpipe import streams

    stop = threading.Event()
    with stopping(stop):
        streams.run(settings.load(), stop, available_now, say)
    say("the stream job stopped")


class Per(StrEnum):
    """Whether questions 5 to 8 count users or posts."""

    user = "user"
    post = "post"


def answers(
    number: Annotated[str | None, typer.Argument(help="Only this answer: 1, 2a, 2b, 3a, 3b, 4, 5, 6, 7 or 8.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object: answer to its rows.")] = False,
    per: Annotated[
        Per, typer.Option(help="Count users, or posts as many published solutions do, in 5 to 8.")
    ] = Per.user,
) -> None:
    """Print the answers that the last batch run wrote."""
    from spark_jobs.answers import ANSWERS

    if number is not None and number not in {answer.number for answer in ANSWERS}:
        raise typer.BadParameter(f"there is no answer {number!r}; there are {', '.join(a.number for a in ANSWERS)}")
    found = read_answers(settings.load(), per, number)
    if as_json:
        out.print_json(json.dumps(found))
    else:
        show_answers(found)


def read_answers(in_force: Settings, per: Per = Per.user, number: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Answer number to its rows, in the order that the answer defines; of one answer or all."""
    from pinpipe import delta, runs
    from spark_jobs.answers import ANSWERS, sort_rows

    require(in_force, "localstack")
    chosen = [answer for answer in ANSWERS if number in (None, answer.number)]
    if per is Per.post:
        with runs.batch(in_force) as job:
            asked = job.asked()
            computed = {answer: [row.asDict() for row in answer.compute(*asked, "post").collect()] for answer in chosen}
    else:
        computed = {}
        for answer in chosen:
            rows = delta.rows(in_force, f"answers/{answer.name}")
            if rows is None:
                raise PinpipeError("there are no answers yet: run 'pinpipe batch'")
            computed[answer] = rows
    return {answer.number: sort_rows(answer, rows) for answer, rows in computed.items()}


def show_answers(found: dict[str, list[dict[str, Any]]], limit: int | None = None) -> None:
    """Print answers as tables, each under its question."""
    from spark_jobs.answers import ANSWERS

    for answer in ANSWERS:
        if answer.number in found:
            rows = [tuple(row[column] for column in answer.columns) for row in found[answer.number]]
            table(f"{answer.number}. {answer.question}", answer.columns, rows, limit)


COMMANDS: tuple[Callable[..., None], ...] = (batch, stream, answers)
