"""SQL reads the given tables, and nothing else: no file, no variable, no write."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dashboard.sql import QueryRefused, query
from dashboard.tables import answers, datasets, named, paths, quarantined, reasons
from pinpipe.settings import Settings
from tests.support.targets import LOCAL, made

pytestmark = pytest.mark.unit

TABLES = {"batch_pin": pa.table({"ind": [1, 2, 3], "category": ["art", "art", "travel"]})}
hidden = pa.table({"secret": [1]})


def test_a_select_is_answered_with_its_columns_in_order() -> None:
    found = query(TABLES, "SELECT category, count(*) AS posts FROM batch_pin GROUP BY ALL ORDER BY posts DESC")
    assert found.columns == ("category", "posts")
    assert found.rows == [{"category": "art", "posts": 2}, {"category": "travel", "posts": 1}]
    assert not found.cut


def test_what_is_cut_off_is_told_and_equal_names_lose_no_column() -> None:
    found = query(TABLES, "SELECT ind, ind FROM batch_pin ORDER BY 1", limit=2)
    assert found.rows == [{"ind": 1, "ind_1": 1}, {"ind": 2, "ind_1": 2}]
    assert found.cut
    assert not query(TABLES, "FROM batch_pin", limit=3).cut


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE mine AS SELECT 1",
        "INSERT INTO batch_pin VALUES (4, 'x')",
        "DELETE FROM batch_pin",
        "DROP VIEW batch_pin",
        "UPDATE batch_pin SET ind = 0",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW batch_pin",
        "SET threads = 8",
        "PRAGMA version",
        "CALL pragma_version()",
        "INSTALL httpfs",
        "EXPLAIN ANALYZE CREATE TABLE mine AS SELECT 1",
        "",
    ],
)
def test_what_is_not_one_select_is_refused(sql: str) -> None:
    with pytest.raises(QueryRefused, match="only one SELECT"):
        query(TABLES, sql)


@pytest.mark.parametrize(
    "call",
    ["read_text('{}')", "read_csv('{}')", "read_blob('{}')", "'{}'", "glob('{}')", "read_parquet('https://x.y/{}')"],
)
def test_files_and_the_network_cannot_be_read(call: str, tmp_path: Path) -> None:
    file = tmp_path / "told.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(QueryRefused, match="DuckDB refuses"):
        query(TABLES, f"SELECT * FROM {call.format(file)}")


@pytest.mark.parametrize("sql", [
    "COPY (SELECT 1) TO '{}'", "ATTACH '{}' AS other", "EXPORT DATABASE '{}'", "LOAD '{}'", "COPY batch_pin FROM '{}'",
])  # fmt: skip
def test_files_cannot_be_written_or_loaded(sql: str, tmp_path: Path) -> None:
    with pytest.raises(QueryRefused):
        query(TABLES, sql.format(tmp_path / "made"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["hidden", "TABLES", "settings", "tables", "database"])
def test_no_variable_of_the_program_is_a_table(name: str) -> None:
    with pytest.raises(QueryRefused, match="does not exist"):
        query(TABLES, f"SELECT * FROM {name}")


def test_a_query_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(QueryRefused, match=r"stopped after 0 s"):
        query(TABLES, "SELECT count(*) FROM range(10000000) a, range(10000000) b", seconds=0.2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return made(**LOCAL, pin_tables_path=str(tmp_path))


def quarantine(settings: Settings, way: str, *rows: tuple[str, bytes, list[str], int]) -> None:
    source: dict[str, Any] = {"topic": "demo.pin", "partition": 0, "offset": 7}
    found = [
        {"table": table, "raw": raw, "_source": source, "reasons": why,
         "quarantined_at": datetime(2026, 11, 21, 12, minute, tzinfo=UTC)}
        for table, raw, why, minute in rows
    ]  # fmt: skip
    write_deltalake(f"{settings.tables_path}/quarantine/{way}", pa.Table.from_pylist(found), partition_by=["table"])


def test_the_quarantine_browser_has_reasons_counts_and_raw_text(settings: Settings) -> None:
    script = '{"title": "<script>alert(1)</script> 🙂"}'
    quarantine(settings, "batch", ("pin", script.encode(), ["ind:missing", "category:missing"], 1),
               ("pin", b"\xff\xfe", ["ind:missing"], 3))  # fmt: skip
    quarantine(settings, "stream", ("geo", b"'", ["record:not_json"], 2))
    tables = datasets(settings, "quarantine_batch", "quarantine_stream")
    assert reasons(tables) == [
        {"path": "batch", "table": "pin", "reason": "ind:missing", "messages": 2},
        {"path": "batch", "table": "pin", "reason": "category:missing", "messages": 1},
        {"path": "stream", "table": "geo", "reason": "record:not_json", "messages": 1},
    ]
    rows = quarantined(tables)
    assert [(row["table"], row["raw"], row["reasons"]) for row in rows] == [
        ("pin", "\\xff\\xfe", "ind:missing"),
        ("geo", "'", "record:not_json"),
        ("pin", script, "ind:missing, category:missing"),
    ]
    assert "demo.pin" in rows[0]["source"]
    assert [row["table"] for row in quarantined(tables, "record:not_json")] == ["geo"]
    assert quarantined(tables, "it's") == []


def test_an_empty_stack_has_no_tables_no_answers_and_nothing_in_quarantine(settings: Settings) -> None:
    assert datasets(settings) == {}
    assert answers(settings) == {}
    assert reasons({}) == quarantined({}) == []


def test_delta_tables_are_asked_by_their_plain_names_and_answers_come_in_their_order(settings: Settings) -> None:
    rows = [{"post_year": year, "number_users_joined": year % 100} for year in (2017, 2015)]
    write_deltalake(f"{settings.tables_path}/answers/6_users_by_joining_year", pa.Table.from_pylist(rows))
    [(answer, found)] = answers(settings).items()
    assert (answer.number, found) == ("6", rows[::-1])
    tables = datasets(settings)
    assert query(tables, "SELECT sum(number_users_joined) AS users FROM answer_6").rows == [{"users": 32}]
    assert paths(settings)["stream_pin"] == "stream/demo_pin_table"
    assert len(paths(settings)) == 25
    assert named(settings, "SELECT * FROM answer_6 JOIN batch_pin USING (ind) -- raw_pins") == ["batch_pin", "answer_6"]
    assert named(settings, "SHOW TABLES") == []
