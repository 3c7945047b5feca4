"""A person's own copy of the tables: seeded from files, sent, and answered as the oracle answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.oracle import oracle_answers
from tests.support.pipeline import Pipeline
from tests.support.traps import EXPECTED, hand_made_rows

pytestmark = pytest.mark.e2e

FILES = {"pin": "pinterest_data", "geo": "geolocation_data", "user": "user_data"}


def test_rows_loaded_from_a_folder_are_answered_as_the_oracle_does(
    new_user: Callable[[], Pipeline], tmp_path: Path
) -> None:
    """Rows on which each known mistake gives another answer."""
    own = hand_made_rows()
    for table, name in FILES.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in own[table]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pipeline = new_user()
    pipeline.run("seed", "--from", str(tmp_path))
    pipeline.run("post", "--all")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    assert pipeline.json("answers") == oracle_answers(own) == EXPECTED
