"""The demo: every command of the pipeline, one after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from pinpipe import settings
from pinpipe.aws import invoke_url
from pinpipe.cli.output import out, say
from pinpipe.cli.stack import show_counts
from pinpipe.cli.stack import up as start_all
from pinpipe.errors import PinpipeError
from pinpipe.settings import Settings

if TYPE_CHECKING:
    pass

from pinpipe.cli.jobs import SHOWN_ROWS, read_answers, run_batch, show_answers
from pinpipe.cli.posts import seed, send, wait_for_sink


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
