"""What a checkpoint holds, and the ranges between two of them."""

from __future__ import annotations

import json

import pytest

from pyspark_kinesis import offset as offsets
from pyspark_kinesis import plan
from pyspark_kinesis.errors import OffsetError
from pyspark_kinesis.offset import ShardOffset, StreamOffset
from pyspark_kinesis.plan import ShardRange, Slice
from pyspark_kinesis.position import AfterSequence, AtTimestamp, TrimHorizon
from pyspark_kinesis.shards import Shard, gone, startable

pytestmark = pytest.mark.kinesis

OFFSET = {
    "pins": StreamOffset(TrimHorizon(), {"b": ShardOffset("17", closed=True), "a": ShardOffset("5")}, created=123),
    "geo": StreamOffset(AtTimestamp(1795243055993), {"a": ShardOffset("", closed=True)}),
}
STORED = {
    "version": 1,
    "streams": {
        "geo": {"initial": "at:1795243055993", "shards": {"a": "!"}},
        "pins": {"created": 123, "initial": "trim_horizon", "shards": {"a": "5", "b": "17!"}},
    },
}


def test_an_offset_is_stored_in_one_order_and_comes_back_as_it_was() -> None:
    assert json.dumps(offsets.to_json(OFFSET)) == json.dumps(STORED)
    assert offsets.from_json(STORED) == OFFSET


def test_latest_is_a_moment_that_is_not_fixed_until_it_is_pinned() -> None:
    begun = {"pins": StreamOffset(AtTimestamp(7), {}, pinned=False)}
    stored = offsets.to_json(begun)
    assert stored["streams"]["pins"]["initial"] == "latest:7"
    assert offsets.from_json(stored) == begun
    assert offsets.to_json(offsets.pin(begun))["streams"]["pins"]["initial"] == "at:7"


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({}, "a Kinesis offset of version None, this source writes 1: use the release that wrote it, or a new"),
        ({"version": 2}, "a Kinesis offset of version 2"),
        ({"version": 1}, "offset is damaged"),
        ({"version": 1, "streams": {"s": {"initial": "noon", "shards": {}}}}, "damaged: initial is 'noon'"),
    ],
)
def test_an_offset_of_something_else_is_refused(stored: dict[str, object], told: str) -> None:
    with pytest.raises(OffsetError, match=told):
        offsets.from_json(stored)


def stream(initial: TrimHorizon | AtTimestamp, **shards: str) -> StreamOffset:
    return StreamOffset(initial, {shard: ShardOffset(sequence) for shard, sequence in shards.items()})


def test_ranges_lie_between_the_two_offsets() -> None:
    start = {"s": stream(TrimHorizon(), a="5", b="9", c="2")}
    end = {"s": stream(TrimHorizon(), a="7", b="9", d="4")}
    assert plan.ranges(start, end) == [
        ShardRange("s", "a", AfterSequence("5"), "7"),
        ShardRange("s", "d", TrimHorizon(), "4"),
    ]


def test_a_first_batch_is_the_same_whatever_moment_it_is_asked_to_start_from() -> None:
    """Spark asks for the initial offset again when it replays batch 0."""
    end = {"s": stream(AtTimestamp(7), a="5")}
    for start in ({"s": StreamOffset(AtTimestamp(99), {}, pinned=False)}, {"s": stream(AtTimestamp(7))}, {}):
        assert plan.ranges(start, end) == [ShardRange("s", "a", AtTimestamp(7), "5")]


def test_a_shard_that_closed_without_a_record_is_no_range() -> None:
    end = {"s": StreamOffset(TrimHorizon(), {"a": ShardOffset("", closed=True)})}
    assert plan.ranges({"s": stream(TrimHorizon())}, end) == []


def stored_range(shard: str, *pages: int) -> ShardRange:
    slices = [Slice(f"{shard}{place}", 0, 1, size, f"{place + 1}0") for place, size in enumerate(pages)]
    return ShardRange("s", shard, TrimHorizon(), slices[-1].last, tuple(slices))


def test_a_small_batch_is_one_task_and_a_big_one_is_cut_at_pages_into_ranges_that_join() -> None:
    small = [stored_range("a", 1000, 1000), stored_range("b", 500)]
    assert [part.ranges for part in plan.pack(small)] == [tuple(small)]
    big = [stored_range("a", *[8 << 20] * 3), stored_range("b", 8 << 20)]
    parts = [part.ranges for part in plan.pack(big)]
    assert [[(each.shard_id, each.start, each.end) for each in part] for part in parts] == [
        [("a", TrimHorizon(), "10")],
        [("a", AfterSequence("10"), "20")],
        [("a", AfterSequence("20"), "30")],
        [("b", TrimHorizon(), "10")],
    ]
    assert [piece for part in parts for each in part for piece in each.slices] == [
        piece for each in big for piece in each.slices
    ]


def test_the_number_of_tasks_can_be_given() -> None:
    big = [stored_range(shard, 9 << 20) for shard in "abcdef"]
    assert len(plan.pack(big)) == 6
    assert len(plan.pack(big, max_partitions=2)) == 2
    assert len(plan.pack(big, shards_per_task=3)) == 2
    unstored = [ShardRange("s", shard, TrimHorizon(), "5") for shard in "abcdefghijkl"]
    assert [len(part.ranges) for part in plan.pack(unstored)] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert [len(part.ranges) for part in plan.pack(unstored, shards_per_task=5)] == [4, 4, 4]
    assert plan.pack([]) == []


SHARDS = {
    shard.shard_id: shard
    for shard in (Shard("a"), Shard("b"), Shard("c", ("a",)), Shard("d", ("a", "b")), Shard("e", ("gone",)))
}


def test_children_wait_for_all_their_parents_and_not_for_forgotten_ones() -> None:
    def begin(finished: set[str], begun: set[str]) -> list[str]:
        return [shard.shard_id for shard in startable(SHARDS, finished, begun)]

    assert begin(set(), set()) == ["a", "b", "e"]
    assert begin({"a"}, {"b"}) == ["c", "e"]
    assert begin({"a", "b"}, {"c"}) == ["d", "e"]
    assert begin({"a", "b", "c", "d"}, {"e"}) == []


def test_shards_are_read_out_of_listshards() -> None:
    merged = {"ShardId": "m", "ParentShardId": "a", "AdjacentParentShardId": "b"}
    assert Shard.listed(merged) == Shard("m", ("a", "b"))
    assert Shard.listed({"ShardId": "m"}) == Shard("m")
    assert gone(SHARDS, ["x", "a", "b"]) == ["x"]
