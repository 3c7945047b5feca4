"""Rows that are hard to clean and to count: a hand-made set that shows every known mistake, and rough deliveries."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]


@dataclass(frozen=True)
class User:
    first_name: str
    last_name: str
    age: int
    date_joined: str


def post(
    ind: int,
    category: str,
    country: str,
    poster_name: str,
    follower_count: str,
    user: User,
    timestamp: str = "2019-06-01T12:00:00",
    **pin: Any,
) -> Rows:
    """One post's three rows; ``pin`` replaces fields of its pin row."""
    return {
        "pin": [
            {
                "index": ind, "unique_id": f"id-{ind}", "title": f"title {ind}", "description": "text…\u00a0",
                "poster_name": poster_name, "follower_count": follower_count, "tag_list": "a,b,c",
                "is_image_or_video": "image", "image_src": f"https://i.example/{ind}.jpg", "downloaded": 1,
                "save_location": f"Local save in /data/{category}", "category": category, **pin,
            }
        ],
        "geo": [{"ind": ind, "timestamp": timestamp, "latitude": -88.5, "longitude": 12.25, "country": country}],
        "user": [{"ind": ind, **user.__dict__}],
    }  # fmt: skip


def merged(posts: Iterable[Mapping[str, Sequence[Row]]]) -> Rows:
    """The rows of several posts by table, in the posts' order."""
    rows: Rows = {"pin": [], "geo": [], "user": []}
    for each in posts:
        for table, added in each.items():
            rows[table] += added
    return rows


NOBODY = "User Info Error"
ANN = User("Ann", "Able", 20, "2016-01-01T00:00:00")
BOB = User("Bob", "Best", 24, "2016-05-01T00:00:00")
CID = User("Cid", "Coe", 25, "2015-11-01T00:00:00")
DEE = User("Dee", "Doe", 35, "2015-12-31T23:59:59")  # 35 is in 25-35, not in a 25-34
EVE = User("Eve", "Ely", 36, "2016-07-01 00:00:00")
FAY = User("Fay", "Foe", 50, "2017-02-02T08:00:00")
FAY_IN_THE_EVENING = User("Fay", "Foe", 50, "2017-02-02T20:00:00")  # the same day, and another user
GUS = User("Gus", "Gee", 51, "2017-03-03T00:00:00")
HAL = User("Hal", "Hay", 60, "2017-04-04T00:00:00")
IDA = User("Ida", "Ill", 17, "2018-01-01T00:00:00")  # in no age group
LOST = User("Lee", "Lost", 20, "2016-02-02T00:00:00")
MARY = User("Mary Ann", "Lee", 30, "2019-01-01T00:00:00")
MARY_AGAIN = User("Mary", "Ann Lee", 30, "2019-01-01T00:00:00")  # the same user name
MARY_OLDER = User("Mary", "Ann Lee", 31, "2019-01-01T00:00:00")
ZOE = User("Zoe", "Zed", 18, "2020-12-31 23:59:59.999999")

