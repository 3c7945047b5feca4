"""Which micro-batches are appended and which are settled, and that their counts are written once."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pytest
from deltalake import DeltaTable

from spark_jobs.beside import MANY, append, forget_soon, tidy
from spark_jobs.cleaning import judge
from spark_jobs.merge import Settled
from spark_jobs.streaming import Keys, Settler
from spark_jobs.tables import Store
from spark_jobs.tally import Tally
from tests.support.field_cases import VALID
from tests.support.spark import as_json, messages, values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def inds(*keys: int) -> np.ndarray:
    return np.array(keys, dtype=np.int32)


def test_keys_are_all_new_when_none_is_known_and_none_comes_twice() -> None:
    keys = Keys(inds(5, 3))
    assert keys.all_new(inds(4, 1))
    assert not keys.all_new(inds(4, 3))
    assert not keys.all_new(inds(4, 4))
    keys.add(inds(9, 4))
    assert not keys.all_new(inds(9))
    assert Keys(inds()).all_new(inds(9))


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "delta"), "batch", "me")  # its coordinates are the test's messages'
    for place in (made.clean("user"), made.superseded, made.quarantine, made.runs):
        place.create({})
    return made


def test_a_micro_batch_that_comes_again_changes_no_row_and_is_counted_once(spark: SparkSession, store: Store) -> None:
    spark.sparkContext.setLocalProperty("sql.streaming.queryId", "q")
    payloads = as_json({**VALID["user"], "ind": ind, "age": age} for ind, age in ((1, 20), (2, 30), (2, 31), (3, 40)))
    judged = judge(messages(spark, [*payloads, b"no json"]), "user")
    new, rest = (judged.where(f"_source.offset {where}") for where in ("< 2", ">= 2"))
    tally = Tally(store.runs.path, {})

    def settler() -> Settler:
        """As a driver that starts makes it."""
        clean = DeltaTable(store.clean("user").path)
        return Settler("user", store, clean, Keys.of(clean), tally, Lock())

    running = settler()
    running(new.limit(0), 0)
    running(new, 1)
    settler()(new, 1)  # killed before the checkpoint had it: done again by the next
    running(rest, 2)
    settler()(rest, 2)
    clean = values(store.clean("user").read(spark), "ind")
    assert [(row["ind"], row["age"]) for row in clean] == [(1, 20), (2, 31), (3, 40)]
    assert [row["ind"] for row in values(store.superseded.read(spark))] == [2]
    assert [row["raw"] for row in values(store.quarantine.read(spark))] == [b"no json"]
    counts = [(row["run_id"], row["table"], *(row[name] for name in Settled._fields), row["repeats"])
              for row in values(store.runs.read(spark).orderBy("run_id"))]  # fmt: skip
    assert counts == [("q:1", "user", 2, 2, 0, 0, None), ("q:2", "user", 3, 2, 1, 1, None)]


def test_new_posts_are_appended_after_a_merge_has_replaced_rows(spark: SparkSession, store: Store) -> None:
    payloads = as_json({**VALID["user"], "ind": ind, "age": age} for ind, age in ((1, 20), (2, 30), (1, 21), (3, 40)))
    judged = judge(messages(spark, payloads), "user")
    clean = DeltaTable(store.clean("user").path)
    settle = Settler("user", store, clean, Keys.of(clean), Tally(store.runs.path, {}), Lock())
    for number, offsets in enumerate(("0, 1", "2", "3")):
        settle(judged.where(f"_source.offset IN ({offsets})"), number)
    rows = values(store.clean("user").read(spark), "ind")
    assert [(row["ind"], row["age"]) for row in rows] == [(1, 21), (2, 30), (3, 40)]
    assert [row["ind"] for row in values(store.superseded.read(spark))] == [1]


def test_small_files_are_put_together_while_spark_writes_and_what_they_replaced_goes(
    spark: SparkSession, store: Store
) -> None:
    clean = store.clean("user")
    forget_soon(clean.path, {})
    forget_soon(clean.path, {})
    judged = judge(messages(spark, as_json({**VALID["user"], "ind": ind} for ind in range(MANY + 4))), "user")
    rows = judged.select("cleaned.*", "_source").toArrow()
    table = DeltaTable(clean.path)
    assert table.version() == 1  # made, and told to forget soon, once
    for ind in range(MANY - 1):
        append(table, rows.slice(ind, 1))
    assert not tidy(clean.path, {})
    settle = Settler("user", store, table, Keys.of(table), Tally(store.runs.path, {}), Lock())
    settle(judged.where(f"cleaned.ind = {MANY - 1}"), 1)
    assert tidy(clean.path, {}, keep_hours=0)
    assert len(list(Path(clean.path).glob("*.parquet"))) == 1
    # the compaction was neither told to the one who appends nor to Spark
    settle(judged.where(f"cleaned.ind = {MANY}"), 2)
    settle(judged.where(f"cleaned.ind IN (0, {MANY + 1})"), 3)
    assert [row["ind"] for row in values(clean.read(spark), "ind")] == list(range(MANY + 2))
    assert not tidy(clean.path, {})
