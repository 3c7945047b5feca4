"""The streaming job: three Kinesis streams, cleaned, each into its own Delta table with its own checkpoint.

Thin wiring around the functions that the batch uses. A micro-batch that is done again after a kill changes nothing:
the source gives it the same records, and settling messages twice does not either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES, Settings
from spark_jobs.cleaning import judge
from spark_jobs.merge import settle
from spark_jobs.tables import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

TRIGGER = "1 second"
"""How often a micro-batch may start: what an idle query costs is the number of times it asks."""


@dataclass(frozen=True)
class Streaming:
    """The streaming job's surroundings: a session of its own, and the settings."""

    spark: SparkSession
    settings: Settings

    @property
    def store(self) -> Store:
        return Store(self.settings.tables_path, "stream", self.settings.pin_user_id)

    def prepare(self) -> None:
        """Create the tables that are not there yet."""
        store = self.store
        clean = [store.clean(table) for table in TABLES]
        for place in (*clean, store.superseded, store.quarantine, store.runs):
            place.create(self.spark)

    def records(self, table: str) -> DataFrame:
        """A table's stream, judged; its ``_source`` is stream, shard and sequence number."""
        options = {
            "streamName": self.settings.stream(table),
            "initialPosition": "trim_horizon",
            **AwsAccess.of(self.settings).kinesis_source(),
        }
        # judged here and not in each micro-batch: a stream's plan is analysed once
        return judge(messages(self.spark.readStream.format("kinesis").options(**options).load()), table)

    def start(self, table: str, available_now: bool = False) -> StreamingQuery:
        """Start a table's query; with ``available_now`` it ends when all that is there is settled."""
        writer = (
            self.records(table)
            .writeStream.queryName(table)
            .option("checkpointLocation", f"{self.settings.checkpoint_path}/stream/{table}")
            .foreachBatch(lambda arrived, number: self._settle(arrived, number, table))
        )
        trigger = writer.trigger(availableNow=True) if available_now else writer.trigger(processingTime=TRIGGER)
        return trigger.start()

    def _settle(self, arrived: DataFrame, number: int, table: str) -> None:
        spark = arrived.sparkSession
        settled = settle(spark, arrived, table, self.store)
        if settled.read:
            query = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
            place = self.store.runs
            row = (f"{query}:{number}", table, datetime.now(UTC), *settled, None)
            place.append(spark.createDataFrame([row], place.columns), once=(f"{query}", number))


def messages(records: DataFrame) -> DataFrame:
    """Kinesis records as messages: ``raw``, the record's bytes, and ``_source``."""
    return records.select(
        F.col("data").alias("raw"),
        F.struct(F.col("stream"), F.col("shardId").alias("shard"), F.col("sequenceNumber").alias("sequence")).alias(
            "_source"
        ),
    )
