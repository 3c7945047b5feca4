"""One row for each post, the newest message's; and counts that do or do not add up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from spark_jobs.cleaning import clean_geo, clean_pin, clean_user
from spark_jobs.quality import Conservation, ranks
from spark_jobs.schemas import CLEANED, KAFKA_SOURCE, KINESIS_SOURCE
from tests.support.field_cases import VALID
from tests.support.spark import as_json, messages, values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def winners(spark: SparkSession, source: Any, coordinates: list[tuple[Any, ...]]) -> tuple[list[str], list[str]]:
    """Messages of one post, named by their place in the list: who wins, who loses."""
    rows = [(1, f"{place}", coordinate) for place, coordinate in enumerate(coordinates)]
    found = spark.createDataFrame(rows, f"ind INT, name STRING, _source {source.simpleString()}")
    rows = ranks(found, "ind").collect()
    first, others = ([row["name"] for row in rows if (row["_rank"] == 1) == wins] for wins in (True, False))
    return first, sorted(others)


def test_the_highest_offset_wins_and_across_partitions_the_highest_offset_then_partition(spark: SparkSession) -> None:
    assert winners(spark, KAFKA_SOURCE, [("t", 0, 9), ("t", 0, 10), ("t", 0, 8)]) == (["1"], ["0", "2"])
    assert winners(spark, KAFKA_SOURCE, [("t", 3, 9), ("t", 0, 10), ("t", 1, 10)]) == (["2"], ["0", "1"])


def test_sequence_numbers_are_compared_as_integers(spark: SparkSession) -> None:
    short, long = "9" * 55, "1" + "0" * 55
    shard, child = "shardId-000000000000", "shardId-000000000001"
    assert winners(spark, KINESIS_SOURCE, [("s", shard, short), ("s", shard, long)]) == (["1"], ["0"])
    assert winners(spark, KINESIS_SOURCE, [("s", child, long + "1"), ("s", shard, long)]) == (["0"], ["1"])


def test_each_post_has_its_own_newest_message(spark: SparkSession) -> None:
    rows = [(ind, ("t", 0, offset)) for offset, ind in enumerate([1, 2, 1, 3, 2, 1])]
    found = spark.createDataFrame(rows, f"ind INT, _source {KAFKA_SOURCE.simpleString()}")
    ranked = ranks(found, "ind")
    assert ranked.columns == [*found.columns, "_rank"]
    assert sorted((row["ind"], row["_source"]["offset"], row["_rank"]) for row in ranked.collect()) == [
        (1, 0, 3), (1, 2, 2), (1, 5, 1), (2, 1, 2), (2, 4, 1), (3, 3, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("clean", "table"), [(clean_pin, "pin"), (clean_geo, "geo"), (clean_user, "user")])
def test_the_cleaning_functions_return_the_tables_columns_and_no_others(
    spark: SparkSession, clean: Any, table: str
) -> None:
    found = clean(messages(spark, as_json([VALID[table]])))
    assert [(field.name, field.dataType.simpleString()) for field in found.schema] == [
        (field.name, field.dataType.simpleString()) for field in CLEANED[table]
    ]
    assert [row["ind"] for row in values(found)] == [7]


COUNTS = Conservation(table="pin", read=10, clean=5, superseded=3, quarantined=2, repeats=1)


def test_counts_that_add_up_hold() -> None:
    assert COUNTS.holds
    assert str(COUNTS) == "10 read = 5 clean + 3 superseded + 2 quarantined; 1 are repeats"


@pytest.mark.parametrize("place", ["read", "clean", "superseded", "quarantined"])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_row_too_few_or_too_many_anywhere_is_seen(place: str, change: int) -> None:
    changed = replace(COUNTS, **{place: getattr(COUNTS, place) + change})
    assert not changed.holds
    assert "is NOT" in str(changed)
