"""Which objects below ``topics/`` the batch reads: the sink's, by their names, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_jobs.batch import OBJECT, messages

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

STRANGERS = (
    "partition=0/notes+of+mine.json",
    "partition=0/a+b+c.json",
    "partition=0/t.pin+0+99999999999999999999.json",
    "partition=99999999999/t.pin+99999999999+0000000000.json",
    "partition=0/t.pin+1+0000000000.json",
    "partition=0/other+0+0000000000.json",
    "partition=0/t.pin+0+5.json",
    "partition=0/sub/t.pin+0+0000000700.json",
    "t.pin+0+0000000600.json",
    "other=1/t.pin+1+0000000000.json",
)


def test_objects_that_are_not_named_as_the_sinks_are_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "topics" / "t.pin"
    objects = {
        "partition=0/t.pin+0+0000000007.json": b"a\n\nb\n",
        "partition=3/t.pin+3+12345678901.json": b"\xff\xfe\n",
    }
    for name, content in {**objects, **dict.fromkeys(STRANGERS, b"{}\n")}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    read = spark.read.format("binaryFile").schema(OBJECT)
    rows = messages(read.options(pathGlobFilter="*+*+*.json", recursiveFileLookup="true").load(str(folder))).collect()
    found = {(row["_source"]["partition"], row["_source"]["offset"]): bytes(row["raw"]) for row in rows}
    assert found == {(0, 7): b"a", (0, 8): b"", (0, 9): b"b", (3, 12345678901): b"\xff\xfe"}
    assert {row["_source"]["topic"] for row in rows} == {"t.pin"}
