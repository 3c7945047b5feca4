"""What is where: the counts of every stage, live from the systems themselves, and whether they add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import Any

import psutil
import requests

from pinpipe import delta, kafka, lake
from pinpipe.airflow import Airflow
from pinpipe.settings import TABLES, Settings
from pinpipe.stack import PARTS, Stack, answers


@dataclass(frozen=True)
class BatchCounts:
    """The batch path's counts of one table; None where the part that knows is down.

    ``source`` rows in MySQL; ``topic`` records in Kafka; ``lake`` different offsets in S3's objects; ``clean``,
    ``superseded`` and ``quarantined`` rows in Delta; ``dead_letters`` records the sink could not write;
    ``tombstones`` records with a null value; ``repeats`` records whose bytes equal an earlier one's;
    ``sink_lag`` records the sink has not dealt with yet; ``doubled`` records that lie in S3 more than once.
    """

    source: int | None
    topic: int | None
    lake: int | None
    clean: int | None
    superseded: int | None
    quarantined: int | None
    dead_letters: int | None
    tombstones: int | None
    repeats: int | None
    sink_lag: int | None

    def problems(self) -> list[str]:
        """Where two numbers that must agree do not, and why that may be; nothing is said of unknown ones."""
        found = []
        if None not in (self.topic, self.lake, self.dead_letters, self.tombstones):
            kept = self.lake + self.dead_letters + self.tombstones  # type: ignore[operator]
            if self.topic != kept:
                why = f"the sink is {self.sink_lag} behind" if self.sink_lag else "the sink lost or doubled records"
                found.append(f"topic {self.topic} is not lake + dead letters + tombstones {kept}: {why}")
        if None not in (self.lake, self.clean, self.superseded, self.quarantined):
            kept = self.clean + self.superseded + self.quarantined  # type: ignore[operator]
            if self.lake != kept:
                why = "run 'pinpipe batch'" if self.lake > kept else "rows were counted twice"  # type: ignore[operator]
                found.append(f"lake {self.lake} is not clean + superseded + quarantined {kept}: {why}")
        return found


@dataclass(frozen=True)
class StreamCounts:
    """The streaming path's counts of one table; None where the part that knows is down.

    ``read`` records of the stream that were settled; ``clean``, ``superseded`` and ``quarantined`` rows in Delta;
    ``lag`` milliseconds that the stream job is behind the newest record.
    """

    read: int | None
    clean: int | None
    superseded: int | None
    quarantined: int | None
    lag: int | None

    def problems(self) -> list[str]:
        """Where two numbers that must agree do not. A micro-batch under way is between them for a moment."""
        if None in (self.read, self.clean, self.superseded, self.quarantined):
            return []
        kept = self.clean + self.superseded + self.quarantined  # type: ignore[operator]
        if self.read == kept:
            return []
        why = "a micro-batch is under way" if kept > self.read else "rows are missing"  # type: ignore[operator]
        return [f"stream {self.read} is not clean + superseded + quarantined {kept}: {why}"]


@dataclass(frozen=True)
class DagState:
    """When the daily job's DAG ran last (ISO 8601) and how that ended; None where Airflow is down or it never ran."""

    last_run: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class PartState:
    """A part: its state (``up``, ``down``), its address and the memory of its processes in MB."""

    state: str
    address: str
    memory_mb: int | None


@dataclass(frozen=True)
class Status:
    """All counts. ``as_dict`` is what ``pinpipe status --json`` prints."""

    batch: dict[str, BatchCounts]
    stream: dict[str, StreamCounts]
    dag: DagState
    parts: dict[str, PartState]

    def as_dict(self) -> dict[str, Any]:
        return {
            "batch": {table: asdict(counts) for table, counts in self.batch.items()},
            "stream": {table: asdict(counts) for table, counts in self.stream.items()},
            "dag": asdict(self.dag),
            "parts": {name: asdict(part) for name, part in self.parts.items()},
        }

    def problems(self) -> list[str]:
        """Every disagreement of the counts, a line each."""
        paths: tuple[Mapping[str, BatchCounts | StreamCounts], ...] = (self.batch, self.stream)
        return [f"{table}: {told}" for path in paths for table, counts in path.items() for told in counts.problems()]


