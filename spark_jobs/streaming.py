"""The streaming job: three Kinesis streams, cleaned, each into its own Delta table with its own checkpoint.

Thin wiring around the functions that the batch uses. A micro-batch that is done again after a kill changes nothing:
the source gives it the same records, and settling messages twice does not either.

A micro-batch of valid messages with new keys, the usual one, is appended; any other is settled, which asks Spark five
to ten times as much. The keys that tell the two apart are kept in the driver: 4 bytes each, 40 MB for ten million.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES, Settings
from spark_jobs.cleaning import judge, split_judged
from spark_jobs.merge import Settled, settle
from spark_jobs.tables import Store
from spark_jobs.tally import Tally, without_spark

if TYPE_CHECKING:
    import numpy.typing as npt
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
        keys = Keys.of(self.store.clean(table).path, self._storage)
        settler = Settler(table, self.store, keys, self._tally)
        writer = (
            self.records(table)
            .writeStream.queryName(table)
            .option("checkpointLocation", f"{self.settings.checkpoint_path}/stream/{table}")
            .foreachBatch(settler)
        )
        trigger = writer.trigger(availableNow=True) if available_now else writer.trigger(processingTime=TRIGGER)
        return trigger.start()

    @property
    def _storage(self) -> dict[str, str]:
        return AwsAccess.of(self.settings).delta_rs()

    @cached_property
    def _tally(self) -> Tally:
        return Tally(self.store.runs.path, self._storage)


class Keys:
    """The keys of a clean table, which nobody else writes to while the job holds its lease."""

    def __init__(self, inds: npt.NDArray[np.int32]) -> None:
        self._inds = np.unique(inds)

    @classmethod
    def of(cls, path: str, storage: dict[str, str]) -> Keys:
        """Those of the clean table at ``path``; read beside Spark, which takes ten seconds for the first of three."""
        table = without_spark(path, storage)
        return cls(table.to_pyarrow_table(columns=["ind"])["ind"].to_numpy())

    def all_new(self, inds: npt.NDArray[np.int32]) -> bool:
        """Whether none of these is there, and none comes twice."""
        return np.unique(inds).size == inds.size and not np.isin(inds, self._inds, assume_unique=True).any()

    def add(self, inds: npt.NDArray[np.int32]) -> None:
        self._inds = np.union1d(self._inds, inds)


@dataclass(frozen=True)
class Settler:
    """What is done with each micro-batch of a table's judged messages."""

    table: str
    store: Store
    keys: Keys
    tally: Tally

    def __call__(self, arrived: DataFrame, number: int) -> None:
        spark = arrived.sparkSession
        judged = arrived.localCheckpoint(eager=False)  # the records are read once, by the first that asks
        asked = judged.select("cleaned.ind", (F.size("reasons") == 0).alias("valid")).toArrow()
        if not asked.num_rows:
            return
        inds = asked.filter(asked["valid"])["ind"].to_numpy()
        if inds.size == asked.num_rows and self.keys.all_new(inds):
            self.store.clean(self.table).append(split_judged(judged)[0])
            settled = Settled(inds.size, inds.size, 0, 0)
        else:
            settled = settle(spark, judged, self.table, self.store)
        self.keys.add(inds)
        query = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
        self.tally.add(f"{query}", number, self.table, settled)


def messages(records: DataFrame) -> DataFrame:
    """Kinesis records as messages: ``raw``, the record's bytes, and ``_source``."""
    return records.select(
        F.col("data").alias("raw"),
        F.struct(F.col("stream"), F.col("shardId").alias("shard"), F.col("sequenceNumber").alias("sequence")).alias(
            "_source"
        ),
    )
