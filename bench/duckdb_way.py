"""The same in DuckDB, on the same files: the oracle's SQL, with each object's fields read once, as columns of text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from tests.support.oracle import ANSWERS, CLEANED, COUNTED, FOLLOWERS

FIELDS = {
    "pin": (
        "index unique_id title description poster_name follower_count tag_list is_image_or_video image_src "
        "save_location category"
    ),
    "geo": "ind timestamp latitude longitude country",
    "user": "ind first_name last_name age date_joined",
}


def clean(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database with the cleaned tables."""
    db = duckdb.connect()
    db.execute("set TimeZone = 'UTC'")
    for table, fields in FIELDS.items():
        columns = ", ".join(f'"{name}": varchar' for name in fields.split())
        db.execute(f"""
            create view arrived_{table} as select row_number() over () as arrival, * from
            read_json('{folder}/{table}/*.json', format = 'newline_delimited', columns = {{{columns}}})
        """)  # nosec B608  # the bench's own folder and names
    db.execute(re.sub(r"post->>'(\w+)'", r'"\1"', CLEANED))
    return db


def answers(db: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    db.execute(FOLLOWERS["user"])
    return {
        number: db.sql(sql.replace("{counted}", COUNTED["user"])).to_arrow_table().to_pylist()
        for number, sql in ANSWERS.items()
    }
