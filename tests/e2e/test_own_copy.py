"""A person's own copy of the tables: seeded from files, sent both ways, and answered as the oracle answers."""

from __future__ import annotations

import pytest

from pinpipe import delta
from pinpipe.settings import TABLES
from tests.support.oracle import oracle_answers
from tests.support.pipeline import Pipeline
from tests.support.traps import EXPECTED, hand_made_rows

pytestmark = [pytest.mark.e2e, pytest.mark.aws]


def test_rows_loaded_from_a_folder_are_answered_as_the_oracle_does(own_copy: Pipeline) -> None:
    assert own_copy.json("answers") == oracle_answers(hand_made_rows()) == EXPECTED


def test_every_row_is_where_it_belongs_on_both_paths(own_copy: Pipeline) -> None:
    status, rows = own_copy.json("status"), hand_made_rows()
    for table in TABLES:
        sent, bad = len(rows[table]), int(table == "pin")  # its category is a blank
        counts, streamed = status["batch"][table], status["stream"][table]
        assert [counts[name] for name in ("source", "topic", "lake")] == [sent] * 3
        assert [counts[name] for name in ("superseded", "dead_letters", "tombstones", "repeats")] == [0] * 4
        assert (counts["clean"], counts["quarantined"]) == (sent - bad, bad)
        assert [streamed[name] for name in ("read", "clean", "quarantined")] == [sent, sent - bad, bad]


@pytest.mark.parametrize("table", TABLES)
def test_both_paths_clean_a_row_alike(own_copy: Pipeline, table: str) -> None:
    def cleaned(path: str) -> list[dict[str, object]]:
        found = delta.rows(own_copy.settings(), path) or []
        return sorted(({**row, "_source": None} for row in found), key=lambda row: str(row["ind"]))

    assert cleaned(f"batch/{table}") == cleaned(f"stream/{own_copy.user}_{table}_table") != []
