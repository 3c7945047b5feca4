"""The Delta tables as the page takes them: by plain names, read without a JVM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dashboard.sql import query
from pinpipe import delta
from pinpipe.settings import TABLES, Settings
from spark_jobs.answers import ANSWERS, Answer, sort_rows

QUARANTINED = 200
"""Rows that the quarantine browser shows, the newest."""


def paths(settings: Settings) -> dict[str, str]:
    """A table's name in SQL to its place below ``PIN_TABLES_PATH``."""
    found = {f"raw_{table}": f"raw/{table}" for table in TABLES}
    found |= {f"batch_{table}": f"batch/{table}" for table in TABLES}
    found |= {f"stream_{table}": f"stream/{settings.pin_user_id}_{table}_table" for table in TABLES}
    for place in ("superseded", "quarantine", "runs"):
        found |= {f"{place}_{way}": f"{place}/{way}" for way in ("batch", "stream")}
    return found | {f"answer_{answer.number}": f"answers/{answer.name}" for answer in ANSWERS}


def named(settings: Settings, sql: str) -> list[str]:
    """The tables whose names are in a query: opening one costs a look at its log."""
    words = set(re.findall(r"\w+", sql))
    return [name for name in paths(settings) if name in words]


def datasets(settings: Settings, *names: str) -> dict[str, Any]:
    """Tables that are there, these or all, as Arrow datasets: nothing is read before it is asked for."""
    wanted = {name: path for name, path in paths(settings).items() if not names or name in names}
    with ThreadPoolExecutor(max_workers=8) as pool:
        opened = pool.map(lambda path: delta.open_table(settings, path), wanted.values())
        return {name: table.to_pyarrow_dataset() for name, table in zip(wanted, opened, strict=True) if table}


def answers(settings: Settings) -> dict[Answer, list[Mapping[str, Any]]]:
    """The answers that are there, each with its rows in its order."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        read = pool.map(lambda answer: delta.rows(settings, f"answers/{answer.name}"), ANSWERS)
        return {
            answer: list(sort_rows(answer, rows))
            for answer, rows in zip(ANSWERS, read, strict=True)
            if rows is not None
        }


def reasons(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How many messages are in quarantine for each path, table and reason; the most frequent first."""
    if not tables:
        return []
    each = " UNION ALL ".join(
        f"SELECT '{name.removeprefix('quarantine_')}' AS path, \"table\", unnest(reasons) AS reason FROM {name}"
        for name in tables
    )
    sql = f'SELECT path, "table", reason, count(*) AS messages FROM ({each}) GROUP BY ALL ORDER BY ALL'
    return sorted(query(tables, sql).rows, key=lambda row: -row["messages"])


def quarantined(tables: Mapping[str, Any], reason: str | None = None) -> list[dict[str, Any]]:
    """The newest messages in quarantine, of one reason or all: their bytes as text, why, when, from where.

    Bytes that are no UTF-8 are shown as ``\\xNN``.
    """
    found = []
    for name, table in tables.items():
        asked = query(
            {name: table},
            f'SELECT "table", reasons, raw, quarantined_at, CAST(_source AS VARCHAR) AS source FROM {name} '
            f"{_having(reason)} ORDER BY quarantined_at DESC",
            limit=QUARANTINED,
        )
        found += [{"path": name.removeprefix("quarantine_"), **row} for row in asked.rows]
    found.sort(key=lambda row: row["quarantined_at"], reverse=True)
    return [
        {
            "path": row["path"],
            "table": row["table"],
            "reasons": ", ".join(row["reasons"]),
            "raw": bytes(row["raw"]).decode(errors="backslashreplace"),
            "quarantined at": row["quarantined_at"].isoformat(sep=" ", timespec="seconds"),
            "source": row["source"],
        }
        for row in found[:QUARANTINED]
    ]


def _having(reason: str | None) -> str:
    return "" if reason is None else "WHERE list_contains(reasons, '{}')".format(reason.replace("'", "''"))
