"""The commands that are about the data: fill the source, send posts, run the batch, read the answers."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pinpipe import settings
from pinpipe.aws import invoke_url
from pinpipe.cli.output import out, progress, say, table
from pinpipe.cli.stack import show_counts
from pinpipe.cli.stack import up as start_all
from pinpipe.errors import PinpipeError
from pinpipe.settings import TABLES, Settings
from pinpipe.stack import require

if TYPE_CHECKING:
    from producer.emulator import Report
    from producer.senders import Sender
    from producer.tables import Post

SHOWN_ROWS = 12
"""Rows of an answer that the demo prints; `pinpipe answers` prints all."""


class Target(StrEnum):
    """Where posts are sent."""

    kafka = "kafka"
    kinesis = "kinesis"
    both = "both"


class Pace(StrEnum):
    """How fast posts are sent."""

    course = "course"
    fast = "fast"


def seed(
    rows: Annotated[int, typer.Option(help="How many posts to generate.")] = 11_154,
    folder: Annotated[
        Path | None, typer.Option("--from", help="A folder with your own pinterest_data, geolocation_data, user_data.")
    ] = None,
) -> None:
    """Fill the three tables in MySQL, replacing what is there: generated posts, or your own copy."""
    from producer.database import Database
    from producer.folder import read_folder
    from producer.generate import generate

    in_force = settings.load()
    require(in_force, "mysql")
    with progress("generating" if folder is None else f"reading {folder}"):
        tables = generate(rows) if folder is None else read_folder(folder)
    total = sum(len(tables.rows(name)) for name in TABLES)
    with Database(in_force.mysql_url.get_secret_value()) as database, progress("loading", total) as bar:
        database.load(tables, lambda done: bar.update(bar.task_ids[0], advance=done))
        counts = database.counts()
    say("in MySQL: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


def post(
    count: Annotated[int | None, typer.Option(min=1, help="How many posts; without it, until stopped.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every post once, in key order.")] = False,
    batch_size: Annotated[
        int, typer.Option(min=1, max=2000, help="Posts per request at the fast pace; Kinesis takes 500 at most.")
    ] = 500,
    to: Annotated[Target, typer.Option(help="The topics, the streams, or both.")] = Target.kafka,
    pace: Annotated[Pace, typer.Option(help="The course's pauses with one record a request, or batches.")] = Pace.fast,
    show: Annotated[bool, typer.Option("--print", help="Show the three rows of each post.")] = False,
) -> None:
    """Send posts from MySQL through API Gateway, in the course's order unless --all."""
    if not every and count is None and pace is Pace.fast:
        raise typer.BadParameter("say how many: --count N, --all, or --pace course to go on until Ctrl-C")
    report = send(settings.load(), count, every, batch_size, pace, show, to)
    if report.totals.failed:
        raise PinpipeError(f"{report.totals.failed} records failed: {report.totals.error}")


