"""What a single field becomes, and why a message is refused: all cases in one Spark job a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from spark_jobs.cleaning import judge
from spark_jobs.schemas import CLEANED
from tests.support.field_cases import BECOMES, MISSING, REFUSED, VALID, message
from tests.support.spark import messages, values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def named(value: Any) -> str:
    text = "missing" if value is MISSING else ascii(str(value))[1:-1]
    return text if len(text) < 30 else f"{text[:30]}…"


def cases(of: Mapping[str, list[tuple[Any, ...]]]) -> list[Any]:
    return [
        pytest.param(table, place, *case[2:], id=f"{table}.{case[0]}={named(case[1])}")
        for table, listed in of.items()
        for place, case in enumerate(listed)
    ]


Judged = dict[str, list[dict[str, Any]]]


def judged(spark: SparkSession, of: Mapping[str, list[tuple[Any, ...]]]) -> Judged:
    found = {}
    for table, listed in of.items():
        arrived = messages(spark, [message(table, field, value) for field, value, *_ in listed])
        found[table] = sorted(values(judge(arrived, table)), key=lambda row: int(row["_source"]["offset"]))
    return found


@pytest.fixture(scope="module")
def accepted(spark: SparkSession) -> Judged:
    return judged(spark, BECOMES)


@pytest.fixture(scope="module")
def refused(spark: SparkSession) -> Judged:
    return judged(spark, REFUSED)


@pytest.mark.parametrize(("table", "place", "column", "expected"), cases(BECOMES))
def test_a_value_becomes(accepted: Judged, table: str, place: int, column: str, expected: Any) -> None:
    row = accepted[table][place]
    assert (row["cleaned"][column], row["reasons"]) == (expected, [])


@pytest.mark.parametrize(("table", "place", "reason"), cases(REFUSED))
def test_a_value_is_refused(refused: Judged, table: str, place: int, reason: str) -> None:
    assert refused[table][place]["reasons"] == [reason]


def test_all_reasons_of_a_message_are_kept_in_the_order_of_the_columns(spark: SparkSession) -> None:
    arrived = {
        "pin": [b'{"category": " ", "follower_count": "many", "index": -1}', b'{"index":1,"name":"x","age":25}'],
        "geo": [b'{"timestamp": "now", "latitude": 91, "longitude": null, "country": ""}'],
        "user": [b'{"age": "x", "date_joined": [], "last_name": "", "ind": 1e300}'],
    }
    found = {
        table: [row["reasons"] for row in values(judge(messages(spark, payloads), table))]
        for table, payloads in arrived.items()
    }
    assert found == {
        "pin": [
            ["ind:out_of_range", "unique_id:missing", "follower_count:unparsable", "category:missing"],
            ["unique_id:missing", "category:missing"],
        ],
        "geo": [
            ["ind:missing", "country:missing", "latitude:out_of_range", "longitude:missing", "timestamp:unparsable"]
        ],
        "user": [
            ["ind:out_of_range", "first_name:missing", "last_name:missing", "age:unparsable", "date_joined:unparsable"]
        ],
    }


@pytest.mark.parametrize("topic", CLEANED)
def test_a_row_of_another_table_is_refused_for_its_missing_columns(spark: SparkSession, topic: str) -> None:
    others = [json.dumps(row).encode() for table, row in VALID.items() if table != topic]
    found = values(judge(messages(spark, others), topic))
    assert len(found) == 2
    for row in found:
        assert row["reasons"]
        assert all(reason.endswith(":missing") for reason in row["reasons"])
