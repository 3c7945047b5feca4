"""Messages of one field each: what its value becomes, and the reason for which it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

VALID: dict[str, dict[str, Any]] = {
    "pin": {"index": 7, "unique_id": "u", "category": "art"},
    "geo": {"ind": 7, "country": "Chad", "latitude": 1.5, "longitude": 2.5, "timestamp": "2020-08-28T03:52:47"},
    "user": {"ind": 7, "first_name": "Ann", "last_name": "Lee", "age": 20, "date_joined": "2016-01-01T00:00:00"},
}
MISSING = object()


class Raw(str):
    """JSON as it is, where Python's own would not write it."""


def message(table: str, field: str, value: Any) -> bytes:
    fields = {name: json.dumps(known) for name, known in VALID[table].items()}
    if value is MISSING:
        fields.pop(field, None)
    else:
        fields[field] = value if isinstance(value, Raw) else json.dumps(value)
    return ("{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in fields.items()) + "}").encode()


def time(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)


# (field, what arrives, what it becomes)
BECOMES: dict[str, list[tuple[str, Any, str, Any]]] = {
    "pin": [
        ("index", "7", "ind", 7),
        ("index", " 7 ", "ind", 7),
        ("index", 7.0, "ind", 7),
        ("index", "7.0", "ind", 7),
        ("index", Raw("7e0"), "ind", 7),
        ("index", Raw("-0"), "ind", 0),
        ("index", 2**31 - 1, "ind", 2**31 - 1),
        ("unique_id", " u ", "unique_id", " u "),
        ("category", "art ", "category", "art "),
        ("follower_count", "124k", "follower_count", 124_000),
        ("follower_count", "1.2k", "follower_count", 1_200),
        ("follower_count", "1.0005K", "follower_count", 1_001),
        ("follower_count", "1.0004k", "follower_count", 1_000),
        ("follower_count", "0.5", "follower_count", 1),
        ("follower_count", "2M", "follower_count", 2_000_000),
        ("follower_count", "2m", "follower_count", 2_000_000),
        ("follower_count", "2.147483647B", "follower_count", 2_147_483_647),
        ("follower_count", "1b", "follower_count", 1_000_000_000),
        ("follower_count", "940", "follower_count", 940),
        ("follower_count", 940, "follower_count", 940),
        ("follower_count", "0", "follower_count", 0),
        ("follower_count", " 3 k ", "follower_count", 3_000),
        ("follower_count", "User Info Error", "follower_count", None),
        ("follower_count", "", "follower_count", None),
        ("follower_count", None, "follower_count", None),
        ("follower_count", MISSING, "follower_count", None),
        ("title", "No Title Data Available", "title", None),
        ("title", "No Title Data Available ", "title", "No Title Data Available "),
        ("title", "no title data available", "title", "no title data available"),
        ("title", "Untitled", "title", "Untitled"),
        ("title", " two\nlines\u00a0🎨 ", "title", " two\nlines\u00a0🎨 "),
        ("title", "\u00a0\u2003\n\t", "title", None),
        ("title", "[2021]", "title", "[2021]"),
        ("title", '{"a": [1]}', "title", '{"a": [1]}'),
        ("title", 1984, "title", "1984"),
        ("title", True, "title", "true"),
        ("title", "null", "title", "null"),
        ("title", None, "title", None),
        ("title", "a\u0000b", "title", "a\u0000b"),
        ("description", "No description available Story format", "description", None),
        ("description", "No description available", "description", None),
        ("description", "Untitled", "description", None),
        ("description", "cut…\u00a0", "description", "cut…\u00a0"),
        ("poster_name", "User Info Error", "poster_name", None),
        ("poster_name", " Ann ", "poster_name", " Ann "),
        ("tag_list", "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e", "tag_list", None),
        ("tag_list", "No Tags Available", "tag_list", "No Tags Available"),
        ("image_src", "Image src error.", "image_src", None),
        ("image_src", "Image src error", "image_src", "Image src error"),
        ("is_image_or_video", "multi-video(story page format)", "is_image_or_video", "multi-video(story page format)"),
        ("save_location", "Local save in /data/art", "save_location", "/data/art"),
        ("save_location", "/data/art", "save_location", "/data/art"),
        ("save_location", "Local save in ", "save_location", None),
        ("downloaded", {"not": ["looked", "at"]}, "ind", 7),
        ("unknown", {"a": {"b": [[]]}}, "ind", 7),
        ("Index", 9, "ind", 7),
    ],
    "geo": [
        ("latitude", "-90", "coordinates", [-90.0, 2.5]),
        ("latitude", 90, "coordinates", [90.0, 2.5]),
        ("longitude", "-1.8e2", "coordinates", [1.5, -180.0]),
        ("longitude", 180.0, "coordinates", [1.5, 180.0]),
        ("longitude", 13.2049, "coordinates", [1.5, 13.2049]),
        ("country", "Cote d'Ivoire", "country", "Cote d'Ivoire"),
        ("country", "Untitled", "country", "Untitled"),
        ("timestamp", "2020-08-28 03:52:47", "timestamp", time(2020, 8, 28, 3, 52, 47)),
        ("timestamp", "2020-08-28T03:52:47Z", "timestamp", time(2020, 8, 28, 3, 52, 47)),
        ("timestamp", "2020-08-28T03:52:47.5", "timestamp", time(2020, 8, 28, 3, 52, 47, 500_000)),
        ("timestamp", "2020-08-28 03:52:47.123456789z", "timestamp", time(2020, 8, 28, 3, 52, 47, 123_456)),
        ("timestamp", "2021-01-01T00:30:00+01:00", "timestamp", time(2020, 12, 31, 23, 30)),
        ("timestamp", "2020-12-31 20:00:00 -0500", "timestamp", time(2021, 1, 1, 1)),
        ("timestamp", "2020-12-31T20:00:00+05", "timestamp", time(2020, 12, 31, 15)),
        ("timestamp", "2020-02-29T00:00:00", "timestamp", time(2020, 2, 29)),
        ("timestamp", "0001-01-01T00:00:00", "timestamp", time(1, 1, 1)),
    ],
    "user": [
        ("age", "20", "age", 20),
        ("age", 0, "age", 0),
        ("age", 150, "age", 150),
        ("first_name", " Mary Ann", "user_name", " Mary Ann Lee"),
        ("last_name", "O'Neil", "user_name", "Ann O'Neil"),
        ("date_joined", "2015-10-21 00:00:00", "date_joined", time(2015, 10, 21)),
    ],
}
# (field, what arrives, the reason)
REFUSED: dict[str, list[tuple[str, Any, str]]] = {
    "pin": [
        ("index", MISSING, "ind:missing"),
        ("index", None, "ind:missing"),
        ("index", " ", "ind:missing"),
        ("index", -1, "ind:out_of_range"),
        ("index", 2**31, "ind:out_of_range"),
        ("index", 10**60, "ind:out_of_range"),
        ("index", Raw("1e10"), "ind:out_of_range"),
        ("index", Raw("1e400"), "ind:out_of_range"),
        ("index", Raw("-1e400"), "ind:out_of_range"),
        ("index", "1e999999999", "ind:out_of_range"),
        ("index", 7.5, "ind:unparsable"),
        ("index", "7x", "ind:unparsable"),
        ("index", "0x7", "ind:unparsable"),
        ("index", "7d", "ind:unparsable"),
        ("index", "٧", "ind:unparsable"),
        ("index", "NaN", "ind:unparsable"),
        ("index", "Infinity", "ind:unparsable"),
        ("index", "1e-9", "ind:unparsable"),
        ("index", True, "ind:unparsable"),
        ("index", [7], "ind:unparsable"),
        ("index", {"a": 7}, "ind:unparsable"),
        ("unique_id", MISSING, "unique_id:missing"),
        ("unique_id", "\u00a0", "unique_id:missing"),
        ("unique_id", {"a": 1}, "unique_id:unparsable"),
        ("category", None, "category:missing"),
        ("category", ["art"], "category:unparsable"),
        ("title", {"a": 1, "b": []}, "title:unparsable"),
        ("tag_list", ["a", "b"], "tag_list:unparsable"),
        ("tag_list", [], "tag_list:unparsable"),
        ("poster_name", {}, "poster_name:unparsable"),
        ("follower_count", "many", "follower_count:unparsable"),
        ("follower_count", "1,2k", "follower_count:unparsable"),
        ("follower_count", "12kk", "follower_count:unparsable"),
        ("follower_count", "k", "follower_count:unparsable"),
        ("follower_count", "1T", "follower_count:unparsable"),
        ("follower_count", False, "follower_count:unparsable"),
        ("follower_count", ["1k"], "follower_count:unparsable"),
        ("follower_count", "user info error", "follower_count:unparsable"),
        ("follower_count", "2.2B", "follower_count:out_of_range"),
        ("follower_count", "2147483648", "follower_count:out_of_range"),
        ("follower_count", "9" * 50 + "M", "follower_count:out_of_range"),
        ("follower_count", -1, "follower_count:out_of_range"),
    ],
    "geo": [
        ("latitude", 90.0000001, "latitude:out_of_range"),
        ("latitude", "-90.1", "latitude:out_of_range"),
        ("latitude", "north", "latitude:unparsable"),
        ("latitude", "NaN", "latitude:unparsable"),
        ("latitude", None, "latitude:missing"),
        ("longitude", 181, "longitude:out_of_range"),
        ("longitude", Raw("-1e400"), "longitude:out_of_range"),
        ("longitude", [1.0], "longitude:unparsable"),
        ("longitude", "", "longitude:missing"),
        ("country", " ", "country:missing"),
        ("country", {"name": "Chad"}, "country:unparsable"),
        ("timestamp", MISSING, "timestamp:missing"),
        ("timestamp", "2021-02-30T00:00:00", "timestamp:unparsable"),
        ("timestamp", "2021-02-29 00:00:00", "timestamp:unparsable"),
        ("timestamp", "2021-01-01T24:00:00", "timestamp:unparsable"),
        ("timestamp", "2021-01-01T00:00:60", "timestamp:unparsable"),
        ("timestamp", "2021-01-01T00:00:00+25:00", "timestamp:unparsable"),
        ("timestamp", "2021-01-01", "timestamp:unparsable"),
        ("timestamp", "2021-1-1 00:00:00", "timestamp:unparsable"),
        ("timestamp", "yesterday", "timestamp:unparsable"),
        ("timestamp", "now", "timestamp:unparsable"),
        ("timestamp", 1598586767, "timestamp:unparsable"),
        ("timestamp", "0000-01-01T00:00:00", "timestamp:out_of_range"),
        ("timestamp", "9999-12-31T23:59:59-01:00", "timestamp:out_of_range"),
    ],
    "user": [
        ("age", -1, "age:out_of_range"),
        ("age", 151, "age:out_of_range"),
        ("age", "twenty", "age:unparsable"),
        ("age", 20.5, "age:unparsable"),
        ("age", None, "age:missing"),
        ("first_name", "", "first_name:missing"),
        ("last_name", MISSING, "last_name:missing"),
        ("last_name", ["Lee"], "last_name:unparsable"),
        ("date_joined", "", "date_joined:missing"),
        ("date_joined", {}, "date_joined:unparsable"),
    ],
}
