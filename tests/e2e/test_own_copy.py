"""A person's own copy of the tables: seeded from files, sent, and answered as the oracle answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.dirty import TRAPS
from tests.support.oracle import oracle_answers
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e

FILES = {"pin": ("pinterest_data", "index"), "geo": ("geolocation_data", "ind"), "user": ("user_data", "ind")}


def test_rows_loaded_from_a_folder_are_answered_as_the_oracle_does(
    new_user: Callable[[], Pipeline], tmp_path: Path
) -> None:
    """The rows that show each known mistake; a database has one row per key, so the newest of each."""
    own = {table: list({row[key]: row for row in TRAPS[table]}.values()) for table, (_, key) in FILES.items()}
    for table, (name, _) in FILES.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in own[table]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pipeline = new_user()
    pipeline.run("seed", "--from", str(tmp_path))
    pipeline.run("post", "--all")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    assert pipeline.json("answers") == oracle_answers(own)
