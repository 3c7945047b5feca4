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
from spark_jobs.tables import Store, Transaction

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Step = Callable[[str], None]
"""Told the name of each step when it is done: for progress, and for tests that stop there."""


def settle(
    spark: SparkSession,
    messages: DataFrame,
    table: str,
    store: Store,
    transaction: Transaction,
    step: Step = lambda name: None,
) -> None:
    """Settle messages that are in none of the store's tables yet.

    ``messages`` has ``raw`` and ``_source``, one row per coordinate. Afterwards each of them is in exactly one of the
    store's clean, superseded and quarantine tables, and the clean table has one row per ``ind``, the newest.
    """
    clean, superseded, quarantine = store.clean(table), store.superseded, store.quarantine
    # Judged once. A checkpoint, because a plan is looked at anew at each use and the tables it reads change below.
    judged = judge(messages, table).localCheckpoint()
    if judged.isEmpty():
        return
    good, bad = split_judged(judged)

    quarantined = bad.select(
        F.lit(table).alias("table"), "raw", "_source", "reasons", F.current_timestamp().alias("quarantined_at")
    )
    quarantine.append(quarantined, transaction)
    step("quarantined")

    present = clean.read(spark)
    known = present.join(good.select("ind").distinct(), "ind", "left_semi")
    candidates = good.withColumn("_known", F.lit(False)).unionByName(known.withColumn("_known", F.lit(True)))
    winners, losers = newest(candidates, "ind")
    # A row that is replaced may be recorded already, by a run that died before it replaced it.
    recorded = superseded.read(spark).where(F.col("table") == table).select("_source")
    superseded.append(
        losers.join(recorded, "_source", "left_anti").select(F.lit(table).alias("table"), "ind", "_source"),
        transaction,
    )
    step("superseded")

    arrived = winners.where(~F.col("_known")).select(present.columns)
    if known.isEmpty():
        clean.append(arrived, transaction)  # an append costs a fraction of a merge
    else:
        arrived.createOrReplaceTempView(f"arrived_{table}")
        spark.sql(f"""
            MERGE INTO delta.`{clean.path}` AS present USING arrived_{table} AS arrived
            ON present.ind = arrived.ind
            WHEN MATCHED THEN UPDATE SET *
            WHEN NOT MATCHED THEN INSERT *
        """)
    step("merged")
