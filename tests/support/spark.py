"""From rows or bytes to messages as they lie in Kafka, to cleaned tables, to plain Python values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.cleaning import split
from spark_jobs.quality import ranks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Rows = Mapping[str, Iterable[Mapping[str, Any]]]


def messages(spark: SparkSession, payloads: Iterable[bytes]) -> DataFrame:
    """A topic of one partition: ``raw`` and ``_source``."""
    records = [
        {"raw": payload, "_source": {"topic": "demo.pin", "partition": 0, "offset": offset}}
        for offset, payload in enumerate(payloads)
    ]
    source = pa.struct([("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    schema = pa.schema([("raw", pa.binary()), ("_source", source)])
    return spark.createDataFrame(pa.Table.from_pylist(records, schema))


def as_json(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=False).encode() for row in rows]


def tables(spark: SparkSession, rows: Rows) -> dict[str, DataFrame]:
    """The cleaned tables, one row per ``ind``, of rows in the order of their arrival."""
    return of_payloads(spark, {table: as_json(rows[table]) for table in rows})


def of_payloads(spark: SparkSession, payloads: Mapping[str, Iterable[bytes]]) -> dict[str, DataFrame]:
    """The same from the messages' bytes."""
    found = {}
    for table, arrived in payloads.items():
        good, _ = split(messages(spark, arrived), table)
        found[table] = ranks(good, "ind").where("_rank = 1").drop("_source", "_rank")
    return found


def values(frame: DataFrame, *order: str) -> list[dict[str, Any]]:
    """A frame's rows as dictionaries, times with their zone; sorted if asked to."""
    rows: Sequence[dict[str, Any]] = frame.toArrow().to_pylist()
    return sorted(rows, key=lambda row: tuple(row[column] for column in order)) if order else list(rows)
