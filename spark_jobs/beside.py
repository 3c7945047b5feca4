"""Delta tables beside Spark, for small commits: Spark takes seconds for each, this a few requests to S3.

``storage`` are always the options of the ``deltalake`` package. What it raises becomes a :class:`TableFailed`, but for
its ``TableNotFoundError``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from pinpipe.errors import first_line
from spark_jobs.errors import TableFailed

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

MANY = 50
"""So many small files are put together."""
TARGET = 8 << 20
"""Bytes of a file that is left alone: what is put together is written anew each time until it has these."""
KEEP_HOURS = 1
"""How long a replaced file stays, for who reads an older version."""


CONFIGURATION = {"delta.checkpointInterval": "10"}
"""Spark's default; this package's is 100, and who opens a table reads each commit since the last checkpoint."""


def create(path: str, columns: StructType, storage: dict[str, str], partition: str | None = None) -> None:
    """Create an empty table, unless it is there."""
    with _told(path):
        DeltaTable.create(
            _uri(path),
            Schema.from_json(columns.json()),  # Delta's schemas are Spark's own
            mode="ignore",
            partition_by=partition,
            configuration=CONFIGURATION,
            storage_options=storage,
        )


def opened(path: str, storage: dict[str, str]) -> DeltaTable:
    """The table at a path as Spark writes it."""
    with _told(path):
        return DeltaTable(_uri(path), storage_options=storage)


def replace(path: str, rows: pa.Table, storage: dict[str, str]) -> None:
    """Make these the rows and the columns of the table at a path, whether it is there or not."""
    nullable = pa.schema([column.with_nullable(True) for column in rows.schema])
    with _told(path):
        write_deltalake(
            _uri(path),
            rows.cast(nullable),
            mode="overwrite",
            schema_mode="overwrite",
            configuration=CONFIGURATION,
            storage_options=storage,
        )


def append(table: DeltaTable, rows: pa.Table, transactions: Sequence[Transaction] = ()) -> None:
    """Add rows. Others may have added or compacted since it was opened; if they changed rows, update it first."""
    with _told(table.table_uri):
        write_deltalake(
            table,
            rows,
            mode="append",
            commit_properties=CommitProperties(app_transactions=list(transactions)),
            # it would list the whole log each time
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )


def forget_soon(path: str, storage: dict[str, str]) -> None:
    """Let a table keep the log of replaced files no longer than the files; Delta's own 30 days are two million commits.

    Not while others write: they would fail.
    """
    table = opened(path, storage)
    wanted = dict.fromkeys(
        ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"), f"interval {KEEP_HOURS} hours"
    )
    if not wanted.items() <= table.metadata().configuration.items():
        with _told(path):
            table.alter.set_table_properties(wanted)


def tidy(
    path: str,
    storage: dict[str, str],
    writing: AbstractContextManager[object] | None = None,
    keep_hours: int = KEEP_HOURS,
) -> bool:
    """Compact a table if it has many small files, and remove what the compactions before have replaced.

    ``writing`` is what keeps others from changing rows meanwhile; who appends is not in the way. Whether anything was
    done.
    """
    table = opened(path, storage)
    with _told(path):
        sizes = table.get_add_actions(flatten=True).column("size_bytes").to_pylist()
        if sum(size < TARGET for size in sizes) < MANY:
            return False
        with writing or nullcontext():
            table.update_incremental()
            table.optimize.compact(target_size=TARGET)
        table.vacuum(keep_hours, dry_run=False, enforce_retention_duration=False, full=True)
        table.cleanup_metadata()
    return True


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Errors as one line, but for a table that is not there."""
    try:
        yield
    except TableNotFoundError:
        raise
    except (DeltaError, OSError) as error:
        raise TableFailed(
            f"Delta table {path}: {first_line(error)}; see 'pinpipe status', then run it again: it goes on where it "
            "stopped"
        ) from error


def _uri(path: str) -> str:
    # the object store's own scheme is s3; s3a is Hadoop's
    return path.replace("s3a://", "s3://")
