"""How long a fetch waits: not at all behind, politely when refused, and ever longer where nothing comes."""

from __future__ import annotations

import pytest

from pyspark_kinesis.pace import Pace

pytestmark = pytest.mark.kinesis


def wait(pace: Pace, **given: float) -> float:
    page = {"took": 0.0, "rows": 0, "full": False, "nbytes": 0, "millis_behind": 0, "throttled": 0, "now": 0.0}
    return pace.wait(**(page | given))  # type: ignore[arg-type]


def test_behind_pages_follow_each_other_at_once() -> None:
    assert wait(Pace(0.4), rows=10, millis_behind=1) == 0
    assert wait(Pace(0.4), rows=10, full=True, millis_behind=0) == 0
    assert wait(Pace(0.4), rows=0, millis_behind=5000) == pytest.approx(0.05)


def test_caught_up_the_period_lies_between_two_fetches_of_which_one_took_a_part() -> None:
    assert wait(Pace(0.4), rows=3, now=4.0) == pytest.approx(0.4)
    assert wait(Pace(0.4), rows=3, now=4.3, took=0.3) == pytest.approx(0.1)
    assert wait(Pace(0.4), rows=3, now=4.6, took=0.6) == 0


def test_caught_up_all_shards_of_a_query_are_read_at_the_same_moments() -> None:
    moments = [now + wait(Pace(0.4), rows=3, now=now) for now in (4.01, 4.1, 4.19, 3.81)]
    assert moments == pytest.approx([4.4] * 4)
    assert wait(Pace(0.4), rows=3, now=4.21) == pytest.approx(0.59)  # never sooner than half a period


def test_an_idle_shard_is_asked_ever_less_and_a_record_ends_that() -> None:
    pace = Pace(0.4)
    waits = [wait(pace) for _ in range(12)]
    assert waits[:5] == pytest.approx([0.4] * 5)
    assert waits[5:8] == pytest.approx([0.52, 0.676, 0.8788])
    assert waits[8:] == pytest.approx([1.0] * 4)
    assert wait(pace, rows=1) == pytest.approx(0.4)
    assert wait(pace) == pytest.approx(0.4)


def test_a_period_above_a_second_is_kept() -> None:
    pace = Pace(3.0)
    assert [wait(pace) for _ in range(9)] == pytest.approx([3.0] * 9)


def test_after_a_refusal_there_are_five_fetches_a_second_for_ten_seconds() -> None:
    pace = Pace(0.4)
    assert wait(pace, rows=10, millis_behind=1, throttled=2, now=100) == pytest.approx(0.2)
    assert wait(pace, rows=10, millis_behind=1, now=109.9) == pytest.approx(0.2)
    assert wait(pace, rows=10, millis_behind=1, now=110.1) == 0


def test_the_rate_that_was_asked_for_holds_back_by_bytes() -> None:
    assert wait(Pace(0.4, max_rate=1_000_000), rows=9, nbytes=2_500_000, millis_behind=1) == pytest.approx(2.5)
