"""What a person sees of a pipeline: the notebooks, from top to bottom, and the page in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from dashboard import flow, pictures
from pinpipe.settings import ANSWERS, TABLES
from producer.order import course_order
from tests.support.kinds import GOOD
from tests.support.pipeline import ROOT, Pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

POSTS = 60
SCRIPT = "<script>document.title = 'taken over'</script><b>bold</b> 🎄"
INVALID = {"index": 20_001, "title": SCRIPT}


@pytest.fixture(scope="module")
def sent(seeded: None, stack: Pipeline) -> Pipeline:
    """A user whose posts are in topics and streams, with a title that is a script, in a valid post and in another."""
    pipeline = Pipeline("seen")
    pipeline.run("provision")
    pipeline.run("post", "--count", str(POSTS), "--to", "both", "--batch-size", "50")
    producer = Producer({"bootstrap.servers": pipeline.settings().kafka_bootstrap_servers})
    for post in ({**GOOD["pin"], "index": 20_000, "title": SCRIPT}, INVALID):
        value = json.dumps(post, ensure_ascii=False).encode()
        producer.produce(pipeline.settings().topic("pin"), value, str(post["index"]).encode())
    assert producer.flush(30) == 0
    pipeline.wait_for_sink()
    return pipeline


def ran(pipeline: Pipeline, code: str, folder: Path) -> Any:
    """What a program prints as its last line, in JSON, after it ran with the settings of a pipeline."""
    environment = {**pipeline.environment, "PYTHONPATH": str(ROOT / "notebooks")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def notebooks(sent: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the course's notebooks found, run one after the other; ``lake`` with the course's file of keys."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "authentication_credentials.csv").write_text("Access key ID,Secret access key\ntest,test\n")
    found = {}
    for name in ("lake", "clean", "queries", "streams"):
        wanted = "loaded" if name == "clean" else "found"
        code = f"import json, runpy; print(json.dumps(runpy.run_path('{ROOT}/notebooks/{name}.py')['{wanted}']))"
        found[name] = ran(sent, code, folder)
        (folder / "authentication_credentials.csv").unlink(missing_ok=True)
    return found


def test_the_courses_notebooks_run_from_top_to_bottom_and_the_records_are_all_there(
    sent: Pipeline, notebooks: dict[str, Any]
) -> None:
    expected = {table: POSTS + (2 if table == "pin" else 0) for table in TABLES}
    assert notebooks["lake"] == notebooks["clean"] == expected
    status = sent.json("status")
    for table in TABLES:
        assert status["batch"][table]["quarantined"] == (table == "pin")
        kept = status["batch"][table]["clean"] + status["batch"][table]["superseded"]
        assert kept == POSTS + (table == "pin"), table
        streamed = status["stream"][table]
        assert streamed["clean"] == notebooks["streams"][table]
        assert streamed["clean"] + streamed["superseded"] == streamed["read"] == POSTS, table


def test_the_notebooks_queries_are_the_answers(sent: Pipeline, notebooks: dict[str, Any]) -> None:
    assert list(notebooks["queries"]) == list(ANSWERS)
    assert notebooks["queries"] == sent.json("answers")


def test_the_walk_follows_a_post_to_its_clean_rows(sent: Pipeline, notebooks: dict[str, Any], tmp_path: Path) -> None:
    """Run as a program, it presses its own buttons."""
    code = (
        "import json; from walk import app; _, found = app.run()\n"
        "print(json.dumps({'arrived': found['arrived'], 'cleaned': found['cleaned']}, default=str))"
    )
    found = ran(sent, code, tmp_path)
    assert found["arrived"]["offset"] == notebooks["lake"]["pin"]
    ind = json.loads(found["arrived"]["value"])["index"]
    assert ind == next(course_order(range(1500))).ind
    for table in TABLES:
        [row] = found["cleaned"][table]
        assert (row["ind"], row["_source"]["offset"]) == (ind, notebooks["lake"][table]), table


@pytest.fixture(scope="module")
def page(sent: Pipeline, notebooks: dict[str, Any]) -> Iterator[Page]:
    """The page, run by supervisord, in a headless browser as wide as a phone."""
    sent.run("up", "dashboard")
    with pictures.page(sent.settings().dashboard_url, width=400, dark=True) as opened:
        yield opened
    sent.run("down", "dashboard")  # it counts all the time: the tests behind it want the machine


def rows(page: Page, label: str) -> list[list[str]]:
    """The cells of the table with this label, its head first; what is behind the last column is layout."""
    page.get_by_role("cell", name="sink lag").wait_for()
    table = page.locator("marimo-table").filter(has_text=label).locator("tr")
    return [row.locator("th, td").all_inner_texts()[:4] for row in table.all()]


def test_the_numbers_on_the_page_are_those_of_status(sent: Pipeline, page: Page) -> None:
    status = sent.json("status")
    for label, path in (("Batch path", status["batch"]), ("Streaming path", status["stream"])):
        _, *shown = rows(page, label)
        assert len(shown) >= 4
        for name, *counts in shown:
            assert counts == [flow.number(path[table][name.replace(" ", "_")]) for table in TABLES], name
    described = page.locator("svg.flow desc").text_content() or ""
    lake = sum(counts["lake"] for counts in status["batch"].values())
    assert f"{flow.number(lake)} in the lake" in described
    assert page.evaluate("document.querySelector('#App').scrollWidth") <= 400


def test_a_title_that_is_a_script_is_shown_as_text(page: Page) -> None:
    pictures.show(page, "Quarantine")
    page.get_by_text(json.dumps(INVALID, ensure_ascii=False)).first.wait_for()
    assert page.title() == "pinpipe"


def test_sql_reads_tables_and_refuses_to_write_and_to_read_files(page: Page) -> None:
    pictures.show(page, "SQL")

    def ask(sql: str, told: str) -> None:
        page.locator("textarea").fill(sql)
        page.get_by_role("button", name="Ask").click()
        page.get_by_text(told).first.wait_for()

    ask("SELECT title FROM batch_pin WHERE ind = 20000", SCRIPT)
    ask("DELETE FROM batch_pin", "only one SELECT at a time is answered here")
    ask("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration")
    assert page.title() == "pinpipe"
