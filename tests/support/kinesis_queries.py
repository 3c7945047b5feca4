"""Streaming queries on a Kinesis stream, and what they handed to their sink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.fake_kinesis import FakeKinesis

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.streaming import StreamingQuery

KEYS = {"region": "us-east-1", "awsAccessKey": "test", "awsSecretKey": "test"}


def options(kinesis: FakeKinesis, stream: str, **more: Any) -> dict[str, str]:
    """The options of a read from the oldest record; ``more`` are others, or other values."""
    given = {"streamName": stream, "initialPosition": "trim_horizon", "endpoint": kinesis.url, **KEYS, **more}
    return {name: str(value) for name, value in given.items()}


class Query:
    """A query with its checkpoint, started as often as a test likes; ``batches`` keeps each attempt's rows."""

    def __init__(self, spark: SparkSession, given: dict[str, str], home: Path) -> None:
        self._spark = spark
        self._given = given
        self._checkpoint = str(home / "checkpoint")
        self.batches: list[tuple[int, list[Row]]] = []
        """(batch id, rows) in the order of the attempts; empty batches are left out."""

    def start(
        self,
        *,
        on_batch: Callable[[int, list[Row]], None] | None = None,
        given: dict[str, Any] | None = None,
        **trigger: Any,
    ) -> StreamingQuery:
        """Start it, or start it again, with more options if ``given``; ``on_batch`` may fail a batch that has rows."""

        def keep(frame: DataFrame, batch: int) -> None:
            rows = frame.collect()
            if not rows:
                return
            self.batches.append((batch, rows))
            if on_batch is not None:
                on_batch(batch, rows)

        frame = self._spark.readStream.format("kinesis").options(**self._given, **(given or {})).load()
        writer = frame.writeStream.option("checkpointLocation", self._checkpoint).foreachBatch(keep)
        return (writer.trigger(**trigger) if trigger else writer).start()

    def drain(self, **more: Any) -> StreamingQuery:
        """Read all there is, as a run that ends by itself."""
        query = self.start(availableNow=True, **more)
        assert query.awaitTermination(120), "the run did not end"
        return query

    @property
    def texts(self) -> list[str]:
        """The records' texts of all attempts."""
        return [bytes(row["data"]).decode() for _, rows in self.batches for row in rows]


def wait_for(ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so, or fail."""
    import time

    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
