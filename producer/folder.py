"""A person's own copy of the tables: a folder with ``pinterest_data``, ``geolocation_data`` and ``user_data``.

Each is a ``.csv`` with a header line, or a ``.jsonl`` with one object a line; UTF-8, with or without a byte order mark.
Columns may come in any order, all of them and no others. The three need not have the same number of rows: a post may
lack a row in one or two of them, but some post must be in all three, or no answer could be computed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from producer.errors import FolderError
from producer.tables import TABLES, GeoRow, PinRow, Row, Table, Tables, UserRow, key_of
from producer.values import CONVERTERS

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def read_folder(folder: Path) -> Tables:
    """Read the three tables, sorted by key.

    Raises :class:`~producer.errors.FolderError`, one line with file, line and column, for the first thing that does
    not fit: a missing or doubled file, other bytes than UTF-8, unknown or missing columns, a value of another type, a
    key that occurs twice, and tables that have no post in common.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder: name the one that holds pinterest_data.csv and the two others")
    paths = {table.name: _find(folder, table) for table in TABLES.values()}
    rows = {name: _read_table(path, TABLES[name]) for name, path in paths.items()}
    tables = Tables(
        pin=cast(list[PinRow], rows["pin"]), geo=cast(list[GeoRow], rows["geo"]), user=cast(list[UserRow], rows["user"])
    )
    if not posts_in_all(tables):
        counts = ", ".join(f"{paths[name].name} has {len(found):,} rows" for name, found in rows.items())
        raise FolderError(f"no key is in all three files of {folder}: {counts}, of different posts")
    return tables


def posts_in_all(tables: Tables) -> int:
    """How many posts have a row in each of the three tables."""
    keys = [{key_of(row) for row in tables.rows(name)} for name in TABLES]
    return len(set.intersection(*keys))


def _find(folder: Path, table: Table) -> Path:
    names = (f"{table.mysql_name}.csv", f"{table.mysql_name}.jsonl")
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise FolderError(f"{folder} holds neither {names[0]} nor {names[1]}: add one of them")
    if len(found) > 1:
        raise FolderError(f"{folder} holds both {names[0]} and {names[1]}: keep one of them")
    return found[0]


def _read_table(path: Path, table: Table) -> list[Row]:
    text = _decoded(path)
    records = _csv_records(path, text, table) if path.suffix == ".csv" else _json_records(path, text, table)
    rows: dict[int, Row] = {}
    lines: dict[int, int] = {}
    for line, record in records:
        row = _row(path, line, record, table)
        key = key_of(row)
        if key < 0:
            raise FolderError(f"{path.name} line {line}, column {table.key}: {key} is below 0")
        if key in rows:
            raise FolderError(f"{path.name} line {line}, column {table.key}: {key} is in line {lines[key]} already")
        rows[key], lines[key] = row, line
    if not rows:
        raise FolderError(f"{path.name} holds no rows")
    return [rows[key] for key in sorted(rows)]


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FolderError(f"{path.name} can't be read: {error.strerror}") from None
    try:
        return data.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FolderError(
            f"{path.name} line {line}: byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        ) from None


def _csv_records(path: Path, text: str, table: Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows with the line each starts in; a quoted value may span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        header = next(reader, [])
        _check_columns(path, 1, header, table)
        start = reader.line_num + 1
        for values in reader:
            if values:  # an empty line is no row
                if len(values) != len(header):
                    raise FolderError(
                        f"{path.name} line {start}: {len(values)} values for {len(header)} columns"
                        " (a value that holds a comma or a newline needs quotes)"
                    )
                yield start, dict(zip(header, values, strict=True))
            start = reader.line_num + 1
    except csv.Error as error:
        raise FolderError(f"{path.name} line {start}: not CSV ({error})") from None


def _json_records(path: Path, text: str, table: Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, record in enumerate(text.split("\n"), start=1):  # splitlines() would cut at U+2028 inside strings too
        if not record.strip():
            continue
        try:
            found = json.loads(record)
        except (ValueError, RecursionError) as error:
            raise FolderError(f"{path.name} line {line}: not JSON ({error})") from None
        if not isinstance(found, dict):
            raise FolderError(f"{path.name} line {line}: not a JSON object")
        _check_columns(path, line, list(found), table)
        yield line, found


def _check_columns(path: Path, line: int, names: list[str], table: Table) -> None:
    for place, name in enumerate(names):
        if name not in table.columns:
            raise FolderError(
                f"{path.name} line {line}, column {name!r}: unknown; the columns are {', '.join(table.columns)}"
            )
        if name in names[:place]:
            raise FolderError(f"{path.name} line {line}, column {name!r}: occurs twice")
    for name in table.columns:
        if name not in names:
            raise FolderError(f"{path.name} line {line}, column {name!r}: missing")


def _row(path: Path, line: int, record: Mapping[str, Any], table: Table) -> Row:
    values = []
    for name, kind in table.columns.items():
        try:
            values.append(CONVERTERS[kind](record[name]))
        except ValueError as error:
            raise FolderError(f"{path.name} line {line}, column {name}: {error}") from None
    return table.row_type(*values)
