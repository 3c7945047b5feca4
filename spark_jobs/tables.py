"""The Delta tables: where each one is, its columns, and the few operations that are done to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spark_jobs.schemas import CLEANED, KAFKA_SOURCE, KINESIS_SOURCE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Table:
    """One Delta table: its place and its columns as Spark DDL."""

    path: str
    columns: str
    partition: str | None = None

    def create(self, spark: SparkSession) -> None:
        """Create it, empty, unless it is there."""
        partitioned = f" PARTITIONED BY ({self.partition})" if self.partition else ""
        spark.sql(f"CREATE TABLE IF NOT EXISTS delta.`{self.path}` ({self.columns}) USING delta{partitioned}")

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

    @property
    def _source_ddl(self) -> str:
        return f"_source {self.source.simpleString()}"

    def raw(self, table: str) -> Table:
        """Every message as it arrived, with its coordinate."""
        return Table(f"{self.root}/raw/{table}", f"raw BINARY, {self._source_ddl}")

    def clean(self, table: str) -> Table:
        """One row per ``ind``: the newest valid message, cleaned."""
        name = table if self.way == "batch" else f"{self.user_id}_{table}_table"
        return Table(f"{self.root}/{self.way}/{name}", f"{_ddl(CLEANED[table])}, {self._source_ddl}")

    @property
    def superseded(self) -> Table:
        """Valid messages that a newer one of the same ``ind`` replaced. Partitioned, so that tables don't collide."""
        return Table(f"{self.root}/superseded/{self.way}", f"table STRING, ind INT, {self._source_ddl}", "table")

    @property
    def quarantine(self) -> Table:
        """Messages that are not valid, byte for byte, with the reasons and the time (UTC) they were put there."""
        return Table(
            f"{self.root}/quarantine/{self.way}",
            f"table STRING, raw BINARY, {self._source_ddl}, reasons ARRAY<STRING>, quarantined_at TIMESTAMP",
            "table",
        )

    @property
    def runs(self) -> Table:
        """The counts of each batch run and table; or of each micro-batch, by query and number, which has no repeats.

        A table for each path: Delta on S3 wants one writing process per table.
        """
        return Table(
            f"{self.root}/runs/{self.way}",
            "run_id STRING, table STRING, finished_at TIMESTAMP, read BIGINT, clean BIGINT, superseded BIGINT, "
            "quarantined BIGINT, repeats BIGINT",
        )


def _ddl(columns: StructType) -> str:
    # StructType.toDDL wants a session of the calling thread
    return ", ".join(f"{column.name} {column.dataType.simpleString()}" for column in columns)
