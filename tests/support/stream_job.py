"""The stream job under load: a writer that keeps count, and what the job has settled."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pinpipe import delta
from pinpipe.settings import TableName
from producer.tables import Row, as_record, key_of
from tests.support.pipeline import Pipeline

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

Coordinate = tuple[str, str]
"""Stream and sequence number."""


class Writer(threading.Thread):
    """Puts what it is given into each stream every half second until it is stopped; ``put`` has where each one is."""

    def __init__(
        self, kinesis: KinesisClient, streams: dict[TableName, str], rows: Callable[[TableName], Sequence[Row]]
    ) -> None:
        super().__init__(daemon=True)
        self._kinesis, self._streams, self._rows = kinesis, streams, rows
        self._stop_asked = threading.Event()
        self.put: list[Coordinate] = []
        self.inds: dict[TableName, set[int]] = {table: set() for table in streams}
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stop_asked.wait(0.5):
                for table, stream in self._streams.items():
                    rows = self._rows(table)
                    entries = [
                        {"Data": json.dumps(as_record(row)).encode(), "PartitionKey": str(key_of(row))} for row in rows
                    ]
                    answer = self._kinesis.put_records(StreamName=stream, Records=entries)  # type: ignore[arg-type]
                    for row, result in zip(rows, answer["Records"], strict=True):
                        if "SequenceNumber" in result:  # a refused record is not in the stream
                            self.put.append((stream, result["SequenceNumber"]))
                            self.inds[table].add(key_of(row))
        except Exception as error:
            self.failure = error

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(30)


def settled(pipeline: Pipeline) -> int:
    return sum(run["read"] for run in delta.rows(pipeline.settings(), "runs/stream") or [])


def wait(driver: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300  # cold, on two cores, a driver takes one to two minutes
    while not ready():
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline, "the driver did not get on"
        time.sleep(0.5)
