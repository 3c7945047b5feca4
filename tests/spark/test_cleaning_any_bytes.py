"""Whatever bytes arrive: nothing throws, every message is in exactly one place, and its bytes come back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spark_jobs.cleaning import judge, split_judged
from spark_jobs.schemas import CLEANED
from tests.support.field_cases import BECOMES, REFUSED, VALID, message
from tests.support.spark import messages, values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

NO_JSON = [
    b" ", b"{", b"}", b"{]", b"plain text", b"{'index': 1}", b"{index: 1}", b'{"index": 01}', b'{"index": +1}',
    b'{"index": .5}', b'{"index": 1.}', b'{"index": NaN}', b'{"index": Infinity}', b'{"index": -Infinity}',
    b'{"index": 1,}', b'{"index": 1', b'{"index": 1}}', b'{"index": 1} x', b'{"index": 1} {"index": 2}',
    b'{"index": 1}, {"index": 2}', b'{"index": 1}]', b'{"index": 1}], [1', b'{"index": 1}, "value": {"index": 1}',
    b'{"index": 1}} {', b'{"a": "\n"}', b'{"a": "\\x41"}', b'{"a": "\\u12"}', b'{"a": tru}', b'{"a": True}',
    b'{"a" 1}', b'{1: 1}', b'{"a": 1 "b": 2}', b'{"a": [1 2]}', b'{"a": [1,]}', b'/* c */ {"a": 1}', b'{"a": 1} // c',
    b'\xef\xbb\xbf{"a": 1}', b'{"a": "\xff"}', b'{"a": "\xc3"}', b'{"a": "\xed\xa0\x80"}', b'{"a": 1}\x00', b"\x00",
    b"\xc2\xa0{}", b"1 2", b"1,2", b'"a" "b"', b"[1][2]", b"[1],[2]", b"nul", b"null,", b"null null", b'"a', b"-",
    b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a":' + b"[" * 5000,
]  # fmt: skip
NO_OBJECT = [
    b"null", b" null\n", b"true", b"false", b"0", b"-1.5e3", b'"text"', b'""', b'"{}"', b"[]", b"[{}]", b"[1, 2]",
    b'[{"index": 1, "unique_id": "u", "category": "art"}]', b"[[[]]]", b" 5 ", b"1e400", b'"\xf0\x9f\x8e\xa8"',
]  # fmt: skip


def reasons(spark: SparkSession, payloads: list[bytes], table: str = "pin") -> list[list[str]]:
    rows = values(judge(messages(spark, payloads), table))
    return [row["reasons"] for row in sorted(rows, key=lambda row: int(row["_source"]["offset"]))]


def test_bytes_that_are_no_strict_json_are_not_json(spark: SparkSession) -> None:
    assert dict(zip(NO_JSON, reasons(spark, NO_JSON), strict=True)) == {
        payload: ["record:not_json"] for payload in NO_JSON
    }


def test_json_that_is_no_object_is_told_from_no_json(spark: SparkSession) -> None:
    found = dict(zip(NO_OBJECT, reasons(spark, NO_OBJECT), strict=True))
    assert found == {payload: ["record:not_an_object"] for payload in NO_OBJECT}


def test_no_bytes_are_empty(spark: SparkSession) -> None:
    assert reasons(spark, [b""]) == [["record:empty"]]


def test_white_space_escapes_and_order_do_not_matter_and_the_last_of_repeated_keys_counts(spark: SparkSession) -> None:
    payloads = [
        b'\r\n\t {"cat\\u0065gory" :\t"art",\n"unique_id": "\\u0075\\ud83c\\udfa8\\/", "index": 4 } \n',
        b'{"index": "x", "unique_id": "u", "category": "art", "index": 5, "more": {"a": 1, "a": 2}}',
        b'{"index": 6, "unique_id": "u", "category": "art", "index": null}',
    ]
    rows = values(judge(messages(spark, payloads), "pin"))
    found = [(row["cleaned"]["ind"], row["cleaned"]["unique_id"], row["reasons"]) for row in rows]
    assert found == [(4, "u🎨/", []), (5, "u", []), (None, "u", ["ind:missing"])]


def strict(payload: bytes) -> Any:
    """Python's reader, made as strict as RFC 8259."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    text = payload.decode()
    if text.startswith("\ufeff"):
        raise ValueError("byte order mark")
    return json.loads(text, parse_constant=refuse)


