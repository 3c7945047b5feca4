"""One shard read page by page, and the same ranges again: expiry, trimmed positions, shards and streams that go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyspark_kinesis import ranges
from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.errors import DataLossError, ServiceError, StreamRecreatedError
from pyspark_kinesis.options import Connection, parse
from pyspark_kinesis.plan import ShardRange, Slice
from pyspark_kinesis.position import AfterSequence, AtTimestamp, Position, TrimHorizon
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_queries import options

pytestmark = pytest.mark.kinesis

SHARD = "shardId-000000000000"
TEXTS = [str(number) for number in range(60)]

Open = Callable[..., ShardCursor]


@pytest.fixture
def client(kinesis: FakeKinesis) -> KinesisClient:
    return KinesisClient(Connection("us-east-1", kinesis.url, "test", "test"), retry_seconds=5)


@pytest.fixture
def opened(client: KinesisClient, stream: str) -> Open:
    """A cursor on the stream's first shard."""

    def make(position: Position | None = None, *, fail: bool = True, created: int | None = None) -> ShardCursor:
        start = position or TrimHorizon()
        return ShardCursor(client, stream, SHARD, start, limit=7, fail_on_data_loss=fail, created=created)

    return make


def texts(batch: Any) -> list[str]:
    return [] if batch is None else [data.decode() for data in batch.column("data").to_pylist()]


def drain(cursor: ShardCursor) -> list[str]:
    found: list[str] = []
    for _ in range(200):
        page = cursor.read()
        found += texts(page.batch)
        if page.caught_up:
            return found
    raise AssertionError("it did not catch up")


@pytest.mark.parametrize("fault", [{"expired": 0.4}, {"empty": 0.5}], ids=["expired iterators", "empty pages"])
def test_all_records_come_once_and_in_order(
    opened: Open, kinesis: FakeKinesis, stream: str, fault: dict[str, float]
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS)
    kinesis.faults(seed=2, **fault)
    before = kinesis.counts()
    assert drain(opened()) == TEXTS
    shown = f"fault {next(iter(fault))}"
    assert kinesis.counts()[shown] - before.get(shown, 0) >= 3