def gather(settings: Settings) -> Status:
    """Ask every system at the same time; what does not answer leaves its counts unknown."""
    # local: a part that is down is not waited for by its client
    up = answers(settings, [part.name for part in PARTS]) if settings.local else {part.name: True for part in PARTS}
    with ThreadPoolExecutor(max_workers=8) as pool:
        known = pool.submit(_known(lambda: kafka.dead_letters(settings), up["kafka"]))
        read = pool.submit(_known(lambda: stream_read(settings), up["localstack"]))
        lags = pool.submit(_known(lambda: stream_lags(settings), up["stream"]))
        last = pool.submit(_known(lambda: last_run(settings), up["localstack"]))
        dag = pool.submit(_known(lambda: Airflow(settings).last_run(), up["airflow-api-server"]))
        asked = {
            (table, name): pool.submit(_known(ask, up[part]))
            for table in TABLES
            for name, part, ask in _questions(settings, table)
        }
        batch: dict[str, BatchCounts] = {}
        for table in TABLES:
            counts = {name: asked[table, name].result() for name in ("source", "lake", "clean", "superseded",
                                                                     "quarantined", "sink_lag")}  # fmt: skip
            topic = asked[table, "topic"].result()
            dead, run = known.result(), last.result()
            batch[table] = BatchCounts(
                **counts,
                topic=topic and topic.records,
                tombstones=topic and topic.tombstones,
                dead_letters=None if dead is None else dead.get(settings.topic(table), 0),
                repeats=None if run is None else run.get(table, {}).get("repeats", 0),
            )
        stream: dict[str, StreamCounts] = {
            table: StreamCounts(
                **{name: asked[table, f"stream {name}"].result() for name in ("clean", "superseded", "quarantined")},
                read=arrived if (arrived := read.result()) is None else arrived.get(table, 0),
                lag=(lags.result() or {}).get(table),
            )
            for table in TABLES
        }
        run = dag.result()
        ran = DagState(run.started, run.state) if run else DagState()
    return Status(batch, stream, ran, _parts(settings, up))


def _questions(settings: Settings, table: str) -> list[tuple[str, str, Callable[[], Any]]]:
    """For one table: a count's name, the part that knows, and how to ask it."""
    return [
        ("source", "mysql", lambda: _source(settings, table)),
        ("topic", "kafka", lambda: kafka.count(settings, settings.topic(table))),
        ("sink_lag", "connect", lambda: kafka.sink_lag(settings, settings.topic(table))),
        ("lake", "localstack", lambda: len(set(lake.offsets(settings, table)))),
        ("clean", "localstack", lambda: delta.count(settings, f"batch/{table}")),
        ("superseded", "localstack", lambda: delta.count(settings, "superseded/batch", table)),
        ("quarantined", "localstack", lambda: delta.count(settings, "quarantine/batch", table)),
        ("stream clean", "localstack", lambda: delta.count(settings, f"stream/{settings.pin_user_id}_{table}_table")),
        ("stream superseded", "localstack", lambda: delta.count(settings, "superseded/stream", table)),
        ("stream quarantined", "localstack", lambda: delta.count(settings, "quarantine/stream", table)),
    ]


def _source(settings: Settings, table: str) -> int:
    from producer.database import Database

    with Database(settings.mysql_url.get_secret_value(), patience=2) as database:
        return {str(name): rows for name, rows in database.counts().items()}[table]


def _known(ask: Callable[[], Any], up: bool) -> Callable[[], Any]:
    """Ask, or None when the part is down or fails while it is asked."""

    def answer() -> Any:
        if not up:
            return None
        try:
            return ask()
        except Exception:  # each client has errors of its own; unknown is the honest answer to all of them
            return None

    return answer


def last_run(settings: Settings) -> dict[str, dict[str, Any]]:
    """Table to the counts of its last batch run."""
    found = delta.rows(settings, "runs/batch") or []
    return {run["table"]: run for run in sorted(found, key=lambda run: run["finished_at"])}


def stream_read(settings: Settings) -> dict[str, int]:
    """Table to the records that the stream job has settled, over all of its micro-batches."""
    found: dict[str, int] = {}
    for run in delta.rows(settings, "runs/stream") or []:
        found[run["table"]] = found.get(run["table"], 0) + run["read"]
    return found


def stream_lags(settings: Settings) -> dict[str, int | None]:
    """Table to the milliseconds that its query was behind the newest record, when it looked last."""
    progress = requests.get(f"{settings.stream_url}/progress", timeout=2).json()
    return {table: query["behind_ms"] for table, query in progress.items()}


def _parts(settings: Settings, up: dict[str, bool]) -> dict[str, PartState]:
    processes = Stack(settings).states()
    return {
        part.name: PartState(
            "up" if up[part.name] else "down",
            part.address(settings),
            memory_mb(processes[part.name].pid) if part.name in processes else None,
        )
        for part in PARTS
    }


def memory_mb(pid: int) -> int | None:
    """The resident memory of a process and its children, in MB; None when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) // 2**20
    except psutil.NoSuchProcess:
        return None


COUNTS = tuple(field.name for field in fields(BatchCounts))
"""The names of the batch path's counts, in the order in which they are shown."""
