"""The whole pipeline on the generated data: what `make demo` does, twice, against the oracle."""

from __future__ import annotations

import re
import subprocess

import pytest

from producer.generate import generate
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from tests.support.oracle import oracle_answers
from tests.support.pipeline import ROOT, Pipeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

POSTS = 11_154
STOP_STREAM = """
from pinpipe import settings
from pinpipe.stack import Stack
Stack(settings.load()).stop(["stream"])
"""
RESTART_LOCALSTACK = """
from pinpipe import settings
from pinpipe.stack import Stack
stack = Stack(settings.load())
stack.stop(["localstack"])
stack.start(["localstack"])
"""


@pytest.fixture(scope="module")
def first_demo(stack: Pipeline) -> str:
    stack.run("seed")
    return stack.run("demo")


@pytest.fixture(scope="module")
def generated_rows() -> dict[str, list[dict[str, object]]]:
    tables = generate()
    return {name: [as_record(row) for row in tables.rows(name)] for name in SOURCE}


def test_the_demo_prints_the_counts_and_that_they_add_up(first_demo: str) -> None:
    assert "it all adds up" in first_demo
    assert re.search(r"topic +│ +11 154 │ +11 154 │ +11 154", first_demo)
    assert re.search(r"clean +│ +11 154 │ +11 154 │ +11 154", first_demo)


@pytest.mark.usefixtures("first_demo")
def test_the_answers_equal_the_oracles(stack: Pipeline, generated_rows: dict[str, list[dict[str, object]]]) -> None:
    assert stack.json("answers") == oracle_answers(generated_rows)


@pytest.mark.usefixtures("first_demo")
def test_nothing_vanished(stack: Pipeline) -> None:
    for table, counts in stack.json("status")["batch"].items():
        assert counts == {
            "source": POSTS, "topic": POSTS, "lake": POSTS, "clean": POSTS, "superseded": 0, "quarantined": 0,
            "dead_letters": 0, "tombstones": 0, "repeats": 0, "sink_lag": 0,
        }, table  # fmt: skip


@pytest.mark.usefixtures("first_demo")
def test_a_second_demo_changes_no_answer_and_counts_its_repeats(stack: Pipeline) -> None:
    before = stack.json("answers")
    stack.run("demo", "--streamed", "100")
    assert stack.json("answers") == before
    for counts in stack.json("status")["batch"].values():
        assert (counts["topic"], counts["lake"]) == (2 * POSTS, 2 * POSTS)
        assert (counts["clean"], counts["superseded"], counts["repeats"]) == (POSTS, POSTS, POSTS)


@pytest.mark.usefixtures("first_demo")
def test_the_stream_job_took_what_the_demos_sent_and_stops_cleanly(stack: Pipeline) -> None:
    for table, counts in stack.json("status")["stream"].items():
        assert counts["read"] == counts["clean"] + counts["superseded"] + counts["quarantined"] == 1000 + 100, table
        assert counts["quarantined"] == 0
    subprocess.run([ROOT / ".venv/bin/python", "-c", STOP_STREAM], env=stack.environment, check=True)
    assert "the stream job stopped" in stack.run("logs", "stream")


@pytest.mark.usefixtures("first_demo")
def test_a_session_inside_the_command_gives_the_same(stack: Pipeline) -> None:
    before = stack.json("answers")
    stack.with_(SPARK_REMOTE="").run("batch")
    assert stack.json("answers") == before


@pytest.mark.usefixtures("first_demo")
def test_an_emptied_lake_fills_again_from_the_topics(stack: Pipeline) -> None:
    before, topics = stack.json("answers"), stack.json("status")["batch"]["pin"]["topic"]
    subprocess.run([ROOT / ".venv/bin/python", "-c", RESTART_LOCALSTACK], env=stack.environment, check=True)
    stack.run("up", "localstack")
    stack.run("provision")
    stack.wait_for_sink()
    stack.run("batch")
    assert stack.json("answers") == before
    assert stack.json("status")["batch"]["pin"]["lake"] == topics


@pytest.mark.usefixtures("first_demo")
def test_the_readmes_curl_example_works_as_written(stack: Pipeline) -> None:
    example = re.search(r"```sh\n(curl .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example
    before = stack.json("status")["batch"]["pin"]["topic"]
    command = example[1].replace(".venv/bin/pinpipe", str(ROOT / ".venv/bin/pinpipe"))
    done = subprocess.run(["sh", "-c", command], env=stack.environment, capture_output=True, text=True, check=False)
    assert '"error_code":null' in done.stdout.replace(" ", ""), done.stdout + done.stderr
    assert stack.json("status")["batch"]["pin"]["topic"] == before + 1
