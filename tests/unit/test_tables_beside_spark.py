"""What is done to Delta tables beside Spark, on this machine's disk."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake.exceptions import TableNotFoundError

from spark_jobs.beside import append, create, opened, replace
from spark_jobs.errors import TableFailed
from spark_jobs.schemas import RAW
from spark_jobs.tables import Store

pytestmark = pytest.mark.unit


def test_a_table_has_the_columns_and_partitions_that_it_is_declared_with(tmp_path: Path) -> None:
    quarantine = Store(f"{tmp_path}", "batch", "alice").quarantine
    quarantine.create({})
    made = opened(quarantine.path, {})
    assert json.loads(made.schema().to_json()) == json.loads(quarantine.columns.json())
    assert made.metadata().partition_columns == ["table"]
    assert made.metadata().configuration == {"delta.checkpointInterval": "10"}


def test_a_table_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    path = f"{tmp_path}/messages"
    create(path, RAW, {})
    append(opened(path, {}), pa.table({"raw": [b"{}"]}))
    create(path, RAW, {})
    assert opened(path, {}).version() == 1
    assert opened(path, {}).to_pyarrow_table().to_pydict() == {"raw": [b"{}"]}


def test_rows_that_replace_others_bring_their_own_columns(tmp_path: Path) -> None:
    path = f"{tmp_path}/answer"
    replace(path, pa.table({"country": ["France"], "posts": [3]}), {})
    needed = pa.schema([pa.field("country", pa.string(), nullable=False)])
    replace(path, pa.table({"country": ["Peru", "Chad"]}, needed), {})
    assert opened(path, {}).to_pyarrow_table().to_pydict() == {"country": ["Peru", "Chad"]}
    # Spark writes no other: a column that may never be NULL could not become one that may
    assert all(column.nullable for column in opened(path, {}).schema().fields)


def test_a_table_that_is_not_there_is_told_apart_from_one_that_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(TableNotFoundError):
        opened(f"{tmp_path}", {})
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "max_retries": "0",
    }  # fmt: skip
    with pytest.raises(TableFailed) as told:
        create("s3a://lake/raw", RAW, nowhere)
    assert str(told.value).startswith("Delta table s3a://lake/raw: ")
    assert "\n" not in str(told.value)
    assert str(told.value).endswith("; see 'pinpipe status', then run it again: it goes on where it stopped")
