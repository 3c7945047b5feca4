"""Posts that MySQL can hold, few enough to answer by hand, and on which each known mistake changes some answer.

What MySQL cannot hold (repeats, older states, other spellings) is in :mod:`tests.support.dirty`. ``EXPECTED`` and
``EXPECTED_PER_POST`` are written by hand from the definitions, not computed.
"""

from __future__ import annotations

from typing import Any

from tests.support.dirty import NOBODY, Row, Rows, User, merged, post

ANN = User("Ann", "Able", 20, "2016-01-01T00:00:00")
LEE = User("Lee", "Lost", 20, "2016-01-01T00:00:00")  # Ann's age and second of joining, and another user
BOB = User("Bob", "Best", 24, "2016-12-31T23:59:59")
CID = User("Cid", "Coe", 25, "2015-01-01T00:00:00")
DEE = User("Dee", "Doe", 35, "2015-12-31T23:59:59")  # 35 is in 25-35, not in a 25-34
NED = User("Ned", "Neu", 30, "2020-06-01T00:00:00")  # of unknown count
EVE = User("Eve", "Ely", 36, "2017-07-01T00:00:00")
FAY = User("Fay", "Foe", 50, "2017-02-02T08:00:00")
FAY_IN_THE_EVENING = User("Fay", "Foe", 50, "2017-02-02T20:00:00")  # the same day, and another user
PAT = User("Pat", "Poe", 40, "2014-12-31T23:59:59")  # joined before the years asked for
NEW = User("Nat", "New", 40, "2021-01-01T00:00:00")  # joined after them
GUS = User("Gus", "Gee", 51, "2018-03-03T00:00:00")
GUS_OLDER = User("Gus", "Gee", 60, "2018-03-03T00:00:00")  # another age, another user
IDA = User("Ida", "Ill", 17, "2019-01-01T00:00:00")  # in no age group
ZOE = User("Zoe", "Zed", 18, "2020-12-31T23:59:59")
UMA = User("Uma", "Uhl", 22, "2019-05-05T00:00:00")  # without a post: counted in 6 alone
QUE = User("Que", "Qin", 45, "2017-08-08T00:00:00")  # whose post is quarantined: counted in 6 alone


def hand_made_rows() -> Rows:
    """The rows of the three tables, keys rising; every value fits its MySQL column."""
    return merged(
        [
            # Albania: art and beauty are equal. Ann's sum is above Bob's count, her count is not.
            post(0, "art", "Albania", "ann", "50k", ANN, "2018-01-01T00:00:00"),
            post(1, "art", "Albania", "ann", "50k", ANN, "2018-06-01T00:00:00"),
            post(2, "beauty", "Albania", "ann", "49k", ANN, "2018-06-01T00:00:00"),
            post(3, "beauty", "Albania", "bob", "100k", BOB, "2018-12-31T23:59:59"),
            # Brazil: two users are equal. M is a million. Chile's best equals Brazil's, both above Albania's.
            post(4, "quotes", "Brazil", "cid", "2M", CID, "2019-01-01T00:00:00"),
            post(5, "quotes", "Brazil", "cid", "1.9M", CID, "2019-06-01T00:00:00"),
            post(6, "travel", "Brazil", "dee", "2000k", DEE, "2019-06-01T00:00:00"),
            post(7, "art", "Chile", "eve", "2m", EVE, "2020-06-01T00:00:00"),
            post(8, "tattoos", "Chile", "fay", "940", FAY, "2020-06-01T00:00:00"),
            # Denmark: two in +50, so that their median is neither's count
            post(9, "tattoos", "Denmark", "fay", "1.5k", FAY_IN_THE_EVENING, "2020-06-01T00:00:00"),
            post(10, "tattoos", "Denmark", "gus", "3k", GUS, "2021-06-01T00:00:00"),
            post(11, "finance", "Denmark", "gus", "4", GUS_OLDER, "2021-06-01T00:00:00"),
            post(12, "finance", "Denmark", "ida", "7k", IDA, "2021-06-01T00:00:00"),
            # without both, a name, a count: no country's most followed user
            post(13, "quotes", "Egypt", NOBODY, NOBODY, LEE, "2021-06-01T00:00:00", image_src="Image src error."),
            post(14, "vehicles", "Fiji", NOBODY, "15M", PAT, "2021-06-01T00:00:00", image_src="Image src error"),
            post(15, "vehicles", "Fiji", "ned", NOBODY, NED, "2022-06-01T00:00:00"),
            # the ends of the years asked for
            post(16, "finance", "Ghana", "zoe", "20k", ZOE, "2017-12-31T23:59:59"),
            post(17, "finance", "Ghana", "zoe", "20k", ZOE, "2022-12-31T23:59:59"),
            post(18, "finance", "Ghana", "zoe", "20k", ZOE, "2023-01-01T00:00:00"),
            post(19, "art", "Haiti", "nat", "6k", NEW, "2022-06-01T00:00:00"),
            # not in all three tables once cleaned
            post(20, " ", "Iceland", "que", "12M", QUE, "2019-06-01T00:00:00"),
            {"pin": post(30, "vehicles", "", "vic", "9M", ANN)["pin"]},
            {"geo": post(31, "", "Laos", "", "", ANN)["geo"]},
            {"user": post(32, "", "", "", "", UMA)["user"]},
        ]
    )


