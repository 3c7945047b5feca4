"""The streaming job: three Kinesis streams, cleaned, each into its own Delta table with its own checkpoint.

Thin wiring around the functions that the batch uses. A micro-batch that is done again after a kill changes nothing:
the source gives it the same records, and settling messages twice does not either.

A micro-batch of valid messages with new keys, the usual one, is appended, beside Spark: it is in the driver's hands
anyway, and Spark takes seconds for what are six requests to S3. Any other is settled, which asks Spark five to ten
times as much. The keys that tell the two apart are kept in the driver: 4 bytes each, 40 MB for ten million.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES, Settings
from spark_jobs.beside import append, forget_soon, opened, tidy
from spark_jobs.cleaning import judge
from spark_jobs.merge import Settled, settle
from spark_jobs.tables import Store, Table
from spark_jobs.tally import Tally

if TYPE_CHECKING:
    import numpy.typing as npt
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

TRIGGER = "1 second"
"""How often a micro-batch may start: what an idle query costs is the number of times it asks."""
MOST = 20_000
"""Records of a micro-batch: they pass the driver's memory, some 600 bytes each."""


@dataclass(frozen=True)
class Streaming:
    """The streaming job's surroundings: a session of its own, and the settings."""

    spark: SparkSession
    settings: Settings
    _writing: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))
    """By a table's path: of a merge and a compaction at the same time only one would go through."""

    @property
    def store(self) -> Store:
        return Store(self.settings.tables_path, "stream", self.settings.pin_user_id)

    def prepare(self) -> None:
        """Create the tables that are not there yet."""
        for place in self._places:
            place.create(self._storage)
            forget_soon(place.path, self._storage)

    def records(self, table: str) -> DataFrame:
        """A table's stream, judged; its ``_source`` is stream, shard and sequence number."""
        options = {
            "streamName": self.settings.stream(table),
            "initialPosition": "trim_horizon",
            "maxRecordsPerTrigger": str(MOST),
            # who reads a shard to its end is told its children: a listing shows only a stream that was made anew
            "shardFetchInterval": "10s",
            **AwsAccess.of(self.settings).kinesis_source(),
        }
        # judged here and not in each micro-batch: a stream's plan is analysed once
        return judge(messages(self.spark.readStream.format("kinesis").options(**options).load()), table)

    def start(self, table: str, available_now: bool = False) -> StreamingQuery:
        """Start a table's query; with ``available_now`` it ends when all that is there is settled."""
        path = self.store.clean(table).path
        clean = opened(path, self._storage)
        settler = Settler(table, self.store, clean, Keys.of(clean), self._tally, self._writing[path])
        writer = (
            self.records(table)
            .writeStream.queryName(table)
            .option("checkpointLocation", f"{self.settings.checkpoint_path}/stream/{table}")
            .foreachBatch(settler)
        )
        trigger = writer.trigger(availableNow=True) if available_now else writer.trigger(processingTime=TRIGGER)
        return trigger.start()

    def tidy(self) -> None:
        """Put the tables' small files together and remove what nobody reads any more; what is small already is left."""
        for place in self._places:
            tidy(place.path, self._storage, self._writing[place.path])

    @property
    def _places(self) -> list[Table]:
        store = self.store
        return [*map(store.clean, TABLES), store.superseded, store.quarantine, store.runs]

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
    def of(cls, clean: DeltaTable) -> Keys:
        """Those of a clean table; read beside Spark, which takes ten seconds for the first of three."""
        return cls(clean.to_pyarrow_table(columns=["ind"])["ind"].to_numpy())

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
    clean: DeltaTable
    keys: Keys
    tally: Tally
    writing: Lock

    def __call__(self, arrived: DataFrame, number: int) -> None:
        spark = arrived.sparkSession
        rows = arrived.select("cleaned.*", "_source", (F.size("reasons") == 0).alias("valid")).toArrow()
        if not rows.num_rows:
            return
        good = rows.filter(rows["valid"]).drop_columns("valid")
        inds = good["ind"].to_numpy()
        with self.writing:
            if inds.size == rows.num_rows and self.keys.all_new(inds):
                append(self.clean, good)
                settled = Settled(inds.size, inds.size, 0, 0)
            else:
                settled = settle(spark, arrived, self.table, self.store)
                self.clean.update_incremental()  # an append to a version whose rows Spark has replaced is refused
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
