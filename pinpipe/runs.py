"""A batch run from its lease to its counts: what ``pinpipe batch``, ``pinpipe demo`` and the daily job do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pinpipe.aws import AwsAccess
from pinpipe.settings import Settings
from pinpipe.stack import Stack, require

if TYPE_CHECKING:
    from spark_jobs.batch import Batch
    from spark_jobs.quality import Conservation

STEPS = ("load", "clean", "answers")
"""The parts of a batch run, in their order."""


@contextmanager
def batch(settings: Settings, step: Callable[[str], None] = lambda name: None) -> Iterator[Batch]:
    """A batch job with a Spark session and the lease on the batch tables, both given back at the end."""
    from spark_jobs.batch import Batch
    from spark_jobs.lease import Lease
    from spark_jobs.session import end_session, session

    require(settings, "localstack", "spark")
    # the token is the stack's own server's, on loopback; another server never sees it
    token = Stack(settings).spark_token() if urlsplit(settings.spark_remote or "").hostname == "localhost" else None
    session_id = str(uuid.uuid4())

    def end(left: str) -> None:
        """End what a dead run left in the Spark server."""
        if settings.spark_remote:
            end_session(settings, token, left)

    lease = Lease(
        AwsAccess.of(settings).s3(), settings.bucket, "batch", session_id if settings.spark_remote else "", end
    )
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
