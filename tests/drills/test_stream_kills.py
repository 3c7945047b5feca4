"""kill -9 of the stream job at random moments, while records come in and shards split and merge: LocalStack and Delta.

``PIN_STREAM_KILLS`` sets how many kills there are, ``PIN_DRILL_SEED`` when; `make drills` takes four. Not in `make
test`: one kill, of the same job, is in tests/e2e/test_streaming.py, and three against the fake server in tests/kinesis.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pinpipe import delta
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES
from producer.generate import generate
from tests.support.drills import Result, record
from tests.support.pipeline import OTHER_STREAM_PORT, Pipeline
from tests.support.stream_job import Coordinate, Writer, settled, wait

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

KILLS = int(os.environ.get("PIN_STREAM_KILLS", "1"))
SEED = int(os.environ.get("PIN_DRILL_SEED", "20261121"))
POSTS = 2_000
"""Records are of this many posts: the more are sent, the more of them are repeats."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600 + 120 * KILLS)]


class Resharder:
    """Splits and merges open shards in turn, of a stream chosen by chance."""

    def __init__(self, kinesis: KinesisClient, streams: list[str], chance: random.Random) -> None:
        self._kinesis, self._streams, self._chance = kinesis, streams, chance
        self.splits = self.merges = 0

    def step(self) -> None:
        stream = self._chance.choice(self._streams)
        found = self._kinesis.list_shards(StreamName=stream)["Shards"]
        opened = sorted(
            (
                int(shard["HashKeyRange"]["StartingHashKey"]),
                int(shard["HashKeyRange"]["EndingHashKey"]),
                shard["ShardId"],
            )
            for shard in found
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        )
        if len(opened) > 1:
            place = self._chance.randrange(len(opened) - 1)
            left, right = opened[place][2], opened[place + 1][2]
            self._kinesis.merge_shards(StreamName=stream, ShardToMerge=left, AdjacentShardToMerge=right)
            self.merges += 1
        else:
            [(start, end, only)] = opened
            middle = str((start + end) // 2)
            self._kinesis.split_shard(StreamName=stream, ShardToSplit=only, NewStartingHashKey=middle)
            self.splits += 1


def test_no_kill_of_the_stream_job_loses_or_doubles_a_record(
    stack: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    pipeline = Pipeline("killed").with_(STREAM_PORT=str(OTHER_STREAM_PORT))
    pipeline.run("provision")
    settings = pipeline.settings()
    kinesis = AwsAccess.of(settings).kinesis()
    streams = {table: settings.stream(table) for table in TABLES}
    tables, draws = generate(), random.Random(SEED)
    writer = Writer(kinesis, streams, lambda table: draws.sample(tables.rows(table)[:POSTS], 10))
    resharder = Resharder(kinesis, list(streams.values()), chance)
    writer.start()
    moments = Counter[str]()
    try:
        for kill in range(KILLS):
            before = settled(pipeline)
            driver = pipeline.start("stream")
            if kill % 4 == 3:
                moments["while it started"] += 1
                time.sleep(chance.uniform(1, 40))
            else:
                moments["at work"] += 1
                wait(driver, lambda: settled(pipeline) > before)  # noqa: B023  # waited for in this turn of the loop
                resharder.step()
                time.sleep(chance.uniform(0, 6))
            assert driver.poll() is None, driver.communicate()
            driver.kill()
            driver.communicate()
    finally:
        writer.stop()
    assert writer.failure is None
    progress = settled(pipeline)
    pipeline.run("stream", "--available-now", seconds=900)

    found = Counter[Coordinate]()
    for path in (*(f"stream/killed_{table}_table" for table in TABLES), "superseded/stream", "quarantine/stream"):
        found.update((row["_source"]["stream"], row["_source"]["sequence"]) for row in delta.rows(settings, path) or [])
    lost, unknown = set(writer.put) - set(found), set(found) - set(writer.put)
    twice = {coordinate: times for coordinate, times in found.items() if times > 1}
    clean = {
        table: [row["ind"] for row in delta.rows(settings, f"stream/killed_{table}_table") or []] for table in TABLES
    }
    note = (
        f"{', '.join(f'{times} {moment}' for moment, times in moments.items())}; {resharder.splits} splits and "
        f"{resharder.merges} merges; {progress} records were settled at the last kill; {len(unknown)} unknown"
    )
    with capsys.disabled():
        record(Result("kill -9 of the stream job", KILLS, len(writer.put), len(lost), len(twice), note=note))
    assert (len(lost), len(twice), len(unknown)) == (0, 0, 0)
    assert settled(pipeline) == len(writer.put)  # the counts say the same
    for table in TABLES:
        assert len(clean[table]) == len(set(clean[table])), "a post is there twice"
        assert set(clean[table]) == writer.inds[table]
    # did it see enough to prove anything?
    assert len(writer.put) >= 400 * KILLS
    assert 0 < progress < len(writer.put)
    assert resharder.splits + resharder.merges >= KILLS * 3 // 4
