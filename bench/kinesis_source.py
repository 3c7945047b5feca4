"""The Kinesis source against two baselines of the same run: ``python -m bench.kinesis_source [--quick]``.

* bare loop: GetRecords in a thread a shard with the library's client, pages decoded to Arrow and thrown away: no
  spool, no Spark. It bounds what one process can fetch.
* rate source: Spark's own, which makes as many rows out of nothing: what Spark and its sink cost by themselves.

Kinesis is the fake server of ``tests/support``, a process of its own on this machine, without faults and without
AWS's limits; it, the JVM and Spark's Python processes share the cores. Four shards, records of 593 bytes. Spark is
warm: one query ran before. Each round measures all of them in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from rich.console import Console
from rich.table import Table

from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.options import Connection
from pyspark_kinesis.position import TrimHorizon
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_queries import options, wait_for

SHARDS = 4
RECORD = b"x" * 593
CHECKPOINTS = tempfile.TemporaryDirectory(prefix="bench-kinesis-")
"""Removed when Python ends."""


@dataclass
class Figures:
    """Each measure's values, one a round, in the order of their first round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def table(self, title: str) -> Table:
        table = Table(title=title)
        for column in ("measure", "minimum", "median", "maximum"):
            table.add_column(column, justify="left" if column == "measure" else "right")
        for name, values in self.values.items():
            form = ",.0f" if max(values) >= 100 else ".2f"
            shown = (min(values), statistics.median(values), max(values))
            table.add_row(name, *(format(value, form) for value in shown))
        return table


@contextmanager
def session() -> Iterator[SparkSession]:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.streaming.numRecentProgressUpdates", "2000")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


def bare_loop(kinesis: FakeKinesis, stream: str) -> float:
    """Seconds to fetch and decode all of a stream."""
    client = KinesisClient(Connection("us-east-1", kinesis.url, "test", "test"))

    def shard(shard_id: str) -> None:
        iterator: str | None = client.shard_iterator(stream, shard_id, TrimHorizon())
        while iterator:
            page = client.get_records(iterator, 10_000, stream, shard_id)
            iterator = None if page.caught_up else page.next_iterator

    begun = time.perf_counter()
    with ThreadPoolExecutor(SHARDS) as threads:
        list(threads.map(shard, kinesis.shards(stream)))
    return time.perf_counter() - begun


def started(frame: DataFrame, sink: Callable[[DataFrame, int], None] | None = None) -> StreamingQuery:
    writer = frame.writeStream.option("checkpointLocation", tempfile.mkdtemp(dir=CHECKPOINTS.name))
    return (writer.foreachBatch(sink) if sink else writer.format("noop")).start()


def drained(frame: DataFrame, rows: int) -> tuple[float, float]:
    """Seconds until a query has brought so many rows to ``noop``: from its start, and from its first trigger."""
    begun = time.time()
    query = started(frame)
    wait_for(lambda: not query.isActive or sum(each["numInputRows"] for each in query.recentProgress) >= rows, 600)
    ended = time.time()
    if error := query.exception():
        raise error
    first = next(each for each in query.recentProgress if each["numInputRows"])
    query.stop()
    return ended - begun, ended - _seconds(first["timestamp"])