def send(
    in_force: Settings,
    count: int | None,
    every: bool,
    batch_size: int = 500,
    pace: Pace = Pace.fast,
    show: bool = False,
    to: Target = Target.kafka,
) -> Report:
    """Send posts and say what was done, also after Ctrl-C."""
    from producer import emulator, order
    from producer.database import Database
    from producer.kinesis_sender import kinesis_senders
    from producer.rest_sender import rest_senders

    kafka_parts = () if to is Target.kinesis else ("rest-proxy", "kafka")
    require(in_force, "mysql", "localstack", *kafka_parts)
    stop = threading.Event()
    with Database(in_force.mysql_url.get_secret_value(), stop=stop) as database, stopping(stop):
        keys = database.keys()
        if not keys:
            raise PinpipeError("MySQL holds no posts: run 'pinpipe seed'")
        draws = order.key_order(keys, count) if every else order.course_order(keys, count)
        total = count or (len(keys) if every else None)
        api = invoke_url(in_force)
        senders: list[Sender] = []
        if to is not Target.kinesis:
            senders += rest_senders(api, in_force.pin_user_id, stop=stop)
        if to is not Target.kafka:
            senders += kinesis_senders(api, in_force.pin_user_id, stop=stop)
        try:
            with progress("sending", total) as bar:

                def told(posts: Sequence[Post], so_far: Report) -> None:
                    bar.update(bar.task_ids[0], completed=so_far.posts)
                    if show:
                        for one in posts:
                            say("\n".join(str(one.row(name)) for name in TABLES) + "\n")

                report = emulator.post(
                    database,
                    senders,
                    draws,
                    batch_size=batch_size,
                    pace=emulator.Pace(pace),
                    on_progress=told,
                    stop=stop,
                )
        finally:
            for sender in senders:
                sender.close()
    totals = report.totals
    say(
        f"{'stopped: ' if report.stopped else ''}{report.posts} posts in {report.seconds:.1f} s: {totals.sent} records "
        f"sent, {totals.acknowledged} acknowledged, {totals.failed} failed, {totals.uncertain} perhaps twice"
    )
    return report


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM set ``stop`` and let what is under way come to its end; a second ends it."""

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Step(StrEnum):
    """A part of the batch run."""

    load = "load"
    clean = "clean"
    answers = "answers"


def batch(
    step: Annotated[Step | None, typer.Argument(help="Only this part of the run.")] = None,
) -> None:
    """Load new objects, clean them, compute the answers; each part goes on where it stopped."""
    run_batch(settings.load(), (step.value,) if step else None)


def run_batch(in_force: Settings, steps: tuple[str, ...] | None = None) -> None:
    """Run the batch with a progress bar, and fail if its counts do not add up."""
    from pinpipe import runs
    from spark_jobs.errors import ConservationBroken

    started = time.monotonic()
    with progress("batch") as bar:
        counts = runs.run(in_force, steps or runs.STEPS, lambda name: bar.update(bar.task_ids[0], description=name))
    for name, counted in counts.items():
        say(f"{name}: {counted}")
    say(f"batch done in {time.monotonic() - started:.0f} s")
    broken = [f"{name}: {counted}" for name, counted in counts.items() if not counted.holds]
    if broken:
        raise ConservationBroken("the counts do not add up: " + "; ".join(broken))


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
            computed = {answer: [row.asDict() for row in job.rows(answer, "post").collect()] for answer in chosen}
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


def demo(
    posts: Annotated[str, typer.Option(help="How many posts to send; 'all' is every one.")] = "all",
) -> None:
    """The whole pipeline: start it, fill the source, send the posts, run the batch, print the answers."""
    if posts != "all" and not (posts.isdigit() and int(posts)):
        raise typer.BadParameter(f"--posts takes a number or 'all', not {posts!r}")
    started = time.monotonic()
    start_all()
    in_force = settings.load()
    _seed_if_empty(in_force)
    report = send(in_force, None if posts == "all" else int(posts), every=True)
    if report.totals.failed or report.stopped:
        raise PinpipeError(f"not every post was sent: {report.totals.error or 'stopped'}; run it again")
    wait_for_sink(in_force)
    run_batch(in_force)
    out.print()
    show_answers(read_answers(in_force), SHOWN_ROWS)

    from pinpipe.status import gather

    status = gather(in_force)
    show_counts(status)
    for name, part in status.parts.items():
        say(f"{name:<11} {part.address:<16} {part.memory_mb} MB")
    say(f"API         {invoke_url(in_force)}")
    problems = status.problems()
    if problems:
        raise PinpipeError("\n".join(problems))
    say("topic = lake + dead letters + tombstones, lake = clean + superseded + quarantined: it all adds up")
    say(f"demo done in {time.monotonic() - started:.0f} s; the parts go on running: 'make status', 'make down'")


def _seed_if_empty(in_force: Settings) -> None:
    from producer.database import Database

    with Database(in_force.mysql_url.get_secret_value()) as database:
        database.create_schema()
        filled = any(database.counts().values())
    if not filled:
        seed(rows=11_154, folder=None)


def wait_for_sink(in_force: Settings, seconds: float = 300) -> None:
    """Wait until the sink has written, or set aside, every record that is in the topics."""
    from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

    from pinpipe.kafka import sink_lag

    with progress("waiting for the S3 sink") as bar:

        def lag() -> int:
            left = sum(sink_lag(in_force, in_force.topic(name)) for name in TABLES)
            bar.update(bar.task_ids[0], description=f"the S3 sink is {left} behind")
            return left

        wait = Retrying(stop=stop_after_delay(seconds), wait=wait_fixed(0.5), retry=retry_if_result(bool))
        try:
            wait(lag)
        except RetryError as error:
            left = error.last_attempt.result()
            raise PinpipeError(
                f"the S3 sink is still {left} records behind after {seconds:.0f} s: see 'pinpipe logs connect'"
            ) from None


def topics() -> None:
    """List the topics with their records."""
    from pinpipe import kafka

    in_force = settings.load()
    require(in_force, "kafka")
    names = [in_force.topic(name) for name in TABLES] + [in_force.dead_letter_topic]
    rows = []
    for name in names:
        counted = kafka.count(in_force, name)
        rows.append((name, len(kafka.end_offsets(in_force, name)), counted.records, counted.tombstones))
    table("Topics", ("topic", "partitions", "records", "tombstones"), rows)


COMMANDS: tuple[Callable[..., None], ...] = (demo, seed, post, batch, answers, topics)
