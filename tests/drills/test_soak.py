"""Both paths at a steady rate for a while, with a batch now and then: nothing grows that should not.

``PIN_SOAK_MINUTES`` sets how long, `make drills` takes 20. Of the time, the first half lets the JVMs settle down.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path
from statistics import median

import pytest
import requests

from pinpipe import delta, kafka
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES, TableName
from pinpipe.stack import Stack
from pinpipe.status import memory_mb
from producer.generate import generate
from producer.tables import Row
from pyspark_kinesis import spool
from spark_jobs.beside import MANY
from tests.support.connect import wait_until
from tests.support.drills import Coordinate, Posting, Result, account, record
from tests.support.pipeline import HOME, OTHER_STREAM_PORT, Pipeline
from tests.support.stream_job import Writer, settled, wait

MINUTES = float(os.environ.get("PIN_SOAK_MINUTES", "4"))
BATCHES = max(2, int(MINUTES / 5))
EVERY = 10.0
EACH = 6
"""Records a stream and half second."""

FLAT = ("mysql", "kafka", "connect", "rest-proxy")
"""Parts whose memory does not depend on how much came through. Spark's grows to its heap, LocalStack keeps all."""
LOG_BYTES = 11_000_000
"""A log file is rotated at ten megabytes."""
SPOOL_BYTES = 32 << 20

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900 + 60 * MINUTES)]


