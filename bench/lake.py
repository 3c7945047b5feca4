"""Generated rows as the sink lays them down: objects of some records, in a folder for each topic's partition.

The same objects are written once below ``.pinpipe/bench`` and put from there into LocalStack's S3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from pinpipe.settings import ROOT, TABLES, Settings
from producer.generate import generate
from producer.tables import as_record

GENERATED = 100_000
"""Rows that are generated at most: a larger table is these again and again, each time of other posters and users."""


@dataclass(frozen=True)
class Lake:
    """``rows`` records of each table in objects of ``size``, below ``folder``."""

    rows: int
    size: int

    @property
    def folder(self) -> Path:
        return ROOT / ".pinpipe" / "bench" / f"{self.rows}x{self.size}"

    def files(self, table: str) -> list[Path]:
        return sorted(self.folder.glob(f"{table}/*.json"))

    def make(self) -> Lake:
        """Write the files, unless they are there."""
        if not (self.folder / "done").exists():
            rmtree(self.folder, ignore_errors=True)
            made = {table: records(table, self.rows) for table in TABLES}
            for table in TABLES:
                (self.folder / table).mkdir(parents=True)
                for first in range(0, self.rows, self.size):
                    with (self.folder / table / f"{first:010}.json").open("w") as lines:
                        for _, record in zip(range(self.size), made[table], strict=False):
                            lines.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            (self.folder / "done").touch()
        return self

    def upload(self, s3: Any, settings: Settings) -> None:
        """Put the objects into the settings' bucket, which is made."""
        s3.create_bucket(Bucket=settings.bucket)

        def put(file: Path) -> None:
            topic = settings.topic(file.parent.name)
            s3.upload_file(str(file), settings.bucket, f"topics/{topic}/partition=0/{topic}+0+{file.name}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, [file for table in TABLES for file in self.files(table)]))

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for table in TABLES for file in self.files(table))


def records(table: str, rows: int) -> Iterator[dict[str, Any]]:
    """A table's records in the order of their keys."""
    first: list[dict[str, Any]] = [as_record(row) for row in _generated(min(rows, GENERATED)).rows(table)]
    for ind in range(rows):
        turn, place = divmod(ind, GENERATED)
        yield first[place] if turn == 0 else _other(first[place], turn, ind)


def _other(record: dict[str, Any], turn: int, ind: int) -> dict[str, Any]:
    if "index" in record:
        named = (
            record["poster_name"] if record["poster_name"] == "User Info Error" else f"{record['poster_name']} {turn}"
        )
        return {**record, "index": ind, "unique_id": f"{turn:08x}{record['unique_id'][8:]}", "poster_name": named}
    return {**record, "ind": ind} | ({"last_name": f"{record['last_name']} {turn}"} if "last_name" in record else {})


_made: dict[int, Any] = {}


def _generated(rows: int) -> Any:
    if rows not in _made:
        _made[rows] = generate(rows)
    return _made[rows]
