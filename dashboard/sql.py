"""SQL over the Delta tables: read-only, of the given tables and nothing else on this machine or beyond."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from pinpipe.errors import PinpipeError

SECONDS = 20.0
ROWS = 1000

CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",  # no files, no network, no other database, no extension
    "python_enable_replacements": "false",  # a name in a query is a table of ours, never a variable of this program
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "512MB",
    "max_temp_directory_size": "0B",
    "threads": "1",
    "lock_configuration": "true",
}


class QueryRefused(PinpipeError):
    """A query that can't be answered: not one SELECT, wrong, not allowed, or too long under way."""


@dataclass(frozen=True)
class Answered:
    """A query's rows by column name; ``cut`` when there were more of them."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    cut: bool


def query(tables: Mapping[str, Any], sql: str, limit: int = ROWS, seconds: float = SECONDS) -> Answered:
    """The first rows of one SELECT over Arrow tables or datasets, by name; raises :class:`QueryRefused`."""
    with duckdb.connect(":memory:", config=CONFIGURATION) as database:
        for name, table in tables.items():
            database.register(name, table)
        late = threading.Timer(seconds, database.interrupt)
        try:
            statements = database.extract_statements(sql)
            # the words of SHOW, DESCRIBE and SUMMARIZE are a SELECT for DuckDB, too
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryRefused("only one SELECT at a time is answered here: the tables are read, never written")
            late.start()
            found = database.execute(statements[0])
            columns = tuple(column[0] for column in found.description or ())
            rows = found.fetchmany(limit + 1)
        except duckdb.InterruptException:
            raise QueryRefused(f"the query was stopped after {seconds:.0f} s: ask for less") from None
        except duckdb.Error as error:
            raise QueryRefused(f"DuckDB refuses the query: {str(error).strip()}") from None
        finally:
            late.cancel()
    # two columns of one name would be one key
    names = tuple(name if name not in columns[:n] else f"{name}_{n}" for n, name in enumerate(columns))
    return Answered(names, [dict(zip(names, row, strict=True)) for row in rows[:limit]], len(rows) > limit)
