"""kill -9 of a real driver at random moments, while a writer writes and shards split and merge, under faults.

``PIN_KINESIS_KILLS`` sets how many kills there are, ``PIN_KINESIS_SEED`` when.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.drills import Result, record
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_driver import Driver, attempts, in_sink, uncommitted

KILLS = int(os.environ.get("PIN_KINESIS_KILLS", "3"))
SEED = int(os.environ.get("PIN_KINESIS_SEED", "20261121"))

pytestmark = [pytest.mark.kinesis, pytest.mark.timeout(120 + 60 * KILLS)]


class Writer(threading.Thread):
    """Puts numbered records, two hundred a second, until it is stopped; ``put`` has where each one went."""

    def __init__(self, kinesis: FakeKinesis, stream: str) -> None:
        super().__init__(daemon=True)
        self._kinesis, self._stream = kinesis, stream
        self._stop_asked = threading.Event()
        self.put: list[tuple[str, str, str]] = []

    def run(self) -> None:
        while not self._stop_asked.wait(0.05):
            texts = [str(len(self.put) + number) for number in range(10)]
            placed = self._kinesis.put(self._stream, texts)
            self.put += [(shard, sequence, text) for (shard, sequence), text in zip(placed, texts, strict=True)]

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(10)


class Resharder:
    """Splits and merges open shards in turn, chosen by chance."""

    def __init__(self, kinesis: FakeKinesis, stream: str, chance: random.Random) -> None:
        self._kinesis, self._stream, self._chance = kinesis, stream, chance
        self.done = 0

    def step(self) -> None:
        opened = [
            (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard_id[8:]))
            for shard_id, shard in self._kinesis.shards(self._stream).items()
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        ]
        neighbours = [number for _, number in sorted(opened)]
        if self.done % 2 and len(neighbours) > 1:
            place = self._chance.randrange(len(neighbours) - 1)
            self._kinesis.merge(self._stream, neighbours[place], neighbours[place + 1])
        else:
            self._kinesis.split(self._stream, self._chance.choice(neighbours))
        self.done += 1


@contextmanager
def drivers(kinesis: FakeKinesis, home: Path, stream: str, count: int) -> Iterator[Iterator[Driver]]:
    """Drivers one by one; the next one's Spark starts while this one works. All are killed in the end."""
    started = [Driver(kinesis, home, stream)]

    def each() -> Iterator[Driver]:
        for number in range(count):
            if number + 1 < count:
                started.append(Driver(kinesis, home, stream))
            yield started[number]

    try:
        yield each()
    finally:
        for driver in started:
            driver.kill()


def test_no_kill_loses_or_doubles_a_record_and_a_batch_that_is_read_again_has_the_same_rows(
    kinesis: FakeKinesis, stream: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    kinesis.create(stream, 2)
    kinesis.faults(throttled=0.08, expired=0.03, empty=0.1, failed=0.02, cut=0.02, seed=SEED)
    writer, resharder = Writer(kinesis, stream), Resharder(kinesis, stream, chance)
    writer.start()
    aimed = 0
    try:
        with drivers(kinesis, tmp_path, stream, KILLS + 1) as following:
            for kill in range(KILLS):
                driver = next(following)
                driver.begin("go")
                goal = in_sink(tmp_path) + chance.randint(1, 3)
                wait(driver, partial(reached, tmp_path, goal))
                resharder.step()
                time.sleep(chance.uniform(0, 1.5))
                if kill % 2 == 0:  # between the sink and the checkpoint, where a batch must come again
                    wait(driver, partial(uncommitted, tmp_path))
                    aimed += 1
                driver.kill()
            writer.stop()
            last = next(following)
            last.begin("finish")
            assert last.finished(max(120, 10 * KILLS)) == 0, (tmp_path / "driver.log").read_text()[-3000:]
    finally:
        writer.stop()

    batches = attempts(tmp_path)
    again = [tries for tries in batches.values() if len(tries) > 1]
    read = [row for tries in batches.values() for row in tries[0]]
    lost, extra = set(writer.put) - set(read), set(read) - set(writer.put)
    twice = len(read) - len(set(read))
    different = [tries for tries in again if any(each != tries[0] for each in tries[1:])]
    note = (
        f"{aimed} aimed between the sink and the checkpoint; {resharder.done} splits and merges; of {len(batches)} "
        f"micro-batches {len(again)} were read again, {len(different)} of these with other rows; {len(extra)} unknown"
    )
    with capsys.disabled():
        record(Result("kill -9 of a query on the fake Kinesis with faults", KILLS, len(writer.put), len(lost), twice,
                      note=note))  # fmt: skip
    assert (len(lost), twice, len(extra), len(different)) == (0, 0, 0, 0)
    # did it see enough to prove anything?
    assert len(writer.put) >= 1000 * KILLS
    assert len(batches) >= 3 * KILLS
    assert resharder.done == KILLS
    assert len(again) >= 1
    assert list((tmp_path / "local").glob("pyspark-kinesis-*/*/")) == []  # the spools of killed drivers were swept


def reached(home: Path, goal: int) -> bool:
    return in_sink(home) >= goal


def wait(driver: Driver, ready: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert driver.alive, "the driver ended by itself; see driver.log"
        assert time.monotonic() < deadline, "the driver did not get on"
        time.sleep(0.01)
