"""Puts messages where they belong: into the clean table, among the superseded, or into quarantine.

Used by the batch and by the stream. The order of the writes makes it safe to be killed anywhere: what a newer message
replaces is recorded before it is replaced, and every write can be done again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from spark_jobs.cleaning import split_judged
from spark_jobs.quality import ranks
from spark_jobs.tables import Store, Table, kept

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Step = Callable[[str], None]
"""Told the name of each step when it is done: for progress, and for tests that stop there."""


class Settled(NamedTuple):
    """What was done: messages read; rows written to clean (new, or over an older one), superseded and quarantine."""

    read: int
    clean: int
    superseded: int
    quarantined: int


def settle(spark: SparkSession, judged: DataFrame, table: str, store: Store, step: Step = lambda name: None) -> Settled:
    """Settle messages that :func:`spark_jobs.cleaning.judge` has judged, one row per coordinate.

    Afterwards each of them is in exactly one of the store's clean, superseded and quarantine tables, and the clean
    table has one row per ``ind``, the newest. Messages that were settled before change nothing.
    """
    # Checkpoints, because a plan is looked at anew at each use, and the tables it reads change below.
    judged = kept(judged)
    read, invalid = _count(judged, F.lit(True), F.size("reasons") > 0)
    if not read:
        return Settled(0, 0, 0, 0)
    good, bad = split_judged(judged)
    quarantined = 0
    if invalid:
        quarantined = _record(store.quarantine, table, bad.withColumn("quarantined_at", F.current_timestamp()))
    step("quarantined")

    clean = store.clean(table)
    present = clean.read(spark)
    known = present.join(good.select("ind").distinct(), "ind", "left_semi")
    again = good.join(known.select("_source"), "_source", "left_anti")
    candidates = again.withColumn("_known", F.lit(False)).unionByName(known.withColumn("_known", F.lit(True)))
    ranked = kept(ranks(candidates, "ind"))
    wins, old = F.col("_rank") == 1, F.col("_known")
    lost, written, met = _count(ranked, ~wins, wins & ~old, old)
    superseded = 0
    if lost:
        # a row that is replaced may be recorded already, by a run that died before it replaced it
        superseded = _record(store.superseded, table, ranked.where(~wins).select("ind", "_source"))
    step("superseded")

    arrived = ranked.where(wins & ~old).select(present.columns)
    if written and not met:
        clean.append(arrived)  # costs a fraction of a merge
    elif written:
        arrived.createOrReplaceTempView(f"arrived_{table}")
        spark.sql(f"""
            MERGE INTO delta.`{clean.path}` AS present USING arrived_{table} AS arrived
            ON present.ind = arrived.ind
            WHEN MATCHED THEN UPDATE SET *
            WHEN NOT MATCHED THEN INSERT *
        """)
    step("merged")
    return Settled(read, written, superseded, quarantined)


def _count(rows: DataFrame, *conditions: Column) -> tuple[int, ...]:
    """How many rows meet each condition, asked at once: each question to Spark costs, whatever it is about."""
    found = rows.agg(*(F.count_if(condition).alias(f"n{n}") for n, condition in enumerate(conditions))).first()
    assert found is not None  # an aggregate has one row
    return tuple(found)


def _record(place: Table, table: str, rows: DataFrame) -> int:
    """Append the rows of a table whose coordinates are not there yet; return how many."""
    recorded = place.read(rows.sparkSession).where(F.col("table") == table).select("_source")
    unknown = kept(rows.join(recorded, "_source", "left_anti").withColumn("table", F.lit(table)))
    count = unknown.count()
    if count:
        place.append(unknown)
    return count
