"""Settling messages into real Delta tables: nothing vanishes, doing it twice changes nothing, a lost row is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spark_jobs import tables
from spark_jobs.batch import count
from spark_jobs.cleaning import judge
from spark_jobs.merge import Settled, settle
from spark_jobs.tables import Store
from tests.support.field_cases import VALID
from tests.support.spark import as_json, messages, values

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

BAD = b"no json"


def users(*rows: tuple[int, int]) -> list[bytes]:
    """Users by (ind, age)."""
    return as_json({**VALID["user"], "ind": ind, "age": age} for ind, age in rows)


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "delta"), "batch", "me")
    places = [made.superseded, made.quarantine, *(made.clean(table) for table in ("pin", "geo", "user"))]
    for place in (*places, *(made.raw(table) for table in ("pin", "geo", "user"))):
        place.create({})
    return made


class Topic:
    """A topic's messages in the raw table, and all of them, or the newest, to settle."""

    def __init__(self, spark: SparkSession, store: Store) -> None:
        self._spark, self._store = spark, store
        self._payloads: list[bytes] = []

    def add(self, payloads: list[bytes]) -> DataFrame:
        begin = len(self._payloads)
        self._payloads += payloads
        new = messages(self._spark, self._payloads).where(f"_source.offset >= {begin}").localCheckpoint()
        self._store.raw("user").append(new)
        return new


def ages(spark: SparkSession, store: Store) -> list[tuple[int, int, int]]:
    """The clean rows as (ind, age, offset)."""
    rows = values(store.clean("user").read(spark), "ind")
    return [(row["ind"], row["age"], row["_source"]["offset"]) for row in rows]


def offsets(spark: SparkSession, place: tables.Table) -> list[int]:
    return sorted(row["_source"]["offset"] for row in values(place.read(spark)))


def test_new_rows_repeats_and_bad_ones_find_their_places_and_the_counts_hold(spark: SparkSession, store: Store) -> None:
    topic = Topic(spark, store)
    first = topic.add([*users((1, 20), (2, 30), (1, 21)), BAD])
    assert settle(spark, judge(first, "user"), "user", store) == Settled(4, 2, 1, 1)
    second = topic.add(users((2, 31), (3, 40)))
    assert settle(spark, judge(second, "user"), "user", store) == Settled(2, 2, 1, 0)
    assert ages(spark, store) == [(1, 21, 2), (2, 31, 4), (3, 40, 5)]
    assert (offsets(spark, store.superseded), offsets(spark, store.quarantine)) == ([0, 1], [3])
    counted = count(spark, store)["user"]
    assert (counted.read, counted.clean, counted.superseded, counted.quarantined) == (6, 3, 2, 1)
    assert counted.holds


def test_what_is_kept_while_cleaning_takes_no_memory_from_others(spark: SparkSession, store: Store) -> None:
    new = Topic(spark, store).add([*users((1, 20), (2, 30), (1, 21)), BAD])
    stored = lambda: list(spark.sparkContext._jsc.sc().getRDDStorageInfo())  # noqa: E731
    before = {rdd.id() for rdd in stored()}
    places = []

    def step(name: str) -> None:
        if name == "superseded":  # while the rows are in use: Spark forgets them at a later garbage collection
            ours = [rdd for rdd in stored() if rdd.id() not in before and "Delta Table State" not in rdd.name()]
            places.extend((rdd.memSize() > 0, rdd.diskSize() > 0) for rdd in ours)

    settle(spark, judge(new, "user"), "user", store, step)
    assert set(places) == {(False, True)}


def test_settling_the_same_messages_again_changes_nothing(spark: SparkSession, store: Store) -> None:
    topic = Topic(spark, store)
    first = topic.add([*users((1, 20), (2, 30), (1, 21)), BAD])
    second = topic.add(users((2, 31)))
    for arrived in (first, second):
        settle(spark, judge(arrived, "user"), "user", store)
    before = ages(spark, store)
    for arrived in (second, first):
        assert settle(spark, judge(arrived, "user"), "user", store)[1:] == (0, 0, 0)
    assert ages(spark, store) == before
    assert (offsets(spark, store.superseded), offsets(spark, store.quarantine)) == ([0, 1], [3])


@pytest.mark.parametrize("last", ["quarantined", "superseded"])
def test_a_run_that_dies_between_its_writes_is_finished_by_the_next(
    spark: SparkSession, store: Store, last: str
) -> None:
    class Killed(Exception):
        pass

    def die(step: str) -> None:
        if step == last:
            raise Killed

    topic = Topic(spark, store)
    settle(spark, judge(topic.add(users((1, 20))), "user"), "user", store)
    arrived = topic.add([*users((1, 21), (1, 22)), BAD])
    with pytest.raises(Killed):
        settle(spark, judge(arrived, "user"), "user", store, die)
    settle(spark, judge(arrived, "user"), "user", store)
    assert ages(spark, store) == [(1, 22, 2)]
    assert (offsets(spark, store.superseded), offsets(spark, store.quarantine)) == ([0, 1], [3])
    assert count(spark, store)["user"].holds


@pytest.mark.parametrize("known", [False, True], ids=["appended", "merged"])
def test_a_row_taken_away_inside_the_merge_turns_the_check_red(
    spark: SparkSession, store: Store, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic(spark, store)
    if known:
        settle(spark, judge(topic.add(users((1, 20))), "user"), "user", store)
    arrived = topic.add(users((1, 21), (2, 30)))

    def without_one(self: tables.Table, rows: DataFrame, once: Any = None) -> None:
        kept = rows if self.path != store.clean("user").path else rows.where("ind <> 2")
        kept.write.format("delta").mode("append").save(self.path)

    def sql_without_one(statement: str) -> DataFrame:
        return real(statement.replace("USING arrived_user", "USING (SELECT * FROM arrived_user WHERE ind <> 2)"))

    real = spark.sql
    with monkeypatch.context() as patched:
        patched.setattr(tables.Table, "append", without_one)
        patched.setattr(spark, "sql", sql_without_one)
        settle(spark, judge(arrived, "user"), "user", store)
    assert not count(spark, store)["user"].holds
