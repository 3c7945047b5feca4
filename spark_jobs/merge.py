"""Puts messages where they belong: into the clean table, among the superseded, or into quarantine.

Used by the batch and by the stream. The order of the writes makes it safe to be killed anywhere: what a newer message
replaces is recorded before it is replaced, and every write can be done again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.cleaning import judge, split_judged
from spark_jobs.quality import newest
from spark_jobs.tables import Store, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Step = Callable[[str], None]
"""Told the name of each step when it is done: for progress, and for tests that stop there."""


def settle(spark: SparkSession, messages: DataFrame, table: str, store: Store, step: Step = lambda name: None) -> None:
    """Settle messages: ``raw`` and ``_source``, one row per coordinate.

    Afterwards each of them is in exactly one of the store's clean, superseded and quarantine tables, and the clean
    table has one row per ``ind``, the newest. Messages that were settled before change nothing.
    """
    # Checkpoints, because a plan is looked at anew at each use, and the tables it reads change below.
    judged = judge(messages, table).localCheckpoint()
    good, bad = split_judged(judged)
    if not bad.isEmpty():
        unknown = bad.join(_recorded(spark, store.quarantine, table), "_source", "left_anti")
        row = (F.lit(table).alias("table"), "raw", "_source", "reasons", F.current_timestamp().alias("quarantined_at"))
        store.quarantine.append(unknown.select(*row))
    step("quarantined")

    clean = store.clean(table)
    present = clean.read(spark)
    known = present.join(good.select("ind").distinct(), "ind", "left_semi")
    again = good.join(known.select("_source"), "_source", "left_anti")
    candidates = again.withColumn("_known", F.lit(False)).unionByName(known.withColumn("_known", F.lit(True)))
    winners, losers = newest(candidates, "ind")
    if not losers.isEmpty():
        # a row that is replaced may be recorded already, by a run that died before it replaced it
        unknown = losers.join(_recorded(spark, store.superseded, table), "_source", "left_anti")
        store.superseded.append(unknown.select(F.lit(table).alias("table"), "ind", "_source"))
    step("superseded")

    arrived = winners.where("NOT _known").select(present.columns)
    if arrived.isEmpty():
        pass
    elif winners.where("_known").union(losers.where("_known")).isEmpty():
        clean.append(arrived)  # costs a fraction of a merge
    else:
        arrived.createOrReplaceTempView(f"arrived_{table}")
        spark.sql(f"""
            MERGE INTO delta.`{clean.path}` AS present USING arrived_{table} AS arrived
            ON present.ind = arrived.ind
            WHEN MATCHED THEN UPDATE SET *
            WHEN NOT MATCHED THEN INSERT *
        """)
    step("merged")


def _recorded(spark: SparkSession, place: Table, table: str) -> DataFrame:
    return place.read(spark).where(F.col("table") == table).select("_source")
