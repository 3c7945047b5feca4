"""S3 that answers 500 and 503, is slow, or breaks off, in front of the sink and of a whole batch: nothing lost, nothing
twice, and nobody has to do anything.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support import drills
from tests.support.connect import Worker
from tests.support.drills import Posting, Result, account, record
from tests.support.pipeline import Pipeline
from tests.support.s3_faults import faulty_s3
from tests.support.sink import own_names, running_parts

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

FAULTS = (500, 503, "slow", "cut")
SECONDS = 15
"""How long each of them lasts."""


def test_a_sink_whose_s3_fails_in_every_way_writes_each_record_once(tmp_path: Path) -> None:
    with running_parts(tmp_path) as shared, faulty_s3(shared.localstack.url) as s3:
        parts = own_names(shared, "pin")
        topic = f"{parts.user}.pin"
        with Worker(tmp_path / "connect", parts.broker.bootstrap, parts.environment) as worker:
            config = parts.config(store__url=s3.address, buffer__bytes="200000", rotate__schedule__interval__ms="200")
            connector = worker.connector("faults", config)
            producer, sent = parts.producer(), 0

            def produce(seconds: float) -> None:
                nonlocal sent
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline:
                    parts.produce(topic, [line(sent + n) for n in range(50)], 0, producer)
                    sent += 50
                    time.sleep(0.1)

            recoveries = []
            for fault in FAULTS:
                s3.fault = fault
                produce(SECONDS)
                assert connector.states() == ["RUNNING"]
                s3.fault = None
                started = time.monotonic()
                parts.wait_for(connector, topic)
                recoveries.append(round(time.monotonic() - started, 1))
            found = parts.offsets(topic)[0]  # an offset that is there twice fails here
            struck = dict(s3.struck)
            connector.delete()
    lost = sent - sum(found.get(n) == line(n) for n in range(sent))
    note = "answers that were spoilt: " + ", ".join(f"{name} {times}" for name, times in struck.items())
    record(Result(f"S3 answers the sink with 500, 503, slowly, not at all, {SECONDS} s each", len(FAULTS), sent, lost,
                  len(found.keys() - set(range(sent))), recoveries, note))  # fmt: skip
    assert lost == 0
    assert found.keys() == set(range(sent))
    assert struck.keys() == set(map(str, FAULTS))


def test_a_batch_whose_s3_fails_now_and_then_gives_the_same_tables(stack: Pipeline) -> None:
    stack.run("seed", "--rows", "1500")
    pipeline = Pipeline("faulty-s3")
    pipeline.run("provision")
    acknowledged: dict[drills.Coordinate, int] = {}
    with Posting(pipeline, acknowledged):
        time.sleep(5)
    pipeline.wait_for_sink()
    with faulty_s3(pipeline.settings().aws_endpoint_url or "") as s3:
        s3.fault, s3.each = 503, 25
        started = time.monotonic()
        # a session in the process: all of it, the lease and the tables too, goes through this S3
        pipeline.with_(AWS_ENDPOINT_URL=s3.address, SPARK_REMOTE="").run("batch")
        seconds = round(time.monotonic() - started, 1)
        struck, passed = s3.struck["503"], s3.passed
    found = account(pipeline, acknowledged, tables=True)
    note = f"{struck} of {struck + passed} requests were answered 503; the time is the batch's"
    record(found.result("a batch while S3 answers one request in 25 with 503", 1, [seconds], note))
    found.check()
    assert struck > 20


def line(offset: int) -> bytes:
    return b'{"offset":%d,"fill":"%s"}' % (offset, b"x" * (offset % 300))