def quarters(values: Sequence[float]) -> list[float]:
    """The median of each."""
    bounds = [len(values) * place // 4 for place in range(5)]
    return [median(values[begin:end]) for begin, end in pairwise(bounds)]


def size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0  # swept meanwhile


class Samples:
    """What is looked at every few seconds, by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, name: str, *values: float) -> None:
        self.values.setdefault(name, []).extend(values)

    def told(self, *names: str) -> str:
        """The medians of the quarters and the most."""
        return "; ".join(
            f"{name} {' '.join(f'{value:,.0f}' for value in quarters(self.values[name]))}, "
            f"at most {max(self.values[name]):,.0f}"
            for name in names
        )


def test_nothing_grows_at_a_steady_rate_through_both_paths(stack: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    stack.run("seed", "--rows", "1500")
    pipeline = Pipeline("soaked").with_(STREAM_PORT=str(OTHER_STREAM_PORT))
    pipeline.run("provision")
    settings, acknowledged = pipeline.settings(), dict[Coordinate, int]()
    access = AwsAccess.of(settings)
    tables = generate(int(MINUTES * 60 + 600) * 2 * EACH, seed=2)
    turns = {table: count() for table in TABLES}

    def rows(table: TableName) -> list[Row]:
        """New posts; every fiftieth time, old ones once more."""
        turn = next(turns[table])
        first = turn // 2 if turn % 50 == 49 else turn
        return list(tables.rows(table)[first * EACH : (first + 1) * EACH])

    writer = Writer(access.kinesis(), {table: settings.stream(table) for table in TABLES}, rows)
    samples, ends = Samples(), list[float]()

    def look() -> None:
        samples.add("records behind", len(writer.put) - settled(pipeline))
        samples.add("sink lag", sum(kafka.sink_lag(settings, settings.topic(table)) for table in TABLES))
        told = requests.get(f"http://127.0.0.1:{settings.stream_port}/progress", timeout=10).json()
        samples.add("a micro-batch, ms", *(each["milliseconds"].get("triggerExecution", 0) for each in told.values()))
        paths = [f"stream/soaked_{table}_table" for table in TABLES]
        paths += [f"batch/{table}" for table in TABLES] + ["superseded/stream", "runs/stream"]
        samples.add("most live files", max(len(delta.files(settings, path)) for path in paths))
        pages = access.s3().get_paginator("list_objects_v2").paginate(Bucket=settings.bucket)
        samples.add("objects in the bucket", sum(page["KeyCount"] for page in pages))
        samples.add("spool, kB", sum(map(size, spool.folder().rglob("*.arrow"))) / 1000)
        samples.add("the stream job", memory_mb(driver.pid) or 0)
        for name, state in Stack(settings).states().items():
            if state.pid:
                samples.add(name, memory_mb(state.pid) or 0)

    pipeline.run("batch")  # the server's classes and the tables
    driver = pipeline.start("stream")
    batch: subprocess.Popen[str] | None = None
    try:
        with Posting(pipeline, acknowledged) as posting:
            writer.start()
            wait(driver, lambda: settled(pipeline) > 0)
            begun = started = time.monotonic()
            batches, before = 0, len(acknowledged) + len(writer.put)
            while (passed := time.monotonic() - begun) < MINUTES * 60:
                time.sleep(EVERY)
                assert driver.poll() is None, driver.communicate()
                look()
                if batch and batch.poll() is not None:
                    assert batch.returncode == 0, batch.communicate()
                    batch = None
                    ends.append(round(time.monotonic() - started, 1))
                if not batch and passed > 60 * MINUTES * (batches + 0.25) / BATCHES:
                    batch, started, batches = pipeline.start("batch"), time.monotonic(), batches + 1
            sent, starts = len(acknowledged) + len(writer.put) - before, posting.starts
        writer.stop()
        if batch:
            assert batch.wait(600) == 0, batch.communicate()
            ends.append(round(time.monotonic() - started, 1))
        wait_until(lambda: settled(pipeline) == len(writer.put), "all that was put is settled", seconds=120, every=2)
    finally:
        writer.stop()
        driver.terminate()
        driver.communicate()
    assert writer.failure is None
    found = account(pipeline, acknowledged, tables=True)
    inds = {
        table: [row["ind"] for row in delta.rows(settings, f"stream/soaked_{table}_table") or []] for table in TABLES
    }
    lost = sum(found.lost.values()) + sum(len(writer.inds[table] - set(inds[table])) for table in TABLES)
    twice = sum(found.twice.values()) + sum(len(inds[table]) - len(set(inds[table])) for table in TABLES)
    memory, shown = samples.values, ("records behind", "sink lag", "a micro-batch, ms", "most live files",
                                     "objects in the bucket", "spool, kB")  # fmt: skip
    kept = (memory["localstack"][-1] - memory["localstack"][0]) * 1024 / sent
    note = (
        f"{MINUTES:g} minutes, {sent / MINUTES / 60:.0f} records a second, {batches} batches beside it; medians of the "
        f"quarters: {samples.told(*shown)}; memory in MB: {samples.told(*FLAT, 'the stream job', 'spark')}; "
        f"LocalStack {memory['localstack'][0]:,.0f} to {memory['localstack'][-1]:,.0f}, {kept:.1f} kB a record; "
        "the time is a batch's"
    )
    with capsys.disabled():
        record(Result("soak of both paths", 1, found.records + len(writer.put), lost, twice, ends, note))
    assert (lost, twice) == (0, 0)
    for table in TABLES:
        assert set(inds[table]) == writer.inds[table]
    assert starts == 1
    growths = {part: quarters(memory[part])[3] - quarters(memory[part])[1] for part in FLAT}
    assert {part: grown for part, grown in growths.items() if grown > 0.05 * memory[part][0] + 10} == {}
    _, _, third, last = zip(
        *(quarters(samples.values[name]) for name in ("records behind", "the stream job")), strict=True
    )
    assert last[0] <= third[0] * 1.3 + 6 * EACH  # a second's worth
    assert last[1] <= third[1] * 1.1
    lags = quarters(samples.values["sink lag"])
    assert lags[3] <= lags[1] + 100
    assert max(samples.values["sink lag"]) < 2000
    assert max(samples.values["most live files"]) <= 5 * MANY  # a minute of micro-batches of three streams, and before
    assert max(samples.values["spool, kB"]) * 1000 < SPOOL_BYTES
    assert max(file.stat().st_size for file in (HOME / "logs").rglob("*") if file.is_file()) < LOG_BYTES
