"""The stream job at a steady rate for a while: what it is behind, its memory and its files must not grow.

``PIN_SOAK_MINUTES`` sets how long, `make drills` takes 20. Of the time, the first half lets the JVM settle down.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import count, pairwise
from statistics import median

import pytest
import requests

from pinpipe import delta
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES, TableName
from pinpipe.status import memory_mb
from producer.generate import generate
from producer.tables import Row
from spark_jobs.beside import MANY
from tests.support.connect import wait_until
from tests.support.drills import Result, record
from tests.support.pipeline import OTHER_STREAM_PORT, Pipeline
from tests.support.stream_job import Writer, settled, wait

MINUTES = float(os.environ.get("PIN_SOAK_MINUTES", "4"))
EACH = 9
"""Records a stream and half second: 54 a second, all together."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900 + 60 * MINUTES)]


def in_quarters(values: Sequence[float]) -> list[Sequence[float]]:
    bounds = [len(values) * place // 4 for place in range(5)]
    return [values[begin:end] for begin, end in pairwise(bounds)]


def test_at_a_steady_rate_neither_the_lag_nor_the_memory_nor_the_files_grow(
    stack: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = Pipeline("soaked").with_(STREAM_PORT=str(OTHER_STREAM_PORT))
    pipeline.run("provision")
    settings = pipeline.settings()
    access = AwsAccess.of(settings)
    tables = generate(int(MINUTES * 60 + 300) * 2 * EACH, seed=2)
    turns = {table: count() for table in TABLES}

    def rows(table: TableName) -> list[Row]:
        """New posts; every fiftieth time, old ones once more."""
        turn = next(turns[table])
        first = turn // 2 if turn % 50 == 49 else turn
        return list(tables.rows(table)[first * EACH : (first + 1) * EACH])

    def objects() -> int:
        pages = access.s3().get_paginator("list_objects_v2").paginate(Bucket=settings.bucket)
        return sum(page["KeyCount"] for page in pages)

    writer = Writer(access.kinesis(), {table: settings.stream(table) for table in TABLES}, rows)
    driver = pipeline.start("stream")
    behind, memory, live, stored, batches = [], [], [], [], []
    try:
        writer.start()
        wait(driver, lambda: settled(pipeline) > 0)
        begun = time.monotonic()
        while time.monotonic() < begun + MINUTES * 60:
            time.sleep(10)
            assert driver.poll() is None, driver.communicate()
            told = requests.get(f"http://127.0.0.1:{settings.stream_port}/progress", timeout=10).json()
            behind.append(len(writer.put) - settled(pipeline))
            batches += [each["milliseconds"].get("triggerExecution", 0) for each in told.values()]
            memory.append(memory_mb(driver.pid) or 0)
            paths = (*(f"stream/soaked_{table}_table" for table in TABLES), "superseded/stream", "runs/stream")
            live.append(max(len(delta.files(settings, path)) for path in paths))
            stored.append(objects())
        writer.stop()
        wait_until(lambda: settled(pipeline) == len(writer.put), "all that was put is settled", seconds=120, every=2)
    finally:
        writer.stop()
        driver.terminate()
        driver.communicate()
    assert writer.failure is None
    shown = {
        "records behind": behind, "memory, MB": memory, "a micro-batch, ms": batches, "most live files": live,
        "objects in the bucket": stored,
    }  # fmt: skip
    quarters = {name: [median(part) for part in in_quarters(values)] for name, values in shown.items()}
    inds = {
        table: [row["ind"] for row in delta.rows(settings, f"stream/soaked_{table}_table") or []] for table in TABLES
    }
    lost = sum(len(writer.inds[table] - set(inds[table])) for table in TABLES)
    twice = sum(len(inds[table]) - len(set(inds[table])) for table in TABLES)
    parts = "; ".join(f"{name} {quarters[name]}, at most {max(values)}" for name, values in shown.items())
    note = f"{MINUTES:g} minutes, {len(writer.put) / MINUTES / 60:.0f} a second; medians of the quarters: {parts}"
    with capsys.disabled():
        record(Result("soak of the stream job", 1, len(writer.put), lost, twice, note=note))
    _, _, before, last = zip(*(quarters[name] for name in ("records behind", "memory, MB")), strict=True)
    assert last[0] <= before[0] * 1.3 + 6 * EACH  # a second's worth
    assert last[1] <= before[1] * 1.1
    assert max(live) <= 5 * MANY  # a minute of micro-batches of three streams, and what was left
    assert (lost, twice) == (0, 0)
    for table in TABLES:
        assert set(inds[table]) == writer.inds[table]
