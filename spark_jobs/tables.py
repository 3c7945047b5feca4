"""The Delta tables: where each one is, its columns, and the few operations that are done to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyspark import StorageLevel
from pyspark.sql.types import StructField, StructType

from spark_jobs import beside
from spark_jobs.schemas import CLEANED, KAFKA_SOURCE, KINESIS_SOURCE, QUARANTINED, RAW, RUNS, SUPERSEDED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Table:
    """One Delta table: its place and its columns."""

    path: str
    columns: StructType
    partition: str | None = None

    def create(self, storage: dict[str, str]) -> None:
        """Create it, empty, unless it is there; ``storage`` as in :mod:`spark_jobs.beside`."""
        beside.create(self.path, self.columns, storage, self.partition)

    def read(self, spark: SparkSession) -> DataFrame:
        return spark.read.format("delta").load(self.path)

    def append(self, rows: DataFrame) -> None:
        rows.write.format("delta").mode("append").save(self.path)


@dataclass(frozen=True)
class Store:
    """The tables of one path, ``batch`` or ``stream``, below ``root`` (``PIN_TABLES_PATH``)."""

    root: str
    way: Literal["batch", "stream"]
    user_id: str

    @property
    def source(self) -> StructType:
        """The coordinate of a message: topic, partition, offset; or stream, shard, sequence number."""
        return KAFKA_SOURCE if self.way == "batch" else KINESIS_SOURCE

    def raw(self, table: str) -> Table:
        """Every message as it arrived, with its coordinate."""
        return Table(f"{self.root}/raw/{table}", self._with_source(RAW))

    def clean(self, table: str) -> Table:
        """One row per ``ind``: the newest valid message, cleaned."""
        name = table if self.way == "batch" else f"{self.user_id}_{table}_table"
        return Table(f"{self.root}/{self.way}/{name}", self._with_source(CLEANED[table]))

    @property
    def superseded(self) -> Table:
        """Valid messages that a newer one of the same ``ind`` replaced. Partitioned, so that tables don't collide."""
        return Table(f"{self.root}/superseded/{self.way}", self._with_source(SUPERSEDED), "table")

    @property
    def quarantine(self) -> Table:
        """Messages that are not valid, byte for byte, with the reasons and the time (UTC) they were put there."""
        return Table(f"{self.root}/quarantine/{self.way}", self._with_source(QUARANTINED), "table")

    @property
    def runs(self) -> Table:
        """The counts of each batch run and table; or of each micro-batch, by query and number, which has no repeats.

        A table for each path: Delta on S3 wants one writing process per table.
        """
        return Table(f"{self.root}/runs/{self.way}", RUNS)

    def _with_source(self, columns: StructType) -> StructType:
        return StructType([*columns, StructField("_source", self.source)])


def kept(rows: DataFrame) -> DataFrame:
    """The rows as they are now, computed once, on local disk.

    In memory, which is Spark's default, what a task reads can't be evicted, and what the tasks of all tables read is
    all that there is: an aggregation then finds no memory for its first page (3 x 1,000,000 messages, heap of 1 GB).
    """
    return rows.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
