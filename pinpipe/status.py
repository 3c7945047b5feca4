"""What is where: asks every system at the same time for the counts of its stage.

Quick by default: Kafka's and Connect's offsets, the listing of the bucket, Delta's log; bodies are read only where
the log does not reach (new objects) or to explain a difference (tombstones). ``deep`` reads every record of the
topics and every object of the lake, and believes no log about them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import requests

from pinpipe import delta, kafka, lake
from pinpipe.airflow import Airflow
from pinpipe.counts import BatchCounts, DagState, PartState, Status, StreamCounts
from pinpipe.errors import PartDown, first_line
from pinpipe.settings import TABLES, Settings, TableName
from pinpipe.stack import PARTS, Stack
from pinpipe.stack.probes import PROBES

PATIENCE = 8.0
"""Seconds after which a part that has not told its counts is left out."""
DEEP_PATIENCE = 600.0

T = TypeVar("T")


def gather(settings: Settings, deep: bool = False) -> Status:
    """Ask every part; what one does not tell, because it is down, fails or takes too long, is None."""
    panel = Panel(settings, DEEP_PATIENCE if deep else PATIENCE)
    try:
        return _gather(settings, panel, deep)
    finally:
        panel.close()


def _gather(settings: Settings, panel: Panel, deep: bool) -> Status:
    topics = {table: settings.topic(table) for table in TABLES}
    source = panel.ask("mysql", partial(_source, settings))
    marks = panel.ask("kafka", partial(kafka.watermarks, settings, *topics.values()))
    letters = panel.ask("kafka", partial(kafka.dead_letters, settings))
    done = panel.ask("connect", partial(kafka.sink_offsets, settings))
    lakes = {table: panel.ask("localstack", partial(_lake, settings, table, deep)) for table in TABLES}
    logs = {name: panel.ask("localstack", partial(delta.files, settings, name)) for name in _counted(settings)}
    repeats = panel.ask("localstack", partial(last_run, settings))
    read = panel.ask("localstack", partial(stream_read, settings))
    lags = panel.ask("stream", partial(stream_lags, settings))
    dag = panel.ask("airflow-api-server", lambda: Airflow(settings).last_run())
    parts = _parts(settings, panel)

    def rows(name: str, table: str | None = None) -> int | None:
        log = logs[name].told()
        return None if log is None else delta.count(log, table)

    sizes, behind, dead, reading, blind = {}, {}, {}, {}, set()
    if mark := marks.told():
        offsets, found = done.told(), letters.told()
        for table, topic in topics.items():
            sizes[table] = kafka.size(mark[topic])
            behind[table] = None if offsets is None else kafka.behind(offsets, topic, mark[topic])
            dead[table] = None if found is None else found.get(topic, 0)
            kept = sum(known or 0 for known in (behind[table], dead[table], lakes[table].told()))
            missing = sizes[table] > kept
            if missing and lakes[table].told() is None and not deep:
                blind.add(table)  # they are in the lake, perhaps: the whole topic would be read for nothing
            elif missing or deep:
                # records that are nowhere else: tombstones, perhaps, which only reading the topic tells
                reading[table] = panel.ask("kafka", partial(kafka.count, settings, topic))

    def in_topic(table: TableName) -> kafka.TopicCount | None:
        if table in reading:
            return reading[table].told() or kafka.TopicCount(sizes[table], None)
        return kafka.TopicCount(sizes[table], None if table in blind else 0) if table in sizes else None

    batch: dict[str, BatchCounts] = {}
    stream: dict[str, StreamCounts] = {}
    for table in TABLES:
        topic_count = in_topic(table)
        batch[table] = BatchCounts(
            source=_of(table, source.told()),
            topic=topic_count.records if topic_count else None,
            lake=lakes[table].told(),
            clean=rows(f"batch/{table}"),
            superseded=rows("superseded/batch", table),
            quarantined=rows("quarantine/batch", table),
            dead_letters=dead.get(table),
            tombstones=topic_count.tombstones if topic_count else None,
            repeats=_of(table, repeats.told()),
            sink_lag=behind.get(table),
        )
        stream[table] = StreamCounts(
            read=_of(table, read.told()),
            clean=rows(f"stream/{settings.pin_user_id}_{table}_table"),
            superseded=rows("superseded/stream", table),
            quarantined=rows("quarantine/stream", table),
            lag=(lags.told() or {}).get(table),
        )
    run = dag.told()
    return Status(batch, stream, DagState(run.started, run.state) if run else DagState(), parts, panel.untold)


def _of(table: str, counts: Mapping[str, int] | None) -> int | None:
    return None if counts is None else counts.get(table, 0)


def _counted(settings: Settings) -> list[str]:
    """The tables whose rows are counted."""
    ways = [f"{place}/{way}" for place in ("superseded", "quarantine") for way in ("batch", "stream")]
    clean = [name for table in TABLES for name in (f"batch/{table}", f"stream/{settings.pin_user_id}_{table}_table")]
    return ways + clean


class Panel:
    """Asks the parts, all at the same time, and none of them for longer than ``patience`` seconds.

    ``untold`` is, by part, why one that answers its probe did not answer a question.
    """

    def __init__(self, settings: Settings, patience: float) -> None:
        self._pool = ThreadPoolExecutor(max_workers=48, thread_name_prefix="ask")  # they wait, most of the time
        self._settings = settings
        self._until = time.monotonic() + patience
        self._patience = patience
        self.untold: dict[str, str] = {}
        self._up = {part.name: self._pool.submit(_answers, settings, part.name) for part in PARTS}

    def ask(self, part: str, question: Callable[[], T]) -> Question[T]:
        """Put a question to a part, once it has answered its probe."""

        def answer() -> T:
            if not self.up(part):
                raise PartDown(f"{part} does not answer")
            return question()

        return Question(self, part, self._pool.submit(answer))

    def up(self, part: str) -> bool:
        """Whether a part answers its probe."""
        return self._up[part].result()

    def wait(self, part: str, answer: Future[T]) -> T | None:
        try:
            return answer.result(max(0.0, self._until - time.monotonic()))
        except NotInTime:
            self.untold.setdefault(part, f"nothing came within {self._patience:g} s")
        except Exception as error:  # each client has errors of its own; unknown is the honest answer to all of them
            if self.up(part) and self._settings.local:  # on AWS nobody knows whether it is there at all
                self.untold.setdefault(part, first_line(error)[:200])
        return None

    def close(self) -> None:
        """Let go of what is still asked."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Question(Generic[T]):
    """A question that was put to a part."""

    panel: Panel
    part: str
    answer: Future[T]

    def told(self) -> T | None:
        """The answer, waited for; None when there is none."""
        return self.panel.wait(self.part, self.answer)


