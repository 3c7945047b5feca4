"""In which order, and with which pauses, posts leave the database."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from producer.errors import OrderError

COURSE_SEED = 100
COURSE_LAST_ROW = 11_000
"""The last row that the course's emulator can draw: rows 11001 to 11153 are never sent in its order."""


class Draw(NamedTuple):
    """One post to send: the seconds to wait before it at the course's pace, and its key."""

    pause: int
    ind: int


def course_order(keys: Collection[int] | None = None, count: int | None = None) -> Iterator[Draw]:
    """The course's order: without end, with repeats, the same at every start (7528, 2863, 5730, 8304, …).

    Python's generator is seeded with 100; each post draws ``randrange(0, 2)``, its pause, then ``randint(0, 11000)``,
    its row. ``keys`` leaves out rows that the tables don't have, without disturbing the rest of the order; ``count``
    ends after so many posts.

    Raises :class:`~producer.errors.OrderError` when none of the rows it could draw is among ``keys``.
    """
    if keys is not None:
        keys = frozenset(keys)
        if not any(0 <= key <= COURSE_LAST_ROW for key in keys):
            raise OrderError(
                f"the course's order draws rows 0 to {COURSE_LAST_ROW}, and the tables have none of them:"
                " fill them with 'pinpipe seed', or send what is there with 'pinpipe post --all'"
            )
    return islice(_course_draws(keys), count)


def key_order(keys: Iterable[int], count: int | None = None) -> Iterator[Draw]:
    """Every post once, by ascending key, without pauses; ``count`` ends after so many."""
    return islice((Draw(0, key) for key in sorted(keys)), count)


def _course_draws(keys: Collection[int] | None) -> Iterator[Draw]:
    rng = random.Random(COURSE_SEED)
    while True:
        draw = Draw(rng.randrange(0, 2), rng.randint(0, COURSE_LAST_ROW))
        if keys is None or draw.ind in keys:
            yield draw
