"""What the streaming reader answers when it is asked as Spark asks, without Spark: triggers, restarts, resharding."""

from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxBytes, ReadMaxRows

from pyspark_kinesis.errors import OptionError, ServiceError
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_protocol import Run
from tests.support.kinesis_queries import wait_for

pytestmark = pytest.mark.kinesis


def numbers(begin: int, end: int) -> list[str]:
    return [str(number) for number in range(begin, end)]


# --- triggers


def test_available_now_ends_with_what_had_arrived_though_a_writer_goes_on(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, numbers(0, 300))
    stop, put = threading.Event(), [300]

    def write() -> None:
        while not stop.wait(0.02):
            kinesis.put(stream, numbers(put[0], put[0] + 5))
            put[0] += 5

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.3)
        with Run(kinesis, stream, maxRecordsPerTrigger="70") as run:
            begun = put[0]
            run.drain()
    finally:
        stop.set()
        writer.join()
    found = sorted(map(int, run.texts))
    assert found == list(range(len(found)))
    assert begun <= len(found) < put[0]
    assert all(len(rows) <= 70 for rows in run.batches)


def test_available_now_gathers_pages_so_that_batches_are_few(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 4)
    kinesis.put(stream, numbers(0, 200))
    with Run(kinesis, stream, maxRecordsPerFetch="20") as run:
        run.drain()
    assert [len(rows) for rows in run.batches] == [200]


def test_once_takes_all_there_is_in_one_batch(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 3)
    kinesis.put(stream, numbers(0, 250))
    with Run(kinesis, stream, maxRecordsPerTrigger="10", maxRecordsPerFetch="20") as run:
        rows = run.once()
        assert rows is not None
        assert sorted(int(text) for _, text in rows) == list(range(250))
        assert run.once() is None


def test_the_limit_is_rows_unless_bytes_are_asked_for(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    cases: list[tuple[dict[str, Any], ReadLimit]] = [
        ({}, ReadMaxRows(1_000_000)),
        ({"maxRecordsPerTrigger": "7"}, ReadMaxRows(7)),
        ({"maxBytesPerTrigger": "1k"}, ReadMaxBytes(1024)),
    ]
    for given, limit in cases:
        with Run(kinesis, stream, **given) as run:
            assert run.reader.getDefaultReadLimit() == limit


def test_nothing_new_leaves_the_offset_as_it_is_and_waits_a_moment(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, ["one"])
    with Run(kinesis, stream) as run:
        run.read(1)
        begun = time.monotonic()
        assert run.plan() is None
        assert 0.15 < time.monotonic() - begun < 1
        assert run.reader.partitions(run.start, run.start) == []


def test_the_first_batch_waits_for_its_rows_and_not_for_those_of_an_empty_stream(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    with Run(kinesis, stream) as run:
        begun = time.monotonic()
        assert run.plan() is None
        assert time.monotonic() - begun < 1
        begun = time.monotonic()
        assert run.plan() is None
        assert time.monotonic() - begun > 0.15
    kinesis.put(stream, ["one"])
    kinesis.faults(empty=0.9, seed=1)  # it takes some pages to come to it
    with Run(kinesis, stream) as run:
        assert run.batch() == [("0", "one")]


# --- where it begins


def test_latest_is_fixed_when_it_is_first_asked_for(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, numbers(0, 20))
    kinesis.age(stream, 10)
    with Run(kinesis, stream, initialPosition="latest") as run:
        kinesis.put(stream, numbers(20, 40))
        assert run.batch() == []  # an empty batch makes the moment durable
        kept = run.start
    kinesis.put(stream, numbers(40, 60))
    with Run(kinesis, stream, kept, initialPosition="latest") as run:
        run.read(40)
        assert sorted(map(int, run.texts)) == list(range(20, 60))


@pytest.mark.parametrize("initial", ["latest", "at"])
def test_where_it_begins_holds_for_children_of_an_old_resharding_too(
    kinesis: FakeKinesis, stream: str, initial: str
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 20))
    kinesis.split(stream, 0)
    kinesis.put(stream, numbers(20, 40))
    kinesis.age(stream, 60)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 30))
    position = "latest" if initial == "latest" else f'{{"at_timestamp": "{moment}"}}'
    with Run(kinesis, stream, initialPosition=position) as run:
        kinesis.put(stream, numbers(40, 60))
        run.drain()
    assert sorted(map(int, run.texts)) == list(range(40, 60))


def test_a_moment_in_the_future_and_a_stream_that_is_not_there_are_told(kinesis: FakeKinesis, stream: str) -> None:
    with pytest.raises(ServiceError, match=f"there is no stream {stream} in this region and account"):
        Run(kinesis, stream)
    kinesis.create(stream)
    with pytest.raises(OptionError, match=r"at_timestamp lies \d+ s in the future"):
        Run(kinesis, stream, initialPosition='{"at_timestamp": "2100-01-01"}')


def test_a_stream_that_is_added_to_the_option_is_read_from_its_start_on(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, ["a"])
    with Run(kinesis, stream) as run:
        run.read(1)
    other = kinesis.create(f"{stream}-2")
    kinesis.put(other, ["b", "c"])
    kinesis.put(stream, ["d"])
    with Run(kinesis, f"{stream},{other}", run.start) as both:
        both.drain()
        assert sorted(both.texts) == ["b", "c", "d"]
        assert list(both.start["streams"]) == [stream, other]
    with Run(kinesis, other, both.start) as one:  # and one that is left out is left as it is
        kinesis.put(other, ["e"])
        kinesis.put(stream, ["f"])
        one.drain()
        assert one.texts == ["e"]
        assert one.start["streams"][stream] == both.start["streams"][stream]


