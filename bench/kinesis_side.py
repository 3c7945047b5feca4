"""One side of ``bench.kinesis_source``: a Spark with one of the two sources, in a process of its own.

``python -m bench.kinesis_side SIDE URL`` measures what it is told on standard input, and tells the figures on standard
output, a line of JSON each. So the peer runs on the Spark that it was built for: this file needs ``pyspark`` and
``psutil`` and nothing else that is not Python's own. Both sides have the same Spark settings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_queries import options, wait_for

Figures = dict[str, float]

PEER_BATCH = 25
"""Records a shard and batch of the peer at a steady rate: by default its batches end at 100,000, or when none come."""


class Side:
    """The process, as the bench sees it; ``with Side("ours", kinesis) as side: side.measure("drain", ...)``."""

    def __init__(self, name: str, kinesis: FakeKinesis, python: str = sys.executable) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "bench.kinesis_side", name, kinesis.url],
            cwd=Path(__file__).resolve().parents[1],
            env=os.environ | {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, what: str, **given: Any) -> Figures:
        """The figures of one measure (see :class:`Measures`)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"what": what, **given}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the side {self.name!r} ended; what it said is above")
        figures: Figures = json.loads(answer)
        return figures

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *error: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()  # the end of its input is the end of its work
        self._process.wait(60)


class Measures:
    """What can be measured, by the method's name."""

    def __init__(self, side: str, url: str, spark: SparkSession, home: str) -> None:
        self._side = side
        self._kinesis = FakeKinesis.at(url)
        self._spark = spark
        self._home = home

    def drain(self, stream: str, records: int) -> Figures:
        """A backlog into ``noop``: seconds from ``load()`` on, and from the first trigger."""
        return self._drained(lambda: self._source(stream), records)

    def rate(self, records: int) -> Figures:
        """The same of Spark's own source, which makes its rows out of nothing."""
        rate = self._spark.readStream.format("rate-micro-batch").option("rowsPerBatch", records)
        return self._drained(rate.load, records)

    def _drained(self, load: Callable[[], DataFrame], records: int) -> Figures:
        begun = time.time()
        with used() as cores:
            query = self._started(load())
            wait_for(
                lambda: not query.isActive or sum(each["numInputRows"] for each in query.recentProgress) >= records, 600
            )
        ended = time.time()
        if error := query.exception():
            raise error
        batches = [each for each in query.recentProgress if each["numInputRows"]]
        query.stop()
        triggered = datetime.fromisoformat(batches[0]["timestamp"]).timestamp()
        return {"seconds": ended - begun, "without the start": ended - triggered, "batches": len(batches), **cores}

    def first_rows(self, stream: str) -> Figures:
        """From ``load()`` to a batch with rows in the sink: seconds."""
        seen = threading.Event()
        bounded = {"kinesis.maxFetchRecordsPerShard": 250} if self._side == "peer" else {"maxRecordsPerTrigger": 1000}
        begun = time.perf_counter()
        query = self._started(
            self._source(stream, **bounded), lambda frame, batch: seen.set() if frame.count() else None
        )
        assert seen.wait(60)
        took = time.perf_counter() - begun
        query.stop()
        return {"seconds": took}

    def steady(self, stream: str, seconds: float) -> Figures:
        """While another process puts records that begin with their time: put to end of the sink's call, and cores."""
        latencies: list[float] = []

        def sink(frame: DataFrame, batch: int) -> None:
            puts = [float(bytes(row[0]).split()[0]) for row in frame.select("data").collect()]
            now = time.time()
            latencies.extend(now - put for put in puts)

        tuned = {"kinesis.maxFetchRecordsPerShard": PEER_BATCH} if self._side == "peer" else {}
        query = self._started(self._source(stream, **tuned), sink)
        time.sleep(8)
        latencies.clear()
        with used() as cores:
            time.sleep(seconds)
        found = sorted(latencies)
        query.stop()
        return {"p50": found[len(found) // 2], "p95": found[len(found) * 95 // 100], **cores}

    def idle(self, streams: list[str], seconds: float) -> Figures:
        """Queries on streams where nothing comes: cores, and reads a second and shard."""
        queries = [self._started(self._source(stream)) for stream in streams]
        time.sleep(12)
        shards = sum(len(self._kinesis.shards(stream)) for stream in streams)
        before = self._kinesis.counts()["GetRecords"]
        with used() as cores:
            time.sleep(seconds)
        asked = self._kinesis.counts()["GetRecords"] - before
        for query in queries:
            query.stop()
        return {"reads": asked / seconds / shards, **cores}

    def _source(self, stream: str, **more: Any) -> DataFrame:
        if self._side == "ours":
            return self._spark.readStream.format("kinesis").options(**options(self._kinesis, stream, **more)).load()
        given = {
            "kinesis.streamName": stream,
            "kinesis.endpointUrl": self._kinesis.url,
            "kinesis.region": "us-east-1",
            "kinesis.kinesisRegion": "us-east-1",
            "kinesis.awsAccessKeyId": "test",
            "kinesis.awsSecretKey": "test",
            "kinesis.startingPosition": "TRIM_HORIZON",
        }
        return self._spark.readStream.format("aws-kinesis").options(**given, **more).load()

    def _started(self, frame: DataFrame, sink: Callable[[DataFrame, int], None] | None = None) -> StreamingQuery:
        writer = frame.writeStream.option("checkpointLocation", tempfile.mkdtemp(dir=self._home))
        return (writer.foreachBatch(sink) if sink else writer.format("noop")).start()


@contextmanager
def used() -> Iterator[Figures]:
    """The cores that this process and what it has started take meanwhile."""
    me, cores = psutil.Process(), Figures()

    def each() -> dict[int, float]:
        found = {}
        for process in (me, *me.children(recursive=True)):
            try:
                found[process.pid] = sum(process.cpu_times()[:2])
            except psutil.Error:
                continue
        return found

    before, begun = each(), time.time()
    yield cores
    after, took = each(), time.time() - begun
    cores["cores"] = sum(value - before.get(pid, 0.0) for pid, value in after.items()) / took


def main(side: str, url: str) -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed must not be taken for figures
    builder = (
        SparkSession.builder.master("local[4]")  # the peer holds a core of Spark's for each shard that it reads
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        # a query that is stopped looks through the text of its exception with a recursive pattern
        .config("spark.driver.extraJavaOptions", "-Xss4m")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.streaming.numRecentProgressUpdates", "2000")
    )
    if side == "peer":
        builder = builder.config("spark.jars", os.environ["PIN_PEER_JAR"])
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory(prefix="bench-kinesis-") as home:
        measures = Measures(side, url, spark, home)
        for line in sys.stdin:
            given = json.loads(line)
            print(json.dumps(getattr(measures, given.pop("what"))(**given)), file=answers, flush=True)
        spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