def test_iterators_that_never_live_are_told(opened: Open, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.faults(expired=1.0)
    with pytest.raises(ServiceError, match=f"20 new iterators of {stream}/{SHARD} were refused"):
        opened().read()


def test_a_closed_shard_ends_with_its_last_page(opened: Open, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS[:10])
    kinesis.split(stream, 0)
    cursor = opened()
    first, last = cursor.read(), cursor.read()
    assert (first.rows, last.rows) == (7, 3)
    assert not first.children
    assert [child.shard_id[-1] for child in last.children] == ["1", "2"]
    assert cursor.ended


# --- what is gone


@pytest.mark.parametrize("kind", ["refused", "stuck"])
def test_a_trimmed_position_fails_and_says_how_to_go_on(
    opened: Open, kinesis: FakeKinesis, stream: str, kind: str
) -> None:
    kinesis.create(stream)
    placed = kinesis.put(stream, TEXTS)
    kinesis.trim(stream, 0, 30)
    kinesis.faults(trimmed=kind)
    with pytest.raises(DataLossError, match=f"records of {stream}/{SHARD} behind {placed[9][1]} are gone: .*failOnD"):
        drain(opened(AfterSequence(placed[9][1])))


@pytest.mark.parametrize("kind", ["refused", "stuck"])
def test_a_trimmed_position_goes_on_at_the_oldest_record_where_that_is_wanted(
    opened: Open, kinesis: FakeKinesis, stream: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    kinesis.create(stream)
    placed = kinesis.put(stream, TEXTS)
    kinesis.trim(stream, 0, 30)
    kinesis.faults(trimmed=kind)
    assert drain(opened(AfterSequence(placed[9][1]), fail=False)) == TEXTS[30:]
    assert [record.message.endswith("going on at the oldest record") for record in caplog.records] == [True]


def test_records_read_at_the_edge_of_the_retention_are_warned_of_once(
    opened: Open, kinesis: FakeKinesis, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    kinesis.create(stream)
    placed = kinesis.put(stream, TEXTS)
    kinesis.age(stream, 24 * 3600 - 60)
    assert drain(opened(AfterSequence(placed[9][1]))) == TEXTS[10:]
    assert [record.message for record in caplog.records] == [
        f"{stream}/{SHARD} is read 23 h behind, at the edge of what the stream keeps: older records may be gone "
        "unread; raise the stream's retention"
    ]


def test_a_shard_that_is_gone_fails_or_ends(opened: Open, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, TEXTS[:20], shard=0)
    strict, lenient = opened(), opened(fail=False)
    assert (strict.read().rows, lenient.read().rows) == (7, 7)
    kinesis.forget_shard(stream, 0)
    with pytest.raises(DataLossError, match="are gone: the shard is not there any more"):
        strict.read()
    page = lenient.read()
    assert (page.rows, lenient.ended) == (0, True)


def test_a_stream_made_anew_is_not_taken_for_a_trimmed_one(
    client: KinesisClient, opened: Open, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    placed = kinesis.put(stream, TEXTS)
    created = client.describe(stream).created
    reading, resumed = opened(created=created), opened(AfterSequence(placed[9][1]), fail=False, created=created)
    reading.read()
    kinesis.recreate(stream)
    kinesis.put(stream, ["of another stream"])
    for cursor in (reading, resumed):
        with pytest.raises(StreamRecreatedError, match=f"stream {stream} was deleted and created again"):
            drain(cursor)


def test_without_the_creation_time_a_stream_made_anew_is_lost_data(
    opened: Open, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    placed = kinesis.put(stream, TEXTS)
    kinesis.recreate(stream)
    with pytest.raises(DataLossError, match="Kinesis does not know sequence number"):
        drain(opened(AfterSequence(placed[9][1])))


# --- ranges


def again(
    client: KinesisClient, kinesis: FakeKinesis, stream: str, start: Position, end: str, **given: str
) -> list[str]:
    chosen = parse(options(kinesis, stream, maxRecordsPerFetch="7", minFetchPeriod="200ms", **given))
    return [
        text for each in ranges.again(ShardRange(stream, SHARD, start, end), chosen, client) for text in texts(each)
    ]


def test_a_range_read_again_has_the_same_records_whatever_came_after(
    client: KinesisClient, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    placed = [sequence for _, sequence in kinesis.put(stream, TEXTS)]
    kinesis.put(stream, ["later"])
    kinesis.faults(empty=0.4, expired=0.2, seed=4)
    assert again(client, kinesis, stream, TrimHorizon(), placed[0]) == TEXTS[:1]
    assert again(client, kinesis, stream, AfterSequence(placed[9]), placed[33]) == TEXTS[10:34]
    assert again(client, kinesis, stream, AfterSequence(placed[9]), placed[59]) == TEXTS[10:]
    assert again(client, kinesis, stream, AtTimestamp(client.now_ms() - 60_000), placed[13]) == TEXTS[:14]


@pytest.mark.parametrize("gone", [20, 60], ids=["the end of the range", "all records"])
def test_a_range_whose_end_is_gone_fails_or_gives_what_is_left(
    client: KinesisClient, kinesis: FakeKinesis, stream: str, gone: int
) -> None:
    kinesis.create(stream)
    placed = [sequence for _, sequence in kinesis.put(stream, TEXTS)]
    kinesis.trim(stream, 0, gone)
    with pytest.raises(DataLossError, match=f"record {placed[15]} of {stream}/{SHARD}, which a batch had, is gone"):
        again(client, kinesis, stream, TrimHorizon(), placed[15])
    assert again(client, kinesis, stream, TrimHorizon(), placed[15], failOnDataLoss="false") == []


def test_a_range_of_a_shard_that_is_gone_fails_or_is_empty(
    client: KinesisClient, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 2)
    ((_, placed),) = kinesis.put(stream, ["one"], shard=0)
    kinesis.forget_shard(stream, 0)
    with pytest.raises(DataLossError, match="the shard is not there any more"):
        again(client, kinesis, stream, TrimHorizon(), placed)
    assert again(client, kinesis, stream, TrimHorizon(), placed, failOnDataLoss="false") == []


def test_stored_pages_that_are_not_there_any_more_are_read_from_kinesis(
    client: KinesisClient, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    placed = [sequence for _, sequence in kinesis.put(stream, TEXTS)]
    wanted = ShardRange(stream, SHARD, AfterSequence(placed[1]), placed[4], (Slice("nowhere", 0, 3, 1, placed[4]),))
    found = list(ranges.read([wanted], parse(options(kinesis, stream)), lambda: client))
    assert [text for batch in found for text in texts(batch)] == TEXTS[2:5]