TRAPS: Rows = merged(
    [
        # Albania: 3 art, 1 beauty. Ann's sum is above Bob's count, her count is not.
        post(0, "art", "Albania", "ann", "50k", ANN),
        post(1, "art", "Albania", "ann", "50k", ANN),
        post(2, "art", "Albania", "ann", "49k", ANN),
        post(3, "beauty", "Albania", "bob", "100K", BOB),
        # Brazil: quotes and travel are equal. M is a million. Chile's best equals Brazil's, both above Albania's.
        post(4, "beauty", "Brazil", "bob", "90k", BOB),
        post(5, "quotes", "Brazil", "cid", "2M", CID),
        post(6, "quotes", "Brazil", "cid", "2M", CID),
        post(7, "travel", "Brazil", "dee", "2m", DEE),
        post(8, "travel", "Brazil", "dee", "1.9M", DEE),
        post(9, "art", "Chile", "eve", "2000k", EVE, "2020-06-01 12:00:00"),
        post(10, "quotes", "Chile", "eve", "1", EVE, "2020-06-01 12:00:00"),
        # Denmark: a user of the same name, age and day is another one; two in +50, so their median is between them
        post(11, "art", "Denmark", "fay", "940", FAY, "2020-06-01T12:00:00.5"),
        post(12, "art", "Denmark", "fay", "1.5k", FAY_IN_THE_EVENING, "2021-06-01T12:00:00Z"),
        post(13, "art", "Denmark", "gus", "3k", GUS, "2021-06-01T12:00:00Z"),
        post(14, "art", "Denmark", "hal", "4", HAL, "2021-06-01T12:00:00Z"),
        post(15, "art", "Denmark", "ida", "7k", IDA, "2021-06-01T12:00:00Z"),
        # without a name, without a count, without both: no country's most followed user
        post(16, "quotes", "Albania", NOBODY, NOBODY, LOST),
        post(17, "quotes", "Egypt", NOBODY, "15M", MARY),
        post(18, "quotes", "Fiji", "ned", NOBODY, User("Ned", "Neu", 40, "2018-06-01T00:00:00")),
        post(19, "quotes", "Fiji", "ned", "", User("Nel", "Neu", 40, "2018-06-01T00:00:00")),
        # the ends of the years, and zones that move a time into another one
        post(20, "finance", "Ghana", "zoe", "20k", ZOE, "2017-12-31T23:59:59"),
        post(21, "finance", "Ghana", "zoe", "20k", ZOE, "2018-01-01 00:00:00"),
        post(22, "finance", "Ghana", "zoe", "20k", ZOE, "2022-12-31T23:59:59.999Z"),
        post(23, "finance", "Ghana", "zoe", "20k", ZOE, "2023-01-01T00:00:00"),
        post(24, "finance", "Ghana", "zoe", "20k", ZOE, "2019-01-01T01:30:00+02:00"),
        post(25, "tattoos", "Ghana", "zoe", "20k", ZOE, "2021-12-31T20:00:00-0500"),
        post(26, "finance", "Haiti", "a", "1k", User("A", "A", 40, "2014-12-31T23:59:59")),
        post(27, "finance", "Haiti", "b", "2k", User("B", "B", 40, "2015-01-01T00:00:00")),
        post(28, "finance", "Haiti", "c", "3k", User("C", "C", 40, "2021-01-01T00:00:00")),
        post(29, "finance", "Haiti", "d", "4k", User("D", "D", 40, "2016-01-01T00:30:00+01:00")),
        # one user under two first names, and another of that name; blanks make another poster; one name, two countries
        post(30, "travel", "India", " sam", "30k", MARY_AGAIN),
        post(31, "travel", "India", "sam", "30k", MARY_OLDER),
        post(32, "travel", "Japan", "sam", "29k", MARY_OLDER),
        post(33, "travel", "Japan", "sam", "28k", MARY_OLDER),
        # placeholders, and the same texts where they are none
        post(34, "art", "Kenya", "kim", "5", ANN, title="No Title Data Available", description="Untitled",
             tag_list="N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e", image_src="Image src error."),
        post(35, "art", "Kenya", "kim", "6", ANN, title="Untitled", description="No Title Data Available",
             image_src="Image src error", tag_list="User Info Error"),
        post(36, "art", "Kenya", "kim", "7", ANN, title=" \u00a0\n", tag_list="", save_location="/data/art",
             description="No description available Story format", image_src=None),
        post(37, "art", "Kenya", " Untitled ", "8", ANN, title="two\nlines 🎨", save_location=None,
             description="No description available"),
        # numbers as text, unknown fields, and downloaded not looked at
        {"pin": [{"index": "38", "unique_id": "id-38", "category": "art", "downloaded": {}, "role": "y"}],
         "geo": [{"ind": "38", "timestamp": "2019-06-01T12:00:00", "latitude": "1", "longitude": "-1.5e1",
                  "country": "Kenya"}],
         "user": [{"ind": "38", "first_name": "Ann", "last_name": "Able", "age": "20", "date_joined": ANN.date_joined,
                   "name": "x"}]},
        # a post that one or two tables lack: no answer counts it but 6, which needs the user table alone
        {"pin": post(40, "vehicles", "", "vic", "9M", ANN)["pin"]},
        {"geo": post(41, "", "Laos", "", "", ANN)["geo"]},
        {"user": post(42, "", "", "", "", User("Uma", "Uhl", 22, "2017-05-05T00:00:00"))["user"]},
        # the newest valid message of a post wins, and repeats count once
        post(50, "vehicles", "Malta", "max", "10M", HAL),
        post(50, "art", "Nepal", "max", "11k", GUS),
        post(50, "art", "Nepal", "max", "12k", GUS),
        post(50, "art", "Nepal", "max", "12k", GUS),
        {"pin": [{"index": 50, "category": "travel", "follower_count": "99k"}],
         "geo": [{"ind": 50, "timestamp": "yesterday", "latitude": 91, "longitude": 0, "country": "Oman"}],
         "user": [{"ind": 50, "first_name": "Max", "last_name": "Mo", "age": 151, "date_joined": "2016-01-01"}]},
        # each alone invalid
        {"pin": [{"index": -1, "unique_id": "a", "category": "art"}, {"index": 60, "unique_id": "a", "category": " "},
                 {"index": 61, "unique_id": "a", "category": "art", "follower_count": "many"},
                 {"index": 62, "unique_id": "a", "category": "art", "follower_count": "3B"},
                 {"index": 1, "name": "x", "age": 25, "role": "y"}]},
        # the same posts again, as the emulator does at each start
        post(0, "art", "Albania", "ann", "50k", ANN),
        post(5, "quotes", "Brazil", "cid", "2M", CID),
        post(14, "art", "Denmark", "hal", "4", HAL, "2021-06-01T12:00:00Z"),
    ]
)  # fmt: skip
"""Rows in the order of arrival: each mistake of the published solutions gives a different answer or cleaned table."""


