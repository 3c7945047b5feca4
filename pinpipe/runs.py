"""A batch run from its lease to its counts: what ``pinpipe batch``, ``pinpipe demo`` and the daily job do.

``run`` does all of it in one Spark session. The other functions are its steps one by one, each in a session of its
own, for a run whose steps are processes of their own and share its lease. Each of them can be done again, alone and
in any order: it does what there is to do.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from pinpipe.aws import AwsAccess
from pinpipe.settings import Settings
from pinpipe.stack import Stack, require

if TYPE_CHECKING:
    from spark_jobs.batch import Batch
    from spark_jobs.lease import Share
    from spark_jobs.quality import Conservation

STEPS = ("load", "clean", "answers")
"""The parts of a batch run, in their order."""

R = TypeVar("R")


@contextmanager
def batch(
    settings: Settings, step: Callable[[str], None] = lambda name: None, share: Share | None = None
) -> Iterator[Batch]:
    """A batch job with a Spark session and the lease on the batch tables, both given back at the end."""
    from spark_jobs.batch import Batch
    from spark_jobs.lease import Lease
    from spark_jobs.session import end_session, session

    require(settings, "localstack", "spark")
    token = Stack(settings).spark_token_to_send()
    session_id = str(uuid.uuid4())

    def end(left: str) -> None:
        """End what a dead run left in the Spark server."""
        if settings.spark_remote:
            end_session(settings, token, left)

    lease = Lease(AwsAccess.of(settings).s3(), settings.bucket, "batch", session_id, end, share=share)
    with ExitStack() as held:
        held.enter_context(lease)
        spark = session(settings, token, session_id)
        held.callback(spark.stop)

        def checked(name: str) -> None:
            step(name)
            lease.check()

        yield Batch(spark, settings, checked)


def run(
    settings: Settings, steps: tuple[str, ...] = STEPS, step: Callable[[str], None] = lambda name: None
) -> dict[str, Conservation]:
    """Run steps of the batch; return each table's counts, empty when ``clean`` is not among the steps."""
    counts: dict[str, Conservation] = {}
    with batch(settings, step) as job:
        job.prepare()
        if "load" in steps:
            job.load()
        if "clean" in steps:
            job.clean_all()
            counts = job.check(str(uuid.uuid4()))
        if "answers" in steps:
            job.answers()
    return counts


def load(settings: Settings, share: Share | None = None) -> dict[str, int]:
    """Load new objects; return how many messages each raw table holds now."""
    with batch(settings, print, share) as job:
        job.prepare()
        job.load()
        return job.loaded()


def clean(settings: Settings, table: str, share: Share | None = None) -> dict[str, int]:
    """Settle a table's new messages; return how many were read, and written to each place."""
    with batch(settings, print, share) as job:
        return _prepared(job, lambda: job.clean(table))._asdict()


def answer(settings: Settings, number: str, share: Share | None = None) -> int:
    """Compute one answer; return how many rows it has."""
    from spark_jobs.answers import ANSWERS as ALL

    [wanted] = (answer for answer in ALL if answer.number == number)
    with batch(settings, print, share) as job:
        return _prepared(job, lambda: job.answer(wanted, job.tables()))


def report(settings: Settings, run_id: str, share: Share | None = None) -> dict[str, dict[str, object]]:
    """Count each table's messages where they lie; raise :class:`ConservationBroken` unless they add up."""
    with batch(settings, print, share) as job:
        counts = _prepared(job, lambda: job.check(run_id))
    for name, counted in counts.items():
        print(f"{name}: {counted}")
    hold(counts)
    return {name: asdict(counted) for name, counted in counts.items()}


def hold(counts: Mapping[str, Conservation]) -> None:
    """Raise :class:`ConservationBroken` for counts that do not add up."""
    from spark_jobs.errors import ConservationBroken

    broken = [f"{name}: {counted}" for name, counted in counts.items() if not counted.holds]
    if broken:
        raise ConservationBroken("the counts do not add up: " + "; ".join(broken))


def _prepared(job: Batch, work: Callable[[], R]) -> R:
    """Do work on tables that an earlier step makes; if one is not there, make those that are missing and try again."""
    from deltalake.exceptions import TableNotFoundError
    from pyspark.errors import AnalysisException

    try:
        return work()
    except (AnalysisException, TableNotFoundError):
        # most likely the lake was lost; what is wrong otherwise is told the second time
        job.prepare()
        return work()