def _answers(settings: Settings, part: str) -> bool:
    # on AWS an address says nothing about who runs it: its own client tells
    return PROBES[part](settings) if settings.local else True


def _source(settings: Settings) -> dict[str, int]:
    from pymysql.constants.ER import NO_SUCH_TABLE

    from producer.database import Database
    from producer.errors import DatabaseError

    try:
        with Database(settings.mysql_url.get_secret_value(), patience=2) as database:
            return {str(name): rows for name, rows in database.counts().items()}
    except DatabaseError as error:
        if error.__cause__ and error.__cause__.args[:1] == (NO_SUCH_TABLE,):
            return dict.fromkeys(TABLES, 0)  # nobody has seeded it yet
        raise


def _lake(settings: Settings, table: str, deep: bool) -> int:
    """The different offsets in a table's objects: those that are loaded by Delta's log, the others by reading."""
    store = lake.bucket(settings)
    present = lake.objects(store, settings.topic(table))
    log = [] if deep or not present else delta.files(settings, f"raw/{table}")
    loaded = delta.loaded(log)
    if loaded is None:
        return len(set(lake.read(store, present)))
    return delta.count(log) + len(set(lake.read(store, lake.not_loaded(present, loaded))))


def last_run(settings: Settings) -> dict[str, int]:
    """Table to the repeats that its last batch run counted."""
    found = delta.newest_rows(settings, "runs/batch", "finished_at")
    return {run["table"]: run["repeats"] for run in sorted(found, key=lambda run: run["finished_at"])}


def stream_read(settings: Settings) -> dict[str, int]:
    """Table to the records that the stream job has settled, over all of its micro-batches."""
    found = delta.read_by_stream(delta.files(settings, "runs/stream"))
    if found is None:
        sums = delta.query(settings, "runs/stream", 'SELECT "table", sum(read) AS read FROM found GROUP BY "table"')
        found = {row["table"]: row["read"] for row in sums}
    return found


def stream_lags(settings: Settings) -> dict[str, int | None]:
    """Table to the milliseconds that its query was behind the newest record, when it looked last."""
    progress = requests.get(f"{settings.stream_url}/progress", timeout=2).json()
    return {table: query["behind_ms"] for table, query in progress.items()}


def _parts(settings: Settings, panel: Panel) -> dict[str, PartState]:
    processes = Stack(settings).states()
    found = {}
    for part in PARTS:
        memory = memory_mb(processes[part.name].pid) if part.name in processes else None
        state = "up" if panel.up(part.name) else "down" if memory is None else "silent"
        found[part.name] = PartState(state, part.address(settings), memory)
    return found


def memory_mb(pid: int) -> int | None:
    """The resident memory of a process and its children, in MB; None when it is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) // 2**20
    except psutil.NoSuchProcess:
        return None
