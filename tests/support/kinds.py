"""One record of every kind of dirt, and what it must become: for the topics and for the streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

PIN = {"index": 0, "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf", "category": "art", "follower_count": "124k"}
GEO = {"ind": 0, "timestamp": "2020-08-28T03:52:47", "latitude": 1.5, "longitude": -2, "country": "Albania"}
USER = {"ind": 0, "first_name": "Ada", "last_name": "Byron", "age": 36, "date_joined": "2016-01-01 00:00:00"}
GOOD: dict[str, dict[str, object]] = {"pin": PIN, "geo": GEO, "user": USER}
TEST_MESSAGE = {"index": 1, "name": "x", "age": 25, "role": "y"}
MOMENT = datetime(2020, 8, 28, 3, 52, 47, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """One record of a kind: the table whose topic it arrives in, its bytes, and what it must become.

    ``place`` is ``clean``, ``superseded``, ``quarantine``, ``dead letter`` or ``tombstone``; ``cleaned`` are columns of
    its clean row; ``stored`` are its bytes in the lake, where they are not those that were sent.
    """

    table: str
    name: str
    value: bytes | None
    place: str
    reasons: tuple[str, ...] = ()
    cleaned: Mapping[str, object] = field(default_factory=dict)
    stored: bytes | None = None

    def __str__(self) -> str:
        return f"{self.table}: {self.name}"


def clean(table: str, name: str, cleaned: Mapping[str, object] | None = None, **changed: object) -> Kind:
    return Kind(table, name, json.dumps({**GOOD[table], **changed}).encode(), "clean", (), cleaned or {})


def bad(table: str, name: str, value: object, *reasons: str) -> Kind:
    return Kind(table, name, json.dumps(value).encode(), "quarantine", reasons)


def without(row: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in names}


NO_GEO = ("country:missing", "latitude:missing", "longitude:missing", "timestamp:missing")
NO_USER = ("first_name:missing", "last_name:missing", "age:missing", "date_joined:missing")
REPEATED = json.dumps({**PIN, "index": 90}).encode()
PRETTY = json.dumps({**USER, "ind": 91}, indent=1).encode()
KINDS = [
    # times, mixed in one topic
    clean("geo", "time with a T", {"timestamp": MOMENT}, ind=1),
    clean("geo", "time with a blank", {"timestamp": MOMENT}, ind=2, timestamp="2020-08-28 03:52:47"),
    clean("geo", "time with a fraction", {"timestamp": MOMENT.replace(microsecond=250_000)}, ind=3,
          timestamp="2020-08-28 03:52:47.25"),
    clean("geo", "time with a Z", {"timestamp": MOMENT}, ind=4, timestamp="2020-08-28T03:52:47Z"),
    clean("user", "time with fraction and Z", {"date_joined": MOMENT.replace(microsecond=500_000)}, ind=1,
          date_joined="2020-08-28T03:52:47.5Z"),
    bad("geo", "day that does not exist", {**GEO, "timestamp": "2020-02-30 00:00:00"}, "timestamp:unparsable"),
    bad("user", "no time", {**USER, "date_joined": "yesterday"}, "date_joined:unparsable"),
    # numbers as strings
    clean("pin", "index as a string", {"ind": 2}, index="2"),
    clean("pin", "downloaded as a string", {"ind": 3}, index=3, downloaded="1"),
    clean("geo", "coordinates as strings", {"ind": 5, "coordinates": [1.5, -20.0]}, ind="5", latitude="1.5",
          longitude="-2e1"),
    clean("user", "age as a string", {"ind": 2, "age": 36}, ind="2", age=" 36 "),
    bad("pin", "index that is no number", {**PIN, "index": "x"}, "ind:unparsable"),
    bad("pin", "follower count that is none", {**PIN, "follower_count": "many"}, "follower_count:unparsable"),
    bad("geo", "NaN as a string", {**GEO, "longitude": "NaN"}, "longitude:unparsable"),
    bad("user", "age that is no number", {**USER, "age": "old"}, "age:unparsable"),
    # unknown and missing fields
    *(clean(table, "unknown fields", {"ind": 6}, **{key: 6, "role": {"nested": [None]}})
      for table, key in (("pin", "index"), ("geo", "ind"), ("user", "ind"))),
    clean("pin", "fields that may be missing", {"ind": 7, "follower_count": None, "title": None}, index=7,
          follower_count=None),
    bad("pin", "no index", without(PIN, "index"), "ind:missing"),
    bad("pin", "blank unique_id", {**PIN, "unique_id": " "}, "unique_id:missing"),
    bad("pin", "null category", {**PIN, "category": None}, "category:missing"),
    bad("geo", "two missing fields", without(GEO, "country", "timestamp"), "country:missing", "timestamp:missing"),
    bad("user", "no first name", without(USER, "first_name"), "first_name:missing"),
    bad("user", "empty last name", {**USER, "last_name": ""}, "last_name:missing"),
    # test messages, and rows of one table in another table's topic
    bad("pin", "test message", TEST_MESSAGE, "unique_id:missing", "category:missing"),
    bad("geo", "test message", TEST_MESSAGE, "ind:missing", *NO_GEO),
    bad("user", "test message", TEST_MESSAGE, "ind:missing", "first_name:missing", "last_name:missing",
        "date_joined:missing"),
    bad("pin", "row of geo", GEO, "ind:missing", "unique_id:missing", "category:missing"),
    bad("pin", "row of user", USER, "ind:missing", "unique_id:missing", "category:missing"),
    bad("geo", "row of pin", PIN, "ind:missing", *NO_GEO),
    bad("geo", "row of user", USER, *NO_GEO),
    bad("user", "row of pin", PIN, "ind:missing", *NO_USER),
    bad("user", "row of geo", GEO, *NO_USER),
    # the same post many times
    Kind("pin", "post that is repeated", REPEATED, "superseded"),
    Kind("pin", "its first repeat", REPEATED, "superseded"),
    Kind("pin", "its last repeat", REPEATED, "clean", (), {"ind": 90}),
    # JSON over many lines: a line feed outside strings becomes a blank, the one change to any record's bytes
    Kind("user", "line feeds between fields", PRETTY, "clean", (), {"ind": 91}, PRETTY.replace(b"\n", b" ")),
    # numbers out of range
    bad("pin", "negative index", {**PIN, "index": -1}, "ind:out_of_range"),
    bad("pin", "index over 31 bits", {**PIN, "index": 2**31}, "ind:out_of_range"),
    bad("pin", "follower count over 31 bits", {**PIN, "follower_count": "3B"}, "follower_count:out_of_range"),
    bad("geo", "latitude over 90", {**GEO, "latitude": 90.5}, "latitude:out_of_range"),
    bad("geo", "longitude under -180", {**GEO, "longitude": -180.5}, "longitude:out_of_range"),
    bad("user", "age over 150", {**USER, "age": 151}, "age:out_of_range"),
    # what is no object, no JSON or nothing, in every topic
    *(kind for table in GOOD for kind in (
        bad(table, "array", [GOOD[table]], "record:not_an_object"),
        bad(table, "number", 7, "record:not_an_object"),
        bad(table, "JSON's null", None, "record:not_an_object"),
        Kind(table, "no UTF-8", b"\xff\xfe", "dead letter"),
        Kind(table, "Python's notation", b"{'index': 1}", "dead letter"),
        Kind(table, "JSON and more", b'{"index": 1} trailing', "dead letter"),
        Kind(table, "JSON cut short", b'{"index": 1', "dead letter"),
        Kind(table, "bare NaN", b'{"index": NaN}', "dead letter"),
        Kind(table, "text", b"hello", "dead letter"),
        Kind(table, "zero length", b"", "dead letter"),
        Kind(table, "null value", None, "tombstone"),
    )),
]  # fmt: skip
