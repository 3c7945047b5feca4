"""The order in which posts leave: the course's, and by key."""

from itertools import islice

import pytest

from producer.errors import OrderError
from producer.order import course_order, key_order

pytestmark = pytest.mark.unit

FIRST_ROWS = [7528, 2863, 5730, 8304, 8731, 1313, 4315, 10794, 5494, 5069]


def test_the_course_draws_its_first_rows():
    assert [draw.ind for draw in course_order(count=10)] == FIRST_ROWS


def test_the_course_pauses_no_or_one_second_before_a_post():
    draws = list(course_order(count=1000))
    assert {draw.pause for draw in draws} == {0, 1}
    assert 400 < sum(draw.pause for draw in draws) < 600


def test_every_start_gives_the_same_order_whatever_else_draws():
    one, other = course_order(), course_order()
    mixed = [(next(one), next(other)) for _ in range(200)]
    assert all(a == b for a, b in mixed)


def test_the_course_never_draws_a_row_above_11000():
    draws = {draw.ind for draw in course_order(count=150_000)}
    assert draws == set(range(11_001))


def test_rows_that_are_not_there_are_left_out_and_the_rest_keeps_its_order():
    keys = set(FIRST_ROWS[::2])
    assert [draw.ind for draw in course_order(keys, count=5)] == FIRST_ROWS[::2]
    whole = [draw for draw in islice(course_order(), 20_000) if draw.ind < 1000]
    assert list(course_order(range(1000), count=500)) == whole[:500]


def test_an_order_that_would_never_find_a_row_is_refused():
    with pytest.raises(OrderError, match=r"draws rows 0 to 11000, and the tables have none of them: .*pinpipe seed"):
        course_order(keys=[11_001, 20_000])
    with pytest.raises(OrderError):
        course_order(keys=[])


def test_by_key_every_row_comes_once_without_pauses():
    assert [draw.ind for draw in key_order(range(11_153, -1, -1))] == list(range(11_154))
    assert {draw.pause for draw in key_order(range(100))} == {0}
    assert [draw.ind for draw in key_order([5, 3, 9], count=2)] == [3, 5]