def expected(payload: bytes) -> str:
    """What the record as a whole is, by Python's reader."""
    if not payload:
        return "record:empty"
    try:
        value = strict(payload)
    except ValueError:
        return "record:not_json"
    return "an object" if isinstance(value, dict) else "record:not_an_object"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
KNOWN = sorted({name for fields in VALID.values() for name in fields} | {field for field, *_ in BECOMES["pin"]})
RECORDS = st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=5), VALUES, max_size=6)
WELL_MADE = st.sampled_from(
    [
        message(table, field, value)
        for listed in (BECOMES, REFUSED)
        for table, cases in listed.items()
        for field, value, *_ in cases
    ]
)
BYTES = WELL_MADE | st.builds(
    lambda record, ascii_only: json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"),
    RECORDS | VALUES,
    st.booleans(),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Good JSON with a piece cut out, doubled or replaced."""
    good = draw(BYTES)
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 6)))
    piece = draw(st.sampled_from(MARKS) | st.binary(max_size=3))
    return good[:start] + piece + good[end:]


MARKS = [
    *(bytes([mark]) for mark in b"{}[]\",:\\ \n\t0-+.eE'/"),
    b"null",
    b"NaN",
    b"},{",
    b"],[",
    b'"',
    b"\\u",
    b"\xc2\xa0",
]


@pytest.fixture(scope="module")
def payloads() -> list[bytes]:
    """Collected first and judged together: a Spark job for each would take minutes."""
    found: list[bytes] = []

    @settings(max_examples=1_500, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(payload=BYTES | damaged() | damaged() | st.binary(max_size=40))
    def collect(payload: bytes) -> None:
        found.append(payload)

    collect()
    return found


@pytest.mark.parametrize("table", CLEANED)
def test_any_bytes_land_in_exactly_one_place_unchanged(spark: SparkSession, payloads: list[bytes], table: str) -> None:
    assert len(payloads) >= 1_000
    good, bad = split_judged(judge(messages(spark, payloads), table).localCheckpoint())
    kept, refused = values(good), values(bad)

    offsets = [row["_source"]["offset"] for row in kept + refused]
    assert sorted(offsets) == list(range(len(payloads)))
    for row in refused:
        assert row["raw"] == payloads[row["_source"]["offset"]]
        assert row["reasons"]
        assert all(re.fullmatch(REASON, reason) for reason in row["reasons"])
    check_records(payloads, refused)
    for row in kept:
        check_kept(table, row)


REASON = r"record:(not_json|not_an_object|empty)|[a-z_]+:(missing|unparsable|out_of_range)"


def check_records(payloads: list[bytes], refused: Sequence[Mapping[str, Any]]) -> None:
    of_record = {
        row["_source"]["offset"]: row["reasons"][0] for row in refused if row["reasons"][0].startswith("record:")
    }
    for offset, payload in enumerate(payloads):
        assert of_record.get(offset, "an object") == expected(payload), payload


def check_kept(table: str, row: Mapping[str, Any]) -> None:
    assert list(row) == [*CLEANED[table].names, "_source"]
    assert 0 <= row["ind"] < 2**31
    if table == "pin":
        assert row["unique_id"].strip()
        assert row["category"].strip()
        assert row["follower_count"] is None or 0 <= row["follower_count"] < 2**31
    elif table == "geo":
        latitude, longitude = row["coordinates"]
        assert row["country"].strip()
        assert abs(latitude) <= 90
        assert abs(longitude) <= 180
        assert row["timestamp"] is not None
    else:
        assert row["user_name"].strip()
        assert 0 <= row["age"] <= 150
        assert row["date_joined"] is not None