def _seconds(timestamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(timestamp).timestamp()


def backlog(spark: SparkSession, kinesis: FakeKinesis, stream: str, count: int, figures: Figures) -> None:
    figures.add("backlog, bare loop: records/s", count / bare_loop(kinesis, stream))
    rate = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", count).load()
    figures.add("backlog, rate source: rows/s", count / drained(rate, count)[0])
    whole, without_start = drained(source(spark, kinesis, stream), count)
    figures.add("backlog, this source: records/s", count / whole)
    figures.add("the same without the query's start", count / without_start)


def source(spark: SparkSession, kinesis: FakeKinesis, stream: str, **more: Any) -> DataFrame:
    return spark.readStream.format("kinesis").options(**options(kinesis, stream, **more)).load()


def first_rows(spark: SparkSession, kinesis: FakeKinesis, stream: str, figures: Figures) -> None:
    """From ``load()`` to a batch with rows in the sink."""
    seen = threading.Event()
    begun = time.perf_counter()
    query = started(
        source(spark, kinesis, stream, maxRecordsPerTrigger=1000),
        lambda frame, batch: seen.set() if frame.count() else None,
    )
    assert seen.wait(60)
    figures.add("first rows after load(): s", time.perf_counter() - begun)
    query.stop()


def trickle(spark: SparkSession, kinesis: FakeKinesis, rate: int, seconds: float, figures: Figures) -> None:
    """Latency from the put to the end of the sink's call, and what it costs, at a steady rate."""
    stream = kinesis.create(f"trickle-{time.time_ns()}", SHARDS)
    latencies: list[float] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            kinesis.put(stream, [f"{time.time():.6f} {number}" for number in range(rate // 20)])

    def sink(frame: DataFrame, batch: int) -> None:
        puts = [float(bytes(row[0]).split()[0]) for row in frame.select("data").collect()]
        now = time.time()
        latencies.extend(now - put for put in puts)

    query = started(source(spark, kinesis, stream), sink)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    time.sleep(5)
    latencies.clear()
    with cpu(figures, f"{rate} records/s: cores"):
        time.sleep(seconds)
    found = sorted(latencies)
    stop.set()
    writer.join()
    query.stop()
    figures.add(f"{rate} records/s, put to sink: p50 s", found[len(found) // 2])
    figures.add(f"{rate} records/s, put to sink: p95 s", found[len(found) * 95 // 100])


def idle(spark: SparkSession, kinesis: FakeKinesis, seconds: float, figures: Figures) -> None:
    """Three queries on streams where nothing comes."""
    streams = [kinesis.create(f"idle-{time.time_ns()}-{number}", SHARDS) for number in range(3)]
    queries = [started(source(spark, kinesis, stream)) for stream in streams]
    time.sleep(12)
    before = kinesis.counts()["GetRecords"]
    with cpu(figures, "three idle queries: cores"):
        time.sleep(seconds)
    asked = kinesis.counts()["GetRecords"] - before
    figures.add("three idle queries: GetRecords/s and shard", asked / seconds / 3 / SHARDS)
    for query in queries:
        query.stop()


@contextmanager
def cpu(figures: Figures, name: str) -> Iterator[None]:
    """The cores that the JVM and Spark's Python processes take meanwhile; the fake server is left out."""

    def used() -> dict[int, float]:
        found = {}
        for process in psutil.Process().children(recursive=True):
            try:
                if "tests.support.fake_kinesis_server" not in process.cmdline():
                    times = process.cpu_times()
                    found[process.pid] = times.user + times.system
            except psutil.Error:
                continue
        return found

    before, begun = used(), time.time()
    yield
    after, took = used(), time.time() - begun
    figures.add(name, sum(value - before.get(pid, 0.0) for pid, value in after.items()) / took)


def measure(count: int, rounds: int, seconds: float) -> Table:
    figures = Figures()
    with FakeKinesis() as kinesis, session() as spark:
        small, big = kinesis.create("warm", SHARDS), kinesis.create("backlog", SHARDS)
        kinesis.fill(small, 2000, RECORD)
        for begin in range(0, count, 50_000):
            kinesis.fill(big, min(50_000, count - begin), RECORD)
        drained(source(spark, kinesis, small), 2000)
        for _ in range(rounds):
            backlog(spark, kinesis, big, count, figures)
            first_rows(spark, kinesis, small, figures)
            trickle(spark, kinesis, 200, seconds, figures)
            idle(spark, kinesis, seconds, figures)
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return figures.table(f"Kinesis source, {count:,} records of {len(RECORD)} bytes, {rounds} rounds, {machine}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400_000, help="records of the backlog")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30, help="length of the steady and of the idle measure")
    parser.add_argument("--quick", action="store_true", help="one round with 100,000 records and 10 seconds")
    arguments = parser.parse_args()
    if arguments.quick:
        table = measure(100_000, 1, 10)
    else:
        table = measure(arguments.records, arguments.rounds, arguments.seconds)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
