"""Reads the Delta tables without a JVM: counts from the log, rows of small tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pinpipe.aws import AwsAccess
from pinpipe.settings import Settings

File = Mapping[str, Any]
"""What the log says of a data file: ``num_records``, ``min.…`` and ``max.…`` of columns, ``partition.…``."""


def open_table(settings: Settings, path: str) -> Any:
    """The table at ``path`` (below ``PIN_TABLES_PATH``), or None when there is none."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    # the object store's own scheme is s3; s3a is Hadoop's
    place = f"{settings.tables_path}/{path}".replace("s3a://", "s3://")
    try:
        return DeltaTable(place, storage_options=AwsAccess.of(settings).delta_rs())
    except TableNotFoundError:
        return None


def files(settings: Settings, path: str) -> list[dict[str, Any]]:
    """What a table's log says of each of its files; nothing when there is no table."""
    opened = open_table(settings, path)
    if opened is None:
        return []
    return _as_rows(opened.get_add_actions(flatten=True))


def count(log: Iterable[File], table: str | None = None) -> int:
    """The rows of a table's files, or of those in its partition ``table``."""
    return sum(file["num_records"] for file in log if table is None or file["partition.table"] == table)


def loaded(log: Iterable[File]) -> dict[int, int] | None:
    """Of a raw table's files: partition to its highest offset; None where the log can't tell."""
    highest: dict[int, int] = {}
    for file in log:
        partition, offset = file.get("min._source.partition"), file.get("max._source.offset")
        if partition is None or partition != file["max._source.partition"] or offset is None:
            return None  # several partitions in one file
        highest[partition] = max(offset, highest.get(partition, 0))
    return highest


def read_by_stream(log: Iterable[File]) -> dict[str, int] | None:
    """Of the files of ``runs/stream``: table to the records that were read; None where the log can't tell.

    It can where all rows of a file have the same values, as when a micro-batch has written one row.
    """
    found: dict[str, int] = {}
    for file in log:
        table, read = file.get("min.table"), file.get("min.read")
        if table is None or read is None or (table, read) != (file["max.table"], file["max.read"]):
            return None
        found[table] = found.get(table, 0) + read * file["num_records"]
    return found


def rows(settings: Settings, path: str) -> list[dict[str, Any]] | None:
    """All rows of a small table as dictionaries; None when there is no table."""
    opened = open_table(settings, path)
    return None if opened is None else list(opened.to_pyarrow_dataset().to_table().to_pylist())


def query(settings: Settings, path: str, sql: str) -> list[dict[str, Any]]:
    """The rows that SQL finds in a table, which it calls ``found``; none when there is no table."""
    opened = open_table(settings, path)
    return [] if opened is None else _query(opened, sql)


def newest_rows(settings: Settings, path: str, column: str) -> list[dict[str, Any]]:
    """The rows of a table whose time in ``column`` is its last one, or up to a second before; reads no others."""
    opened = open_table(settings, path)
    if opened is None:
        return []
    log = _as_rows(opened.get_add_actions(flatten=True))
    times = [file[f"max.{column}"] for file in log if file[f"max.{column}"] is not None]
    if not times:
        return []
    # a second: Spark writes the log's times in whole milliseconds
    since = (max(times) - timedelta(seconds=1)).isoformat()
    return _query(opened, f"SELECT * FROM found WHERE {column} >= '{since}'")


def _query(opened: Any, sql: str) -> list[dict[str, Any]]:
    """Without pyarrow, whose import takes as long as all else that a command does."""
    from deltalake import QueryBuilder

    return _as_rows(QueryBuilder().register("found", opened).execute(sql).read_all())


def _as_rows(table: Any) -> list[dict[str, Any]]:
    """An Arrow table of the deltalake package's own kind."""
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]
