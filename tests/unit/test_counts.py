"""Counts that must agree and do not are named, with the reason; unknown ones say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinpipe.counts import BatchCounts, DagState, Status, StreamCounts

pytestmark = pytest.mark.unit

AGREE = BatchCounts(
    source=10,
    topic=25,
    lake=20,
    clean=10,
    superseded=7,
    quarantined=3,
    dead_letters=4,
    tombstones=1,
    repeats=7,
    sink_lag=0,
)


def test_counts_that_agree_are_no_problem() -> None:
    assert AGREE.problems() == []


def told(counts: BatchCounts | StreamCounts) -> list[tuple[str, str]]:
    """Each problem as the numbers that do not agree, and why."""
    return [(numbers, why) for numbers, _, why in (problem.partition(": ") for problem in counts.problems())]


def test_a_record_that_is_nowhere_is_told() -> None:
    [(numbers, why)] = told(replace(AGREE, topic=26))
    assert numbers == "topic 26 is not lake + dead letters + tombstones 25"
    assert why.startswith("1 is nowhere; the sink lost them, or objects were removed")


def test_a_sink_that_is_behind_is_the_reason_if_it_is_so_far_behind() -> None:
    [(numbers, why)] = told(replace(AGREE, topic=30, sink_lag=5))
    assert numbers == "topic 30 is not lake + dead letters + tombstones 25"
    assert why == "the sink is 5 behind, wait a moment or see 'pinpipe logs connect'"


def test_a_sink_that_is_less_behind_is_not_the_whole_reason() -> None:
    [(_, why)] = told(replace(AGREE, topic=30, sink_lag=3))
    assert why.startswith("the sink is 3 behind, and 2 are nowhere")


def test_more_in_the_lake_than_came_is_told() -> None:
    [(numbers, why)] = told(replace(AGREE, topic=24))
    assert numbers == "topic 24 is not lake + dead letters + tombstones 25"
    assert "wrote to the bucket by hand" in why


@pytest.mark.parametrize("place", ["clean", "superseded", "quarantined"])
def test_a_row_taken_out_of_any_place_is_told(place: str) -> None:
    [(numbers, why)] = told(replace(AGREE, **{place: getattr(AGREE, place) - 1}))
    assert numbers == "lake 20 is not clean + superseded + quarantined 19"
    assert "run 'pinpipe batch'" in why


def test_rows_of_objects_that_are_gone_are_told() -> None:
    [(numbers, why)] = told(replace(AGREE, topic=24, lake=19))
    assert numbers == "lake 19 is not clean + superseded + quarantined 20"
    assert why.startswith("objects were removed")


@pytest.mark.parametrize(("read", "why"), [(10, "a micro-batch is under way"), (12, "rows are missing")])
def test_a_stream_that_does_not_add_up_is_told(read: int, why: str) -> None:
    [(numbers, reason)] = told(StreamCounts(read=read, clean=8, superseded=2, quarantined=1, lag=0))
    assert numbers == f"stream {read} is not clean + superseded + quarantined 11"
    assert reason.startswith(why)


def test_the_json_says_what_does_not_agree_and_who_did_not_tell() -> None:
    status = Status({"pin": replace(AGREE, topic=26)}, {}, DagState(), {}, {"kafka": "nothing came within 8 s"})
    first, second = status.as_dict()["problems"]
    assert first.startswith("pin: topic 26 is not")
    assert second == "kafka answers, but does not tell all: nothing came within 8 s"


def test_what_is_unknown_is_not_judged() -> None:
    assert replace(AGREE, lake=None).problems() == []
