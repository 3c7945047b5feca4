"""The counts of the stream's micro-batches, written beside Spark: a commit by Spark costs as much as a micro-batch."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pyarrow as pa
from deltalake import Schema, Transaction

from spark_jobs.beside import append, opened
from spark_jobs.merge import Settled
from spark_jobs.schemas import RUNS

COLUMNS = pa.schema(Schema.from_json(RUNS.json()).to_arrow())
"""The table's columns as Arrow has them."""


class Tally:
    """The ``runs`` table at ``path``, one row for each query and micro-batch; used by the queries' threads.

    ``storage`` are the options of the ``deltalake`` package. The table must be there; nobody else adds rows to it.
    """

    def __init__(self, path: str, storage: dict[str, str]) -> None:
        self._table = opened(path, storage)
        self._lock = threading.Lock()

    def add(self, query: str, number: int, table: str, settled: Settled) -> None:
        """Append the counts of a micro-batch, unless they are there: one that is done again has no second row."""
        row = (f"{query}:{number}", table, datetime.now(UTC), *settled, None)
        with self._lock:
            last = self._table.transaction_version(query)
            if last is None or last < number:
                rows = pa.Table.from_pylist([dict(zip(COLUMNS.names, row, strict=True))], COLUMNS)
                append(self._table, rows, [Transaction(query, number)])
