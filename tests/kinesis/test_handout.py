"""What a batch takes out of the fetched pages: in turns, within the limits, cut by arrival."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pyspark_kinesis import handout, ranges, wire
from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.fetcher import FetchedPage, ShardFetcher
from pyspark_kinesis.handout import Limits, Taken
from pyspark_kinesis.pace import Pace
from pyspark_kinesis.plan import ShardRange
from pyspark_kinesis.position import TrimHorizon
from pyspark_kinesis.spool import MemoryStore

pytestmark = pytest.mark.kinesis

STORE = MemoryStore(1 << 30)


def fetcher(shard: str, *pages: list[int]) -> ShardFetcher:
    """A shard of which pages with these records were fetched: a number is text, arrival and sequence in one."""
    client: Any = None  # nothing is fetched any more
    cursor = ShardCursor(client, "s", shard, TrimHorizon(), limit=1, fail_on_data_loss=True)
    found = ShardFetcher(cursor, STORE, Pace(1.0), threading.Condition(), lambda stream, children: None)
    for numbers in pages:
        page = wire.page({"Records": [record(number) for number in numbers]}, "s", shard)
        stored = STORE.put(page.batch)
        found.pages.append(FetchedPage(stored, page.rows, page.nbytes, page.last, page.newest_ms))
    return found


def record(number: int) -> dict[str, Any]:
    return {
        "PartitionKey": "k",
        "Data": str(number).encode(),
        "SequenceNumber": str(number),
        "ApproximateArrivalTimestamp": 1795243055000 + number,
    }


def texts(taken: Taken) -> dict[str, list[int]]:
    """The records of each shard, as a task would read them, checked against the last sequence number."""
    found: dict[str, list[int]] = {}
    for (stream, shard), slices in taken.slices.items():
        wanted = ShardRange(stream, shard, TrimHorizon(), slices[-1].last, tuple(slices))
        options: Any = None  # nothing is read from Kinesis
        batches = list(ranges.read([wanted], options, lambda: pytest.fail("the pages are stored")))
        found[shard] = [int(data) for batch in batches for data in batch.column("data").to_pylist()]
        assert str(found[shard][-1]) == slices[-1].last
        assert [batch.num_rows for batch in batches] == [piece.rows for piece in slices]
    return found


def test_without_limits_all_is_taken_and_the_pages_are_given_back() -> None:
    one, two = fetcher("a", [1, 2], [3]), fetcher("b", [4, 5, 6])
    taken = handout.take([one, two], Limits())
    assert texts(taken) == {"a": [1, 2, 3], "b": [4, 5, 6]}
    assert len(taken.pages) == 3
    assert (len(one.pages), len(two.pages)) == (0, 0)
    assert handout.take([one, two], Limits()) == Taken()


def test_a_full_shard_does_not_hold_up_the_others() -> None:
    full = fetcher("a", [1, 2], [3, 4], [5, 6], [7, 8])
    taken = handout.take([full, fetcher("b", [11], [12]), fetcher("c", [21])], Limits(rows=7))
    assert texts(taken) == {"a": [1, 2, 3, 4], "b": [11, 12], "c": [21]}


def test_a_page_is_split_and_the_rest_is_the_next_batchs() -> None:
    shard = fetcher("a", [1, 2, 3, 4, 5])
    found = [texts(handout.take([shard], Limits(rows=2))) for _ in range(3)]
    assert found == [{"a": [1, 2]}, {"a": [3, 4]}, {"a": [5]}]


def test_a_limit_of_bytes_takes_about_so_much_and_at_least_a_record() -> None:
    shard = fetcher("a", list(range(100, 200)))
    size = shard.pages[0].nbytes
    taken = handout.take([shard], Limits(nbytes=size // 4))
    assert texts(taken) == {"a": list(range(100, 125))}
    assert texts(handout.take([shard], Limits(nbytes=1))) == {"a": [125]}


def test_nothing_that_arrived_later_is_in_a_run_that_ends_there() -> None:
    shard, other = fetcher("a", [1, 2], [3, 4, 5], [6]), fetcher("b", [9])
    limits = Limits(arrived_ms=1795243055003)
    assert texts(handout.take([shard, other], limits)) == {"a": [1, 2, 3]}
    assert shard.cut
    assert other.cut
    assert handout.take([shard, other], limits) == Taken()
