"""The page's four views, run as marimo runs them: on no stack at all, and on tables with answers and dirt."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import marimo
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pinpipe.settings import ROOT
from pinpipe.stack import PARTS

pytestmark = pytest.mark.unit

View = Callable[..., str]
TITLE = "<script>document.title = 'taken'</script> 🙂"
TOP = [{"country": "Aruba", "category": category, "category_count": 41} for category in ("art", "travel")]
YEARS = [{"post_year": year, "number_users_joined": year % 100} for year in (2016, 2015)]


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    """Runs the page with a view chosen; returns all that it shows, as a browser gets it."""
    ports = {port.upper(): "1" for part in PARTS for port in part.ports}
    lines = [line.partition("=") for line in (ROOT / ".env.example").read_text().splitlines()]
    values = {**ports, "PIN_HOME": str(tmp_path), "PIN_TABLES_PATH": str(tmp_path / "tables")}
    (tmp_path / "env").write_text("\n".join(f"{name}={values.get(name, old)}" for name, sign, old in lines if sign))
    monkeypatch.setenv("PIN_ENV_FILE", str(tmp_path / "env"))

    def run(view: str, sql: str | None = None) -> str:
        from dashboard.page import app

        chosen: dict[str, Any] = {"shown": SimpleNamespace(value=view), "again": SimpleNamespace(value=None)}
        if sql:
            chosen["asked"] = marimo.ui.text_area(value=sql)
        outputs, _ = app.run(defs=chosen)
        return "\n".join(marimo.as_html(output).text for output in outputs if output is not None)

    return run


def table(tmp_path: Path, path: str, rows: list[dict[str, Any]]) -> None:
    write_deltalake(str(tmp_path / "tables" / path), pa.Table.from_pylist(rows))


def words(html: str) -> str:
    """Without the layers of escapes in which marimo hands data to its elements."""
    for _ in range(4):
        html = unescape(html).replace("\\u003c", "<").replace("\\u003e", ">")
    return html.replace("\\", "")


def data(html: str) -> str:
    """The same without blanks, which JSON may have or not."""
    return words(html).replace(" ", "")


def test_with_nothing_running_every_view_says_what_to_do(show: View) -> None:
    flow = words(show("Flow"))
    assert "mysql, kafka, localstack, spark, connect, rest-proxy, stream do not answer: run 'pinpipe up'" in flow
    assert ">MySQL (down)<" in flow
    assert "? in the lake" in flow
    assert "There are no answers yet: run 'pinpipe batch'." in words(show("Answers"))
    assert "There are no tables yet: run 'pinpipe batch'." in words(show("Quarantine"))
    assert "There are no tables yet: run 'pinpipe batch'." in words(show("SQL", "SELECT 1"))


def test_answers_come_with_question_definition_ties_chart_and_table(show: View, tmp_path: Path) -> None:
    table(tmp_path, "answers/1_category_by_country", TOP)
    table(tmp_path, "answers/6_users_by_joining_year", YEARS)
    shown = show("Answers")
    html = words(shown)
    assert "1. Most popular category per country" in html
    assert "The category with the most posts in each country; every category with that many." in html
    assert "Ties in 1 of 1, each with all its rows: Aruba." in html
    assert "6. Users joined per year, 2015-2020" in html
    assert '"label":"Aruba:travel(tie)","value":41' in data(shown)
    assert data(json.dumps(YEARS[::-1])) in data(shown)
    assert html.count("The table behind it") == 2


def test_an_empty_quarantine_says_so_and_shows_no_table(show: View, tmp_path: Path) -> None:
    columns = pa.schema([("table", pa.string()), ("raw", pa.binary()), ("reasons", pa.list_(pa.string()))])
    write_deltalake(str(tmp_path / "tables" / "quarantine/batch"), columns.empty_table())
    assert "Nothing is in quarantine." in words(show("Quarantine"))


def test_markup_in_the_data_is_text_in_every_view(show: View, tmp_path: Path) -> None:
    row = {"table": "pin", "raw": TITLE.encode(), "_source": {"topic": "t", "partition": 0, "offset": 7},
           "reasons": ["ind:missing"], "quarantined_at": datetime(2026, 11, 21, tzinfo=UTC)}  # fmt: skip
    table(tmp_path, "quarantine/batch", [row])
    table(
        tmp_path, "answers/3a_most_followed_by_country", [{"country": TITLE, "poster_name": TITLE, "follower_count": 9}]
    )
    for html in (
        show("Quarantine"),
        show("Answers"),
        show("SQL", f"SELECT '{TITLE.replace(chr(39), chr(39) * 2)}' AS t"),
    ):
        assert "document.title" in html
        assert "<script>" not in html
    assert TITLE in words(show("Quarantine"))
    assert "ind:missing" in show("Quarantine")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP VIEW answer_6", "only one SELECT at a time is answered here"),
        ("SELECT * FROM read_text('/etc/passwd')", "file system operations are disabled"),
        ("SELECT * FROM in_force", "does not exist"),
    ],
)
def test_sql_reads_the_tables_and_refuses_the_rest(show: View, tmp_path: Path, sql: str, why: str) -> None:
    table(tmp_path, "answers/6_users_by_joining_year", YEARS)
    assert why in words(show("SQL", sql))
    assert '"users":31' in data(show("SQL", "SELECT sum(number_users_joined) AS users FROM answer_6"))
