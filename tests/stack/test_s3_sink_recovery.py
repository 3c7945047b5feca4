"""The S3 sink when a worker or the broker is killed, a worker is frozen, S3 is away, or the lake is emptied: no record
lost, none twice.

Each record says which partition and offset it was sent to, so the lake is counted by what was really written, not by
what the sink believes. PIN_SINK_KILLS sets how often the kill tests kill.
"""

import random
import threading
import time

import pytest

from tests.support.connect import Worker, wait_until
from tests.support.drills import Result, record
from tests.support.sink import assert_lake, kills, own_names, running_parts

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_parts(tmp_path_factory.mktemp("sink")) as parts:
        yield parts


@pytest.fixture(scope="module")
def worker(shared, tmp_path_factory):
    with Worker(tmp_path_factory.mktemp("connect"), shared.broker.bootstrap, shared.environment) as running:
        yield running


class Posting:
    """Sends records to all partitions of a topic, about ``rate`` a second, until it is left."""

    def __init__(self, parts, topic, partitions, rate):
        producer = parts.producer()
        self._send = lambda: self._round(parts, topic, partitions, rate / 20, producer)
        self.sent = dict.fromkeys(range(partitions), 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failure = None

    def _round(self, parts, topic, partitions, count, producer):
        partition = random.randrange(partitions)
        first, count = self.sent[partition], random.randint(1, int(count * 2))
        parts.produce(topic, [line(partition, first + i) for i in range(count)], partition, producer)
        self.sent[partition] += count

    def _run(self):
        try:
            while not self._stop.wait(0.05):
                self._send()
        except BaseException as error:
            self.failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(120)
        assert self.failure is None

    def expected(self):
        """What the lake must hold."""
        return {p: {i: line(p, i) for i in range(count)} for p, count in self.sent.items() if count}


def line(partition, offset):
    return b'{"partition":%d,"offset":%d,"fill":"%s"}' % (partition, offset, b"x" * (offset % 300))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("victim", "flush_size"), [("worker", "1"), ("worker", "500"), ("broker", "500")])
def test_kill_9_while_posting_loses_nothing_and_writes_nothing_twice(shared, worker, victim, flush_size):
    parts = own_names(shared, "pin", partitions=3)
    topic = f"{parts.user}.pin"
    rate = 40 if flush_size == "1" else 400  # what the sink can follow even while it is killed again and again
    config = parts.config(flush__size=flush_size, rotate__schedule__interval__ms="200", tasks__max="2")
    connector = worker.connector(f"killed-{victim}-{flush_size}", config, tasks=2)
    killed = {"worker": worker, "broker": parts.broker}[victim]
    with Posting(parts, topic, 3, rate) as posting:
        for _ in range(kills()):
            committed = sum(parts.committed(connector, topic).values())
            wait_until(
                lambda before=committed: sum(parts.committed(connector, topic).values()) > before,
                "the sink goes on",
            )
            time.sleep(random.uniform(0.1, 1.5))
            killed.kill()
            killed.start()
        wait_until(lambda: sum(posting.sent.values()) > 100, "enough is sent to show anything")
    parts.wait_for(connector, topic)
    assert_lake(parts, topic, posting.expected())
    record(
        Result(f"kill -9 of the sink's {victim}, objects of {flush_size}", kills(), sum(posting.sent.values()), 0, 0)
    )
    connector.delete()


@pytest.mark.timeout(900)
def test_with_s3_away_the_task_lives_reading_stops_and_everything_arrives_when_it_is_back(shared, worker):
    parts = own_names(shared, "pin", partitions=2)
    topic = f"{parts.user}.pin"
    connector = worker.connector("away", parts.config(buffer__bytes="20000", rotate__schedule__interval__ms="200"))
    parts.produce(topic, [line(0, i) for i in range(10)])
    parts.wait_for(connector, topic)
    parts.localstack.freeze()
    try:
        for partition in (0, 1):
            count = parts.ends(topic)[partition]
            parts.produce(topic, [line(partition, count + i) for i in range(3000)], partition)
        time.sleep(25)  # longer than any one request may take
        assert connector.states() == ["RUNNING"]
        assert parts.committed(connector, topic)[0] == 10
    finally:
        parts.localstack.thaw()
    parts.wait_for(connector, topic)
    assert_lake(parts, topic, {0: {i: line(0, i) for i in range(3010)}, 1: {i: line(1, i) for i in range(3000)}})
    assert connector.states() == ["RUNNING"]
    connector.delete()


@pytest.mark.timeout(900)
def test_a_frozen_worker_that_wakes_up_after_another_took_over_spoils_nothing(shared, worker, tmp_path):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    with Worker(tmp_path, shared.broker.bootstrap, shared.environment) as other:
        config = parts.config(flush__size="500", rotate__schedule__interval__ms="100", upload__threads="1")
        connector = worker.connector("frozen", config)
        parts.produce(topic, [line(0, i) for i in range(10)])
        parts.wait_for(connector, topic)
        owner = worker if str(worker.port) in connector.tasks()[0]["worker_id"] else other
        survivor = other if owner is worker else worker
        # the owner has small objects on their way when it freezes …
        parts.localstack.freeze()
        for batch in range(20):
            parts.produce(topic, [line(0, 10 + batch * 5 + i) for i in range(5)])
            time.sleep(0.15)
        owner.freeze()
        try:
            parts.localstack.thaw()
            # … the other worker catches up, in bigger ones …
            parts.produce(topic, [line(0, 110 + i) for i in range(200)])
            connector = type(connector)(survivor, connector.name)
            parts.wait_for(connector, topic)
        finally:
            # … and the old one wakes up with its uploads still in hand
            parts.localstack.thaw()
            owner.thaw()
        time.sleep(10)
        parts.produce(topic, [line(0, 310 + i) for i in range(10)])
        parts.wait_for(connector, topic)
        assert_lake(parts, topic, {0: {i: line(0, i) for i in range(320)}})
        connector.delete()


@pytest.mark.timeout(900)
def test_an_emptied_lake_is_filled_again_once_the_offsets_are_deleted(shared, worker):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    connector = worker.connector("emptied", parts.config())
    sent = [line(0, i) for i in range(700)]
    sent[100:102] = [None, b"no json"]
    parts.produce(topic, sent)
    parts.wait_for(connector, topic)
    before = parts.offsets(topic)
    parts.localstack.kill()
    parts.localstack.start()
    parts.produce(topic, [line(0, 700 + i) for i in range(10)])  # the sink is running while the bucket is missing
    time.sleep(2)
    parts.localstack.s3().create_bucket(Bucket=parts.bucket)
    connector.stop_and_forget_offsets()
    connector.resume()
    parts.wait_for(connector, topic)
    lake = parts.offsets(topic)
    assert {offset: lake[0][offset] for offset in before[0]} == before[0]
    assert set(lake[0]) == set(range(710)) - {100, 101}
    connector.delete()
