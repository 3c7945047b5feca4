"""Quarantined messages out to a file, repaired ones back in through the gateway.

The file has a JSON object a line: the message's coordinate and reasons, its bytes as ``raw`` (``raw_base64`` where they
are no UTF-8), and ``repaired``, null until a person puts the right record there.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from pinpipe import delta
from pinpipe.errors import PinpipeError
from pinpipe.settings import Settings, TableName

KEYS: dict[TableName, str] = {"pin": "index", "geo": "ind", "user": "ind"}


def quarantined(settings: Settings, table: TableName) -> list[dict[str, Any]]:
    """The quarantined messages of a table, in the order of their coordinates, as the file has them."""
    rows = [row for row in delta.rows(settings, "quarantine/batch") or [] if row["table"] == table]
    rows.sort(key=lambda row: (row["_source"]["partition"], row["_source"]["offset"]))
    return [{**row["_source"], "reasons": row["reasons"], **_shown(row["raw"]), "repaired": None} for row in rows]


def _shown(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def repaired(file: Path, table: TableName) -> list[tuple[int, dict[str, Any]]]:
    """The repaired records of a file with their keys; :class:`PinpipeError` names the first line that is off."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PinpipeError(f"{file} can't be read: {error}") from None
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            record = entry["repaired"]
            if record is None:
                continue
            records.append((int(record[KEYS[table]]), record))
        except (ValueError, KeyError, TypeError):
            raise PinpipeError(
                f"{file} line {number}: 'repaired' must be null or an object with an integer {KEYS[table]!r}"
            ) from None
    return records
