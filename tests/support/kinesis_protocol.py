"""A streaming query without Spark: asks a reader what Spark's micro-batches ask, in their order.

Offsets go through JSON and readers through pickle, as they do in Spark. For faults and restarts by the dozen, which
would take Spark minutes; ``tests/kinesis/test_queries.py`` has the real one.
"""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit

from pyspark_kinesis.options import parse
from pyspark_kinesis.stream_reader import KinesisStreamReader
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_queries import options

Rows = list[tuple[str, str]]
"""(the shard's number, the record's text)"""


class Run:
    """One run of a query from a start offset, or from the beginning; ``with`` stops it as Spark does."""

    def __init__(self, kinesis: FakeKinesis, stream: str, start: dict[str, Any] | None = None, **given: Any) -> None:
        self.reader = KinesisStreamReader(parse(options(kinesis, stream, **({"minFetchPeriod": "200ms"} | given))))
        self.start = start if start is not None else _copy(self.reader.initialOffset())
        self.batches: list[Rows] = []

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.stop()

    def plan(self, limit: ReadLimit | None = None) -> dict[str, Any] | None:
        """The next batch's end; None when there is nothing new."""
        end = _copy(self.reader.latestOffset(_copy(self.start), limit or self.reader.getDefaultReadLimit()))
        return None if json.dumps(end) == json.dumps(self.start) else end

    def rows(self, end: dict[str, Any]) -> Rows:
        """What the batch's tasks read, each with a reader of its own."""
        found: Rows = []
        for partition in self.reader.partitions(_copy(self.start), _copy(end)):
            task, its = pickle.loads(pickle.dumps((self.reader, partition)))
            for batch in task.read(its):
                found += [(str(int(row["shardId"][8:])), row["data"].decode()) for row in batch.to_pylist()]
        return found

    def batch(self, limit: ReadLimit | None = None) -> Rows | None:
        """Plan, read and commit one batch; None when there is nothing new."""
        end = self.plan(limit)
        if end is None:
            return None
        rows = self.rows(end)
        self.start = end
        self.reader.commit(_copy(end))
        if rows:
            self.batches.append(rows)
        return rows

    def until(self, done: Callable[[], bool], seconds: float = 30) -> None:
        """Batches until something is so, or fail."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"it did not come to pass; {len(self.texts)} records read"
            self.batch()

    def read(self, count: int) -> None:
        """Batches until so many records were read."""
        self.until(lambda: len(self.texts) >= count)

    def drain(self) -> None:
        """Batches until there is nothing left, as AvailableNow."""
        self.reader.prepareForTriggerAvailableNow()
        while self.batch() is not None:
            pass

    def once(self) -> Rows | None:
        """One batch, as Trigger.Once."""
        return self.batch(ReadAllAvailable())

    @property
    def texts(self) -> list[str]:
        return [text for rows in self.batches for _, text in rows]


def _copy(offset: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(offset))
    return copied
