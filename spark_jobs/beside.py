"""Delta tables beside Spark, for many small commits: Spark takes seconds for each, this a few requests to S3.

``storage`` are always the options of the ``deltalake`` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, write_deltalake

if TYPE_CHECKING:
    import pyarrow as pa

MANY = 50
"""So many small files are put together."""
TARGET = 8 << 20
"""Bytes of a file that is left alone: what is put together is written anew each time until it has these."""
KEEP_HOURS = 1
"""How long a replaced file stays, for who reads an older version."""


def opened(path: str, storage: dict[str, str]) -> DeltaTable:
    """The table at a path as Spark writes it."""
    # the object store's own scheme is s3; s3a is Hadoop's
    return DeltaTable(path.replace("s3a://", "s3://"), storage_options=storage)


def append(table: DeltaTable, rows: pa.Table, transactions: Sequence[Transaction] = ()) -> None:
    """Add rows. Others may have added or compacted since it was opened; if they changed rows, update it first."""
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
        table.alter.set_table_properties(wanted)


def tidy(
    path: str,
    storage: dict[str, str],
    writing: AbstractContextManager[object] | None = None,
    keep_hours: int = KEEP_HOURS,
) -> bool:
    """Compact a table if it has many small files, and remove what the compactions before have replaced.

    ``writing`` is what keeps others from changing rows meanwhile; who appends is not in the way. Whether anything was
    done; deltalake's ``DeltaError``, or ``OSError``, where it could not be.
    """
    table = opened(path, storage)
    sizes = table.get_add_actions(flatten=True).column("size_bytes").to_pylist()
    if sum(size < TARGET for size in sizes) < MANY:
        return False
    with writing or nullcontext():
        table.update_incremental()
        table.optimize.compact(target_size=TARGET)
    table.vacuum(keep_hours, dry_run=False, enforce_retention_duration=False, full=True)
    table.cleanup_metadata()
    return True
