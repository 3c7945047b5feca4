"""The commands that are about messages: fill the source, send posts, look into topics, repair."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pinpipe import settings
from pinpipe.aws import invoke_url
from pinpipe.cli.output import progress, say, stopping, table
from pinpipe.client_properties import write as write_properties
from pinpipe.errors import PinpipeError, SetupMissing
from pinpipe.settings import TABLES, Settings
from pinpipe.stack import require
from pinpipe.stack.supervise import TOOLS

if TYPE_CHECKING:
    from producer.emulator import Report
    from producer.senders import Sender
    from producer.tables import Post


class Target(StrEnum):
    """Where posts are sent."""

    kafka = "kafka"
    kinesis = "kinesis"
    both = "both"


class Pace(StrEnum):
    """How fast posts are sent."""

    course = "course"
    fast = "fast"


class Table(StrEnum):
    """One of the three tables."""

    pin = "pin"
    geo = "geo"
    user = "user"


def seed(
    rows: Annotated[int, typer.Option(help="How many posts to generate.")] = 11_154,
    folder: Annotated[
        Path | None, typer.Option("--from", help="A folder with your own pinterest_data, geolocation_data, user_data.")
    ] = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Leave rows that are there as they are.")] = False,
) -> None:
    """Fill the three tables in MySQL, replacing what is there: generated posts, or your own copy."""
    from producer.database import Database
    from producer.folder import read_folder
    from producer.generate import generate

    in_force = settings.load()
    require(in_force, "mysql")
    if if_empty:
        with Database(in_force.mysql_url.get_secret_value()) as database:
            database.create_schema()
            counts = database.counts()
        if any(counts.values()):
            say("in MySQL already: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
            return
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
    skip: Annotated[int, typer.Option(min=0, help="Pass over so many posts of the order, sent by an earlier run.")] = 0,
    heartbeat: Annotated[Path | None, typer.Option(help="Touch this file after each request, for a probe.")] = None,
) -> None:
    """Send posts from MySQL through API Gateway, in the course's order unless --all."""
    if not every and count is None and pace is Pace.fast:
        raise typer.BadParameter("say how many: --count N, --all, or --pace course to go on until Ctrl-C")
    report = send(settings.load(), count, every, batch_size, pace, show, to, skip, heartbeat)
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
    skip: int = 0,
    heartbeat: Path | None = None,
) -> Report:
    """Send posts and say what was done, also after Ctrl-C."""
    from pinpipe.signing import api_signer
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
        end = None if count is None else skip + count
        draws = islice(order.key_order(keys, end) if every else order.course_order(keys, end), skip, None)
        total = count or (len(keys) - skip if every else None)
        api, auth = invoke_url(in_force), api_signer(in_force)
        senders: list[Sender] = []
        if to is not Target.kinesis:
            senders += rest_senders(api, in_force.pin_user_id, stop=stop, auth=auth)
        if to is not Target.kafka:
            senders += kinesis_senders(api, in_force.pin_user_id, stop=stop, auth=auth)
        try:
            with progress("sending", total) as bar:

                def told(posts: Sequence[Post], so_far: Report) -> None:
                    bar.update(bar.task_ids[0], completed=so_far.posts)
                    if heartbeat is not None:
                        heartbeat.touch()
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


def topics() -> None:
    """List the topics with their records."""
    from pinpipe import kafka

    in_force = settings.load()
    require(in_force, "kafka")
    names = [in_force.topic(name) for name in TABLES] + [in_force.dead_letter_topic]
    rows = []
    for name in names:
        counted = kafka.count(in_force, name)
        rows.append((name, len(kafka.watermarks(in_force, name)[name]), counted.records, counted.tombstones))
    table("Topics", ("topic", "partitions", "records", "tombstones"), rows)


def consume(
    name: Annotated[Table, typer.Argument(metavar="TABLE", help="pin, geo or user.")],
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Not only what comes from now on.")] = False,
    group: Annotated[str | None, typer.Option(help="A consumer group, which goes on where it stopped.")] = None,
) -> None:
    """Show a topic's records as they come, by Kafka's own console consumer; Ctrl-C ends it."""
    in_force = settings.load()
    require(in_force, "kafka")
    jars = f"{TOOLS}/jars/kafka/*"
    config = []
    if in_force.kafka_auth == "msk_iam":
        # the policy knows no group of the name that the console takes by itself
        group = group or f"{in_force.pin_user_id}-console-{os.getpid()}"
        if not (TOOLS / "jars" / "msk").exists():
            raise SetupMissing("Kafka's tools can't log in to MSK yet: run 'make msk-tools'")
        jars += f":{TOOLS}/jars/msk/*"
        config = ["--command-config", str(write_properties(in_force, in_force.pin_home / "run")[0])]
    command = ["java", "-Xmx128m", "-cp", jars, "org.apache.kafka.tools.consumer.ConsoleConsumer", *config]
    command += ["--bootstrap-server", in_force.kafka_bootstrap_servers, "--topic", in_force.topic(name.value)]
    command += ["--from-beginning"] if from_beginning else []
    command += ["--group", group] if group else []
    keys = {name: value for name, value in in_force.environment().items() if name.startswith("AWS_") and value}
    os.execvpe(command[0], command, os.environ | keys)


def client_properties(
    folder: Annotated[Path | None, typer.Argument(help="Where to; .pinpipe/run when left out.")] = None,
    role: Annotated[str | None, typer.Option(help="The ARN of a role to log in as, as in the course.")] = None,
) -> None:
    """Write client.properties (Kafka's own tools) and kafka-rest.properties (Confluent's REST proxy)."""
    in_force = settings.load()
    for path in write_properties(in_force, folder or in_force.pin_home / "run", role):
        say(str(path))


def replay(
    name: Annotated[Table, typer.Argument(metavar="TABLE", help="pin, geo or user.")],
    file: Annotated[Path, typer.Argument(help="A JSON object a line; 'repaired' holds the right record.")],
    write: Annotated[bool, typer.Option("--write", help="Write the quarantined messages to FILE first.")] = False,
) -> None:
    """Repair quarantined messages: --write puts them into FILE, without it the repaired ones are sent again."""
    from pinpipe.replay import quarantined, repaired
    from pinpipe.signing import api_signer
    from producer.rest_sender import rest_senders
    from producer.senders import Record

    in_force = settings.load()
    if write:
        require(in_force, "localstack")
        entries = quarantined(in_force, name.value)
        file.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), encoding="utf-8")
        say(f"{len(entries)} quarantined messages in {file}: fill in 'repaired', then run it without --write")
        return
    records = [Record(key, value) for key, value in repaired(file, name.value)]
    require(in_force, "localstack", "rest-proxy", "kafka")
    senders = rest_senders(invoke_url(in_force), in_force.pin_user_id, auth=api_signer(in_force))
    sender = next(one for one in senders if one.table == name.value)
    try:
        sent = sender.send(records)
    finally:
        sender.close()
    say(f"{sent.acknowledged} repaired records sent; the next 'pinpipe batch' takes them in")
    if sent.failed:
        raise PinpipeError(f"{sent.failed} records failed: {sent.error}")


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


COMMANDS: tuple[Callable[..., None], ...] = (seed, post, replay, topics, consume, client_properties)
