"""The posters behind the generated posts: how much each posts, who they are, where, and how many follow them.

A poster's country, coordinates, names, age and joining date are, column by column, the minimum of as many
independent draws as they have posts. That is what the course's data looks like: its big accounts are young, joined
early and sit in countries early in the alphabet, while country and coordinates are unrelated.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from faker import Faker
from faker.providers.person.en_US import Provider as Person

from producer import shape
from producer.texts import poster_names

# Posts per poster follow k ** -EXPONENT for k up to BIGGEST. Fitted so that 11,154 posts have about 5,080 names of
# users, and a random sample of 3,559 posts about 2,195 users and 2,136 names.
EXPONENT = 2.39
BIGGEST = 400

# Ages are drawn evenly but for this weight from 51 on, so that the minima give 45, 27, 20 and 8 % of the rows.
WEIGHT_FROM_51 = 0.85

# Who posts more has more followers: the score is the logarithm of the posts, up to FULL_EFFECT posts, plus noise.
FULL_EFFECT = 8
FOLLOWER_NOISE = 0.45


@dataclass(frozen=True, slots=True)
class Poster:
    """One account, with everything that is a function of ``poster_name``.

    ``followers`` is a number and its unit: ``(124, "k")`` is shown as ``124k``; the unit of a plain number is empty.
    """

    name: str
    posts: int
    followers: tuple[int, str]
    country: str
    latitude: float
    longitude: float
    first_name: str
    last_name: str
    age: int
    date_joined: datetime


def make_posters(rows: int, error_rows: int, seed: int) -> list[Poster]:
    """All posters of a table of ``rows`` posts, the busiest first.

    ``error_rows`` of the posts belong to one more poster, the last of the list, called ``User Info Error``: the
    source lost who they are.
    """
    rng = random.Random(f"{seed}/posters")
    fake = Faker("en_US")
    fake.seed_instance(f"{seed}/countries")
    posts = posts_per_poster(rows - error_rows)
    names = poster_names(len(posts), seed)
    followers = _followers(posts, rows, rng)
    posters = [
        _draw(name, count, following, rng, fake) for name, count, following in zip(names, posts, followers, strict=True)
    ]
    if error_rows:
        posters.append(_lost_user(error_rows, rng, fake))
    return posters


def posts_per_poster(rows: int) -> list[int]:
    """How many posts each poster has, the most first, ``rows`` in all: even quantiles of a cut-off power law."""
    cumulated = list(accumulate(k**-EXPONENT for k in range(1, BIGGEST + 1)))

    def quantiles(posters: int) -> list[int]:
        return [bisect_left(cumulated, (i + 0.5) / posters * cumulated[-1]) + 1 for i in range(posters)]

    low, high = 0, rows
    while low < high:  # the most posters that need no more posts than there are
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(quantiles(middle)) <= rows else (low, middle - 1)
    counts = quantiles(low)[::-1]
    return counts + [1] * (rows - sum(counts))


def _draw(name: str, posts: int, followers: tuple[int, str], rng: random.Random, fake: Faker) -> Poster:
    """A poster whose values are the least of one draw per post, each column for itself."""
    every_post = range(posts)
    joined_span = int((shape.LAST_JOINED - shape.FIRST_JOINED).total_seconds())
    return Poster(
        name=name,
        posts=posts,
        followers=followers,
        country=min(fake.country() for _ in every_post),
        latitude=six_digits(min(rng.uniform(-90, 90) for _ in every_post)),
        longitude=six_digits(min(rng.uniform(-180, 180) for _ in every_post)),
        first_name=min(rng.choices(_FIRST_NAMES, cum_weights=_FIRST_WEIGHTS, k=posts)),
        last_name=min(rng.choices(_LAST_NAMES, cum_weights=_LAST_WEIGHTS, k=posts)),
        age=min(rng.choices(_AGES, cum_weights=_AGE_WEIGHTS, k=posts)),
        date_joined=shape.FIRST_JOINED + timedelta(seconds=min(rng.randint(0, joined_span) for _ in every_post)),
    )


def _lost_user(posts: int, rng: random.Random, fake: Faker) -> Poster:
    """The one user behind all rows whose poster the source could not tell."""
    drawn = _draw(shape.USER_ERROR, posts, (0, ""), rng, fake)
    return replace(drawn, age=shape.USER_ERROR_AGE, country=shape.USER_ERROR_COUNTRY)


def _followers(posts: list[int], rows: int, rng: random.Random) -> list[tuple[int, str]]:
    """Each poster's followers: the form by its share of the rows, the number by the rank within the form."""
    scores = [math.log(min(count, FULL_EFFECT)) + rng.gauss(0, FOLLOWER_NOISE) for count in posts]
    ascending = sorted(range(len(posts)), key=scores.__getitem__)
    plain = _take(ascending, posts, round(shape.PLAIN_FOLLOWERS_SHARE * rows))
    millions = _take(ascending[::-1], posts, round(shape.MILLION_FOLLOWERS_SHARE * rows))
    forms: tuple[tuple[str, tuple[int, int], list[int]], ...] = (
        ("", shape.PLAIN_FOLLOWERS, [i for i in ascending if i in plain]),
        ("k", shape.THOUSAND_FOLLOWERS, [i for i in ascending if i not in plain and i not in millions]),
        ("M", shape.MILLION_FOLLOWERS, [i for i in ascending if i in millions]),
    )
    followers = [(0, "")] * len(posts)
    for unit, (least, most), ranked in forms:
        for rank, poster in enumerate(ranked):
            height = rank / max(1, len(ranked) - 1)
            # a plain count rises evenly with the rank, the others by a constant factor
            number = most * height if unit == "" else least * (most / least) ** height
            followers[poster] = (round(number), unit)
    return followers


def _take(order: list[int], posts: list[int], rows: int) -> set[int]:
    """Posters taken in this order, as long as their posts fit into ``rows``."""
    taken = set()
    for poster in order:
        if posts[poster] <= rows:
            taken.add(poster)
            rows -= posts[poster]
    return taken


def six_digits(number: float) -> float:
    """The number as MySQL shows a FLOAT: six significant digits."""
    return float(f"{number:.6g}")


def _weighted(weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
    return list(weights), list(accumulate(weights.values()))


_FIRST_NAMES, _FIRST_WEIGHTS = _weighted(Person.first_names)
_LAST_NAMES, _LAST_WEIGHTS = _weighted(Person.last_names)
_AGES = range(shape.YOUNGEST, shape.OLDEST + 1)
_AGE_WEIGHTS = list(accumulate(WEIGHT_FROM_51 if age > 50 else 1 for age in _AGES))