# --- resharding


@pytest.mark.parametrize("no_children", [False, True], ids=["children named", "children found by listing"])
def test_parents_come_before_their_children_in_batches_of_their_own(
    kinesis: FakeKinesis, stream: str, no_children: bool
) -> None:
    kinesis.faults(no_children=no_children)
    kinesis.create(stream, 2)
    with Run(kinesis, stream, maxRecordsPerTrigger="9", shardFetchInterval="200ms") as run:
        kinesis.put(stream, numbers(0, 40))
        kinesis.split(stream, 0)  # 0 -> 2, 3
        kinesis.put(stream, numbers(40, 80))
        kinesis.merge(stream, 3, 1)  # 1, 3 -> 4
        kinesis.put(stream, numbers(80, 120))
        kinesis.split(stream, 4)  # 4 -> 5, 6
        kinesis.put(stream, numbers(120, 160))
        run.read(160)
    assert sorted(map(int, run.texts)) == list(range(160))
    places: dict[str, list[int]] = {}
    for place, rows in enumerate(run.batches):
        for shard, _ in rows:
            places.setdefault(shard, []).append(place)
    for parent, child in [("0", "2"), ("0", "3"), ("3", "4"), ("1", "4"), ("4", "5"), ("4", "6")]:
        assert max(places[parent]) < min(places[child]), (parent, child)


def test_a_shard_that_closed_without_a_record_lets_its_children_begin(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.split(stream, 0)
    kinesis.put(stream, numbers(0, 20))
    with Run(kinesis, stream) as run:
        run.drain()
    assert sorted(map(int, run.texts)) == list(range(20))
    assert run.start["streams"][stream]["shards"]["shardId-000000000000"] == "!"


def test_a_closed_shard_is_forgotten_when_kinesis_has_forgotten_it_and_not_before(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 10))
    kinesis.split(stream, 0)
    with Run(kinesis, stream) as run:
        run.drain()
        assert run.start["streams"][stream]["shards"]["shardId-000000000000"].endswith("!")
    kinesis.forget_shard(stream, 0)
    kinesis.put(stream, numbers(10, 20))
    with Run(kinesis, stream, run.start) as run:
        run.drain()
        assert sorted(map(int, run.texts)) == list(range(10, 20))
        assert "shardId-000000000000" not in run.start["streams"][stream]["shards"]


# --- replays


def test_a_planned_batch_is_the_same_after_a_restart_out_of_the_two_offsets_alone(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 3)
    kinesis.put(stream, numbers(0, 200))
    with Run(kinesis, stream, maxRecordsPerTrigger="80") as run:
        run.batch()
        end = run.plan()
        assert end is not None
        rows = run.rows(end)
        assert run.rows(end) == rows  # tasks may be asked twice
    kinesis.put(stream, numbers(200, 260))
    with Run(kinesis, stream, run.start) as again:
        assert sorted(again.rows(end)) == sorted(rows)
        again.start = end
        again.drain()
    assert sorted(map(int, [*run.texts, *[text for _, text in rows], *again.texts])) == list(range(260))


def test_a_first_batch_is_the_same_after_a_restart_that_begins_later(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, numbers(0, 50))
    with Run(kinesis, stream) as run:
        end = run.plan()
        assert end is not None
        rows = run.rows(end)
    with Run(kinesis, stream, initialPosition="latest") as again:
        assert sorted(again.rows(end)) == sorted(rows)


def test_pages_travel_inside_the_partitions_where_that_is_asked_for(
    kinesis: FakeKinesis, stream: str, tmp_path: Path
) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, numbers(0, 50))
    with Run(kinesis, stream, planMode="inline", spoolDir=tmp_path) as run:
        end = run.plan()
        assert end is not None
        kinesis.faults(failed=1.0)  # nothing is read again
        assert run.rows(end)
        assert list(tmp_path.iterdir()) == []


def test_a_reader_in_a_task_holds_the_options_only(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    with Run(kinesis, stream) as run:
        run.plan()
        assert len(pickle.dumps(run.reader)) < 2000


# --- its life


def test_stopping_leaves_no_thread_and_no_file(kinesis: FakeKinesis, stream: str, tmp_path: Path) -> None:
    kinesis.create(stream, 3)
    kinesis.put(stream, numbers(0, 100))
    before = set(threading.enumerate())
    with Run(kinesis, stream, spoolDir=tmp_path) as run:
        run.plan()
        assert len(set(threading.enumerate()) - before) == 4
        assert list(tmp_path.rglob("*.arrow"))
    wait_for(lambda: not set(threading.enumerate()) - before, seconds=5)
    assert list(tmp_path.rglob("*.arrow")) == []
    run.reader.stop()


def test_the_progress_tells_lag_what_waits_and_the_calls(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    with Run(kinesis, stream, maxRecordsPerTrigger="30") as run:
        assert run.reader.reportLatestOffset() is None
        kinesis.put(stream, numbers(0, 100))
        run.batch()
        wait_for(lambda: (run.reader.reportLatestOffset() or {})["millisBehindLatest"][stream] != {}, 5)
        told = run.reader.reportLatestOffset()
        assert told is not None
        assert told["prefetchedRecords"] == 70
        assert told["prefetchedBytes"] > 70
        assert told["maxMillisBehindLatest"] == 0
        assert told["calls"]["GetRecords"] >= 1
