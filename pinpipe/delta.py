"""Reads the Delta tables without a JVM: counts from the log, rows of small tables."""

from __future__ import annotations

from typing import Any

from pinpipe.aws import AwsAccess
from pinpipe.settings import Settings


def _open(settings: Settings, path: str) -> Any:
    """The table, or None when there is none at ``path`` (below ``PIN_TABLES_PATH``)."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    # the object store's own scheme is s3; s3a is Hadoop's
    place = f"{settings.tables_path}/{path}".replace("s3a://", "s3://")
    try:
        return DeltaTable(place, storage_options=AwsAccess.of(settings).delta_rs())
    except TableNotFoundError:
        return None


def count(settings: Settings, path: str, table: str | None = None) -> int:
    """The rows of a table, or of its partition ``table``, from the log's statistics; 0 when there is no table."""
    import pyarrow as pa

    opened = _open(settings, path)
    if opened is None:
        return 0
    files = pa.table(opened.get_add_actions(flatten=True)).to_pylist()
    return sum(file["num_records"] for file in files if table is None or file["partition.table"] == table)


def rows(settings: Settings, path: str) -> list[dict[str, Any]] | None:
    """All rows of a small table as dictionaries, or None when there is no table."""
    opened = _open(settings, path)
    if opened is None:
        return None
    found: list[dict[str, Any]] = opened.to_pyarrow_table().to_pylist()
    return found
