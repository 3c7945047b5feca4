"""Posts at a steady rate for minutes, with a batch now and then: nothing grows that should not.

``PIN_SOAK_MINUTES`` sets how long.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping, Sequence

import pytest

from pinpipe import kafka
from pinpipe.settings import TABLES
from pinpipe.stack import Stack
from pinpipe.status import memory_mb
from tests.support.drills import Coordinate, Posting, account, record
from tests.support.pipeline import HOME, Pipeline

MINUTES = float(os.environ.get("PIN_SOAK_MINUTES", "2"))
EVERY = 10.0
BATCHES = max(2, int(MINUTES / 4))

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900 + 60 * MINUTES)]

FLAT = ("mysql", "kafka", "connect", "rest-proxy")
"""Parts whose memory does not depend on how much came through. Spark's grows to its heap, LocalStack keeps all."""
LOG_BYTES = 11_000_000
"""A log file is rotated at ten megabytes."""


def memory(stack: Stack) -> dict[str, int]:
    return {name: memory_mb(state.pid) or 0 for name, state in stack.states().items() if state.pid}


def growth(samples: Sequence[Mapping[str, int]], part: str) -> float:
    """How much more memory a part has in the last third than in the second, in MB."""
    third = len(samples) // 3
    second, last = samples[third : 2 * third], samples[2 * third :]
    return statistics.median(s[part] for s in last) - statistics.median(s[part] for s in second)


def test_nothing_grows_under_steady_posts(stack: Pipeline) -> None:
    stack.run("seed", "--rows", "1500")
    pipeline = Pipeline("soaked")
    pipeline.run("provision")
    settings, acknowledged = pipeline.settings(), dict[Coordinate, int]()
    samples: list[dict[str, int]] = []
    lags: list[int] = []
    batches: list[float] = []
    pipeline.run("batch")  # the server's classes and the tables
    with Posting(pipeline, acknowledged) as posting:
        started = time.monotonic()
        while (passed := time.monotonic() - started) < 60 * MINUTES:
            samples.append(memory(Stack(settings)))
            lags.append(sum(kafka.sink_lag(settings, settings.topic(table)) for table in TABLES))
            if passed > 60 * MINUTES * (len(batches) + 0.5) / BATCHES:
                begun = time.monotonic()
                pipeline.run("batch")
                batches.append(round(time.monotonic() - begun, 1))
            time.sleep(EVERY)
        minutes, sent, starts = (time.monotonic() - started) / 60, len(acknowledged), posting.starts
    found = account(pipeline, acknowledged, tables=True)
    kept = samples[-1]["localstack"] - samples[0]["localstack"]
    logs = {file.name: file.stat().st_size for file in (HOME / "logs").iterdir() if file.is_file()}
    parts = ", ".join(f"{part} {samples[0][part]} to {samples[-1][part]}" for part in (*FLAT, "spark", "localstack"))
    third = len(lags) // 3
    note = (
        f"{minutes:.0f} minutes, {sent / minutes / 60:.0f} records a second, {len(batches)} batches; memory in MB: "
        f"{parts} ({kept * 1024 / sent:.1f} kB a record); sink lag {statistics.median(lags):.0f} in the median, "
        f"{max(lags)} at most; the time is a batch's"
    )
    record(found.result("soak", 1, batches, note))
    found.check()
    assert starts == 1
    assert {part: grown for part in FLAT if (grown := growth(samples, part)) > 0.05 * samples[0][part] + 10} == {}
    assert statistics.median(lags[2 * third :]) <= statistics.median(lags[third : 2 * third]) + 100
    assert max(lags) < 2000
    assert max(logs.values()) < LOG_BYTES