GARBAGE = (
    b"", b"no json", b"\xff\xfe", b"[1, 2]", b"42", b"null", b'{"index": 1',
    b'{"index":1,"name":"x","age":25,"role":"y"}',
)  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """What arrives of a table's rows, and how much of it is no valid row of that table."""

    payloads: list[bytes]
    invalid: int


def rough(rows: Mapping[str, Sequence[Row]], seed: int = 0) -> dict[str, Delivery]:
    """Deliveries of the three tables on a bad day, which still mean the same rows.

    In mixed order; numbers as texts; times in every spelling; unknown fields; some messages twice or more; some rows in
    an older state before their last one; garbage and other tables' rows between them.
    """
    rng = random.Random(seed)
    return {table: _rough(table, rows, rng) for table in rows}


def _rough(table: str, rows: Mapping[str, Sequence[Row]], rng: random.Random) -> Delivery:
    valid: list[tuple[float, bytes]] = []
    for row in rows[table]:
        last = rng.random()
        valid.append((last, _spelt(row, rng)))
        for _ in range(rng.choice((0, 0, 0, 1, 3))):  # the same again, later
            valid.append((last + rng.random(), _spelt(row, rng)))
        if rng.random() < 0.2:
            valid.append((last * rng.random(), _spelt(_older(table, row), rng)))
    others = [row for name, listed in rows.items() if name != table for row in listed]
    invalid = [*GARBAGE * 5, *(_spelt(row, rng) for row in rng.sample(others, min(50, len(others))))]
    invalid += [_spelt(_broken(table, row), rng) for row in rng.sample(rows[table], min(50, len(rows[table])))]
    # what is invalid comes last, too, and must replace nothing
    mixed = valid + [(rng.random() * 3, payload) for payload in invalid]
    return Delivery([payload for _, payload in sorted(mixed, key=lambda item: item[0])], len(invalid))


def _spelt(row: Row, rng: random.Random) -> bytes:
    spelt = dict(row)
    for name, value in row.items():
        if name in ("timestamp", "date_joined"):
            spelt[name] = rng.choice((value, value.replace("T", " "), f"{value}Z", f"{value}.000", f"{value}+00:00"))
        elif isinstance(value, int | float) and rng.random() < 0.3:
            spelt[name] = str(value)
    if rng.random() < 0.2:
        spelt["unknown"] = [{"nested": None}]
    return json.dumps(spelt, ensure_ascii=rng.random() < 0.5).encode()


def _older(table: str, row: Row) -> Row:
    changed: dict[str, Row] = {
        "pin": {"category": "an older category", "follower_count": "2B", "poster_name": "an older name"},
        "geo": {"country": "Atlantis", "timestamp": "1999-01-01T00:00:00"},
        "user": {"first_name": "Older", "age": 99, "date_joined": "1999-01-01T00:00:00"},
    }
    return row | changed[table]


def _broken(table: str, row: Row) -> Row:
    changed: dict[str, Row] = {
        "pin": {"category": None, "follower_count": "2B"},
        "geo": {"country": "Atlantis", "latitude": 90.5},
        "user": {"first_name": "Broken", "age": 151},
    }
    return row | changed[table]
