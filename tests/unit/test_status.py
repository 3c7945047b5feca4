"""Counts that must agree and do not are named, with the reason; unknown ones say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinpipe.status import BatchCounts

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


def test_a_lost_record_is_told() -> None:
    assert replace(AGREE, topic=26).problems() == [
        "topic 26 is not lake + dead letters + tombstones 25: the sink lost or doubled records"
    ]


def test_a_sink_that_is_behind_is_the_reason() -> None:
    assert replace(AGREE, topic=30, sink_lag=5).problems() == [
        "topic 30 is not lake + dead letters + tombstones 25: the sink is 5 behind"
    ]


@pytest.mark.parametrize("place", ["clean", "superseded", "quarantined"])
def test_a_row_taken_out_of_any_place_is_told(place: str) -> None:
    one_less = replace(AGREE, **{place: getattr(AGREE, place) - 1})
    assert one_less.problems() == ["lake 20 is not clean + superseded + quarantined 19: run 'pinpipe batch'"]


def test_what_is_unknown_is_not_judged() -> None:
    assert replace(AGREE, lake=None).problems() == []
