"""The stream job from its lease to its end: what ``pinpipe stream`` and the stack's part do."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pinpipe.aws import AwsAccess
from pinpipe.errors import NotProvisioned
from pinpipe.settings import TABLES, Settings, TableName
from pinpipe.stack import require

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from spark_jobs.lease import Lease
    from spark_jobs.streaming import Streaming

PROVISIONED_SECONDS = 60
"""How long the job waits for its streams and its bucket: after a restart LocalStack has neither for a while."""

TIDY_SECONDS = 60
"""How often the tables' small files are put together: a minute of micro-batches leaves a hundred of them."""

SLOW_START = "Python worker failed to connect back"
"""What a query ends with whose Python process took ten seconds to call Spark, which nothing sets: a busy machine."""
STARTS = 10
"""How often a query is started at most; the next process may be faster, and a new driver would be slower."""

_END_OF_TRACE = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n)+(\S.*)")


def run(
    settings: Settings, stop: threading.Event, available_now: bool = False, tell: Callable[[str], None] = print
) -> None:
    """Run the three queries until ``stop`` is set, or, with ``available_now``, until all that is there is settled.

    Raises :class:`QueryFailed` when one of them ends with an error; the others are stopped then.
    """
    from spark_jobs.errors import QueryFailed

    require(settings, "localstack")
    _wait_for_streams(settings, stop)
    with ExitStack() as held:
        queries: dict[TableName, StreamingQuery] = {}
        starts = Counter[TableName](TABLES)
        if not available_now:
            held.enter_context(_told(settings, queries))
        job, lease = open_job(settings, held)
        job.prepare()
        for table in TABLES:
            if not stop.is_set():
                queries[table] = job.start(table, available_now)
        tell(f"the stream job reads {', '.join(settings.stream(table) for table in queries)}")
        tidied = time.monotonic()
        while not stop.wait(0.5):
            lease.check()
            if time.monotonic() - tidied > TIDY_SECONDS:
                _tidy(job, tell)
                tidied = time.monotonic()
            ended = {table: query.exception() for table, query in queries.items() if not query.isActive}
            for table, failure in ended.items():
                if not failure:
                    continue
                why = reason(str(failure))
                if SLOW_START not in why or starts[table] == STARTS:
                    raise QueryFailed(f"the query of {settings.stream(table)} failed: {why}")
                tell(f"the query of {settings.stream(table)} starts again: its Python process was too slow")
                starts[table] += 1
                queries[table] = job.start(table, available_now)
            if len(ended) == len(queries) and not any(ended.values()):
                _tidy(job, tell)
                break
        for query in queries.values():
            query.stop()


def _tidy(job: Streaming, tell: Callable[[str], None]) -> None:
    """What fails now, S3 being away, will be done the next time: no reason to end the queries."""
    from spark_jobs.errors import TableFailed

    try:
        job.tidy()
    except TableFailed as error:
        tell(f"the tables' small files were not put together: {reason(str(error))}")


def open_job(settings: Settings, held: ExitStack) -> tuple[Streaming, Lease]:
    """A stream job with a Spark session of its own and the lease on its tables, which ``held`` gives back."""
    from spark_jobs.lease import Lease
    from spark_jobs.session import own_session
    from spark_jobs.streaming import Streaming

    lease = held.enter_context(Lease(AwsAccess.of(settings).s3(), settings.bucket, "stream", "", lambda left: None))
    spark = own_session(settings)
    held.callback(spark.stop)
    return Streaming(spark, settings), lease


def reason(text: str) -> str:
    """What went wrong, without Spark's frame around it and the Python trace inside it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("pyspark_kinesis.")] or _END_OF_TRACE.findall(text)
    return (told[-1] if told else lines[0])[:400]


def _wait_for_streams(settings: Settings, stop: threading.Event) -> None:
    from botocore.exceptions import ClientError
    from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

    access = AwsAccess.of(settings)
    kinesis, s3 = access.kinesis(), access.s3()

    def missing() -> str | None:
        try:
            s3.head_bucket(Bucket=settings.bucket)
            for table in TABLES:
                kinesis.describe_stream_summary(StreamName=settings.stream(table))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket", "ResourceNotFoundException"):
                raise
            return settings.bucket if error.operation_name == "HeadBucket" else settings.stream(table)
        return None

    waiting = Retrying(
        stop=stop_after_delay(PROVISIONED_SECONDS),
        wait=wait_fixed(1),
        retry=retry_if_result(lambda what: what is not None and not stop.is_set()),
    )
    try:
        waiting(missing)
    except RetryError as error:
        raise NotProvisioned(f"{error.last_attempt.result()} is not there: run 'pinpipe provision'") from None


@contextmanager
def _told(settings: Settings, queries: dict[TableName, StreamingQuery]) -> Iterator[None]:
    """Serve ``/healthz`` (200 when the three queries run) and ``/progress`` on the stream job's port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            healthy = len(queries) == len(TABLES) and all(query.isActive for query in queries.values())
            if self.path == "/healthz":
                self._answer(200 if healthy else 503, {"status": "up" if healthy else "starting"})
            elif self.path == "/progress":
                self._answer(200, {table: progress(query) for table, query in queries.items()})
            else:
                self._answer(404, {"error": "there are /healthz and /progress"})

        def _answer(self, code: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Probes ask every second: not worth a line."""

    server = ThreadingHTTPServer((settings.pin_bind, settings.stream_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def progress(query: StreamingQuery) -> dict[str, Any]:
    """A query's last micro-batch: number, records, the milliseconds of its stages, and how far the source is behind."""
    last = query.lastProgress
    if last is None:
        return {"batch": None, "records": 0, "milliseconds": {}, "behind_ms": None}
    latest = json.loads(last["sources"][0]["latestOffset"] or "null") or {}
    return {
        "batch": last["batchId"],
        "records": last["numInputRows"],
        "milliseconds": dict(last["durationMs"]),
        "behind_ms": latest.get("maxMillisBehindLatest"),
    }