def _rows(columns: str, *values: tuple[Any, ...]) -> list[Row]:
    return [dict(zip(columns.split(), row, strict=True)) for row in values]


EXPECTED: dict[str, list[Row]] = {
    "1": _rows(
        "country category category_count",
        ("Albania", "art", 2), ("Albania", "beauty", 2), ("Brazil", "quotes", 2), ("Chile", "art", 1),
        ("Chile", "tattoos", 1), ("Denmark", "finance", 2), ("Denmark", "tattoos", 2), ("Egypt", "quotes", 1),
        ("Fiji", "vehicles", 2), ("Ghana", "finance", 3), ("Haiti", "art", 1),
    ),
    "2a": _rows(
        "post_year category category_count",
        (2018, "art", 2), (2018, "beauty", 2), (2019, "quotes", 2), (2019, "travel", 1), (2020, "tattoos", 2),
        (2020, "art", 1), (2021, "finance", 2), (2021, "quotes", 1), (2021, "tattoos", 1), (2021, "vehicles", 1),
        (2022, "art", 1), (2022, "finance", 1), (2022, "vehicles", 1),
    ),
    "2b": _rows(
        "post_year category category_count",
        (2018, "art", 2), (2018, "beauty", 2), (2019, "quotes", 2), (2020, "tattoos", 2), (2021, "finance", 2),
        (2022, "art", 1), (2022, "finance", 1), (2022, "vehicles", 1),
    ),
    "3a": _rows(
        "country poster_name follower_count",
        ("Albania", "bob", 100_000), ("Brazil", "cid", 2_000_000), ("Brazil", "dee", 2_000_000),
        ("Chile", "eve", 2_000_000), ("Denmark", "ida", 7_000), ("Ghana", "zoe", 20_000), ("Haiti", "nat", 6_000),
    ),
    "3b": _rows("country follower_count", ("Brazil", 2_000_000), ("Chile", 2_000_000)),
    "4": _rows(
        "age_group category category_count",
        ("18-24", "finance", 3), ("25-35", "quotes", 2), ("36-50", "art", 2), ("36-50", "tattoos", 2),
        ("+50", "finance", 1), ("+50", "tattoos", 1),
    ),
    "5": _rows(
        "age_group median_follower_count",
        ("18-24", 50_000.0), ("25-35", 2_000_000.0), ("36-50", 6_000.0), ("+50", 1_502.0),
    ),
    "6": _rows(
        "post_year number_users_joined", (2015, 2), (2016, 3), (2017, 4), (2018, 2), (2019, 2), (2020, 2)
    ),
    "7": _rows(
        "post_year median_follower_count",
        (2015, 2_000_000.0), (2016, 75_000.0), (2017, 1_500.0), (2018, 1_502.0), (2019, 7_000.0), (2020, 20_000.0),
    ),
    "8": _rows(
        "age_group post_year median_follower_count",
        ("18-24", 2016, 75_000.0), ("18-24", 2020, 20_000.0), ("25-35", 2015, 2_000_000.0),
        ("36-50", 2017, 1_500.0), ("+50", 2018, 1_502.0),
    ),
}  # fmt: skip
"""The answers to :func:`hand_made_rows`, as ``pinpipe answers --json`` prints them."""

EXPECTED_PER_POST: dict[str, list[Row]] = EXPECTED | {
    "5": _rows(
        "age_group median_follower_count",
        ("18-24", 49_000.0), ("25-35", 2_000_000.0), ("36-50", 6_000.0), ("+50", 1_502.0),
    ),
    "6": _rows(
        "post_year number_users_joined", (2015, 3), (2016, 5), (2017, 4), (2018, 2), (2019, 2), (2020, 4)
    ),
    "7": _rows(
        "post_year median_follower_count",
        (2015, 2_000_000.0), (2016, 50_000.0), (2017, 1_500.0), (2018, 1_502.0), (2019, 7_000.0), (2020, 20_000.0),
    ),
    "8": _rows(
        "age_group post_year median_follower_count",
        ("18-24", 2016, 50_000.0), ("18-24", 2020, 20_000.0), ("25-35", 2015, 2_000_000.0),
        ("36-50", 2017, 1_500.0), ("+50", 2018, 1_502.0),
    ),
}  # fmt: skip
"""The same with ``--per post``."""
