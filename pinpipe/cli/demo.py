"""The demo: every command of the pipeline, one after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated

import typer

from pinpipe import settings
from pinpipe.aws import invoke_url
from pinpipe.cli import status as look
from pinpipe.cli.jobs import SHOWN_ROWS, read_answers, run_batch, show_answers
from pinpipe.cli.output import out, progress, say
from pinpipe.cli.posts import Target, seed, send, wait_for_sink
from pinpipe.cli.stack import up as start_all
from pinpipe.errors import PinpipeError
from pinpipe.settings import TABLES, Settings


def demo(
    posts: Annotated[str, typer.Option(help="How many posts to send to Kafka; 'all' is every one.")] = "all",
    streamed: Annotated[int, typer.Option(min=0, help="How many posts to send to Kinesis, too.")] = 1000,
    running: Annotated[
        bool, typer.Option("--running", help="Start and send nothing: the parts run, and those posts are on their way.")
    ] = False,
    airflow: Annotated[bool, typer.Option(help="Run the batch as Airflow's DAG, or directly.")] = True,
) -> None:
    """The whole pipeline: start it, fill the source, send the posts, run the batch, print the answers."""
    if posts != "all" and not (posts.isdigit() and int(posts)):
        raise typer.BadParameter(f"--posts takes a number or 'all', not {posts!r}")
    started = time.monotonic()
    in_force = settings.load()
    if running:
        settled, arrived = 0, streamed * len(TABLES)
    else:
        start_all(airflow=airflow)
        seed(rows=11_154, folder=None, if_empty=True)
        _send(in_force, None if posts == "all" else int(posts), Target.kafka)
        settled = _settled(in_force) if streamed else 0
        arrived = _send(in_force, streamed, Target.kinesis) if streamed else 0
    wait_for_sink(in_force)
    if airflow:
        _run_dag(in_force)
    else:
        run_batch(in_force)
    if streamed:
        _wait_for_stream(in_force, settled + arrived)
    out.print()
    show_answers(read_answers(in_force), SHOWN_ROWS)

    from pinpipe.status import gather

    status = gather(in_force, deep=True)
    out.print(look.counts(status))
    out.print(look.stream(status))
    for name, part in status.parts.items():
        if part.memory_mb is not None:
            say(f"{name:<21} {part.address:<16} {part.memory_mb} MB")
    say(f"API: {in_force.from_outside(invoke_url(in_force))}")
    for line in look.airflow(status, in_force):
        say(line)
    problems = status.problems()
    if problems and not running:
        raise PinpipeError("\n".join(problems))
    for problem in problems:
        say(f"{problem} (another run may be posting)")
    if not problems:
        say("topic = lake + dead letters + tombstones, lake = clean + superseded + quarantined: it all adds up,")
        say("and so does the stream: read = clean + superseded + quarantined")
    say(f"demo done in {time.monotonic() - started:.0f} s; the parts go on running: 'pinpipe status' tells")


def _send(in_force: Settings, count: int | None, to: Target) -> int:
    """Send posts, to Kafka every one once and to Kinesis in the course's order; return the records that arrived."""
    report = send(in_force, count, every=to is Target.kafka, to=to)
    if report.totals.failed or report.stopped:
        raise PinpipeError(f"not every post was sent to {to}: {report.totals.error or 'stopped'}; run it again")
    return report.totals.acknowledged


def _run_dag(in_force: Settings) -> None:
    """Trigger the daily job's DAG, and wait until it is done."""
    from pinpipe.airflow import Airflow, summary

    started = time.monotonic()
    airflow = Airflow(in_force)
    run = airflow.trigger()
    states: dict[str, str] = {}
    with progress(f"Airflow runs {airflow.dag}", total=1) as bar:

        def told(found: Mapping[str, str]) -> None:
            states.clear()  # a mapped task has its number only once it runs
            states.update(found)
            done = sum(state == "success" for state in found.values())
            bar.update(bar.task_ids[0], description=summary(found), completed=done, total=len(found))

        state = airflow.wait(run, told)
    if state != "success":
        failed = ", ".join(name for name, state in states.items() if state == "failed")
        logs = in_force.pin_home / "logs" / "airflow" / f"dag_id={airflow.dag}" / f"run_id={run}"
        raise PinpipeError(f"the DAG run {run} failed at {failed}; why is in its logs: {logs}")
    say(f"Airflow ran {airflow.dag} in {time.monotonic() - started:.0f} s")


def _settled(in_force: Settings) -> int:
    from pinpipe.status import stream_read

    return sum(stream_read(in_force).values())


def _wait_for_stream(in_force: Settings, records: int, seconds: float = 180) -> None:
    """Wait until the stream job has settled so many records."""
    from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

    with progress("waiting for the stream job", records) as bar:

        def settled() -> int:
            found = _settled(in_force)
            bar.update(bar.task_ids[0], completed=found)
            return found

        wait = Retrying(
            stop=stop_after_delay(seconds), wait=wait_fixed(1), retry=retry_if_result(lambda found: found < records)
        )
        try:
            wait(settled)
        except RetryError as error:
            found = error.last_attempt.result()
            raise PinpipeError(
                f"the stream job settled {found} of {records} records within {seconds:.0f} s: see 'pinpipe logs stream'"
            ) from None
