"""The whole pipeline on the generated data: what `make demo` does, twice, against the oracle."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest

from pinpipe.airflow import Airflow
from pinpipe.settings import ANSWERS, TABLES
from pinpipe.stack import PARTS, Stack
from producer.generate import generate
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from tests.support.connect import wait_until
from tests.support.oracle import oracle_answers
from tests.support.pipeline import HOME, ROOT, Pipeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

POSTS = 11_154


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


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("first_demo")
def test_a_second_demo_with_kills_in_its_dag_run_changes_no_answer_and_counts_its_repeats(stack: Pipeline) -> None:
    """kill -9 of Airflow's scheduler while the tables are cleaned, and of the Spark server while it answers."""
    before = stack.json("answers")
    settings = stack.settings()
    airflow = Airflow(settings)
    first = airflow.last_run()
    assert first
    assert stack.json("status")["dag"] == {"last_run": first.started, "state": "success"}
    demo = stack.start("demo", "--streamed", "100")
    wait_until(lambda: airflow.last_run() != first, "the DAG runs again", seconds=180, every=1)
    run = airflow.last_run()
    assert run

    def kill_while(task: str, part: str) -> None:
        def running() -> bool:
            return any(name.startswith(task) and state == "running" for name, state in airflow.tasks(run.id).items())

        wait_until(running, f"{task} runs", 180, every=0.5)
        os.kill(Stack(settings).states()[part].pid, signal.SIGKILL)

    kill_while("clean", "airflow-scheduler")
    kill_while("answer", "spark")
    said, complaint = demo.communicate(timeout=500)
    assert demo.returncode == 0, said + complaint
    states = airflow.tasks(run.id)
    assert set(states) == {"load", *(f"clean_{table}" for table in TABLES), *(f"answer {n}" for n in ANSWERS), "report"}
    assert set(states.values()) == {"success"}
    assert stack.json("answers") == before
    for counts in stack.json("status")["batch"].values():
        assert (counts["topic"], counts["lake"]) == (2 * POSTS, 2 * POSTS)
        assert (counts["clean"], counts["superseded"], counts["repeats"]) == (POSTS, POSTS, POSTS)


@pytest.mark.usefixtures("first_demo")
def test_the_stream_job_took_what_the_demos_sent_and_stops_cleanly(stack: Pipeline) -> None:
    for table, counts in stack.json("status")["stream"].items():
        assert counts["read"] == counts["clean"] + counts["superseded"] + counts["quarantined"] == 1000 + 100, table
        assert counts["quarantined"] == 0
    stack.run("down", "stream", *(part.name for part in PARTS if part.group == "airflow"))
    assert "the stream job stopped" in stack.run("logs", "stream")


@pytest.mark.usefixtures("first_demo")
def test_a_session_inside_the_command_gives_the_same(stack: Pipeline) -> None:
    before = stack.json("answers")
    stack.with_(SPARK_REMOTE="").run("batch")
    assert stack.json("answers") == before


@pytest.mark.usefixtures("first_demo")
def test_after_localstacks_death_the_lake_fills_again_from_the_topics_by_itself(stack: Pipeline) -> None:
    before, topics = stack.json("answers"), stack.json("status")["batch"]["pin"]["topic"]
    for noted in (HOME / "run" / "provisioned").glob("*.json"):
        if noted.stem != stack.user:
            noted.unlink()  # what the other tests' users had would be made again, too
    os.kill(Stack(stack.settings()).states()["localstack"].pid, signal.SIGKILL)
    wait_until(lambda: stack.json("status")["batch"]["pin"]["lake"] == topics, "the lake is full", seconds=300, every=2)
    stack.run("batch")
    assert stack.json("answers") == before


@pytest.mark.usefixtures("first_demo")
def test_the_readmes_curl_example_works_as_written(stack: Pipeline) -> None:
    example = re.search(r"```sh\n(curl .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example
    before = stack.json("status")["batch"]["pin"]["topic"]
    command = example[1].replace(".venv/bin/pinpipe", str(ROOT / ".venv/bin/pinpipe"))
    done = subprocess.run(["sh", "-c", command], env=stack.environment, capture_output=True, text=True, check=False)
    assert '"error_code":null' in done.stdout.replace(" ", ""), done.stdout + done.stderr
    assert stack.json("status")["batch"]["pin"]["topic"] == before + 1
