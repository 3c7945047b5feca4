"""The containers as a person uses them: up, the demo's answers, down and up again, a kill of each, from the host."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from itertools import islice
from typing import Any

import pytest
from testcontainers.compose import DockerCompose

from producer.generate import generate
from producer.order import course_order
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from tests.support.connect import wait_until
from tests.support.oracle import oracle_answers
from tests.support.pipeline import PINPIPE, POSTS, ROOT, Pipeline

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

# in the order in which they are killed
KILLED = (
    *("kafka", "connect", "rest-proxy", "mysql", "spark", "stream", "dashboard", "emulator"),
    *("airflow-scheduler", "airflow-dag-processor", "airflow-api-server", "localstack"),
)
SERVICES = set(KILLED)


class OnHost(Pipeline):
    """Commands that run on the host, beside the containers."""

    @property
    def command(self) -> list[str]:
        return [str(PINPIPE)]


@pytest.fixture(scope="module")
def host() -> Pipeline:
    """The commands on the host. Spark's port is not published: they use a session of their own."""
    return OnHost("demo", {"SPARK_REMOTE": ""})


def run(compose: DockerCompose, *arguments: str) -> str:
    command = [*compose.compose_command_property, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def restarts(compose: DockerCompose, name: str) -> tuple[int, str]:
    """How often Docker has started a service again, and its health."""
    container = run(compose, "ps", "-q", name).strip()
    told = ["docker", "inspect", "-f", "{{.RestartCount}} {{.State.Health.Status}}", container]
    count, health = subprocess.run(told, capture_output=True, text=True, check=True).stdout.split()
    return int(count), health


def came_back(compose: DockerCompose, name: str, before: int) -> bool:
    count, health = restarts(compose, name)
    return count > before and health == "healthy"


def sent(posts: int) -> dict[str, list[dict[str, Any]]]:
    """The rows of the first posts of the course's order, in the order of their sending."""
    tables = generate()
    keys = [draw.ind for draw in islice(course_order([row.ind for row in tables.rows("geo")]), posts)]
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in SOURCE:
        by_key = {record.get("ind", record.get("index")): record for record in map(as_record, tables.rows(name))}
        rows[name] = [by_key[key] for key in keys]
    return rows


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = oracle_answers(sent(POSTS))
    return found


def test_the_demo_ends_well_and_its_answers_are_the_oracles(
    compose: DockerCompose, host: Pipeline, expected: dict[str, Any]
) -> None:
    log = run(compose, "logs", "--no-log-prefix", "demo")
    assert "it all adds up" in log
    assert re.search(rf"topic +│ +{POSTS} │ +{POSTS} │ +{POSTS}", log)
    assert re.search(rf"read +│ +{POSTS} │ +{POSTS} │ +{POSTS}", log)
    assert host.json("answers") == expected


def test_every_service_is_healthy(compose: DockerCompose) -> None:
    states = {container.Service: container.Health for container in compose.get_containers()}
    assert set(states) == SERVICES
    assert set(states.values()) == {"healthy"}


def test_the_commands_work_from_the_host(compose: DockerCompose, host: Pipeline) -> None:
    run(compose, "stop", "emulator")
    before = host.json("status")["batch"]["pin"]["topic"]
    host.run("post", "--count", "20")
    host.wait_for_sink()
    host.run("batch")
    status = host.json("status")
    for counts in status["batch"].values():
        assert counts["topic"] == counts["lake"] == before + 20
        assert counts["lake"] == counts["clean"] + counts["superseded"]
    assert {name for name, part in status["parts"].items() if part["state"] == "up"} == SERVICES - {"emulator"}


def test_after_down_and_up_the_topics_are_there_and_the_emptied_lake_fills_again(
    compose: DockerCompose, host: Pipeline, expected: dict[str, Any]
) -> None:
    before = host.json("status")["batch"]["geo"]
    run(compose, "down")
    run(compose, "up", "--wait", "mysql", "stream", "spark")
    host.wait_for_sink()
    assert host.json("status")["batch"]["geo"]["lake"] == before["topic"]
    assert host.json("status")["batch"]["geo"]["source"] == before["source"]
    host.run("batch")
    answers = host.json("answers")
    # the emulator posted some more before it was stopped: they are the order's next ones
    posts = max(before["topic"] - 20, POSTS)
    assert answers == (expected if posts == POSTS else oracle_answers(sent(posts)))


def test_each_part_that_dies_comes_back_and_nothing_is_lost_or_doubled(compose: DockerCompose, host: Pipeline) -> None:
    """All processes of a part are killed while every post is sent; LocalStack, which forgets all, comes last."""
    run(compose, "up", "--wait")
    before = host.in_topics()
    burst = host.start("post", "--all", "--batch-size", "3")  # a few minutes, as the kills take
    wait_until(lambda: host.in_topics() > before + 30, "posts are on their way", every=0.5)
    for name in KILLED[:-1]:
        die(compose, name)
    output, errors = burst.communicate(timeout=900)
    assert burst.returncode == 0, errors
    assert " 33462 acknowledged, 0 failed" in output
    die(compose, KILLED[-1])
    run(compose, "up", "--wait")
    run(compose, "stop", "emulator")
    # the batch by Airflow this time
    run(compose, "run", "--rm", "--no-deps", "demo", "pinpipe", "demo", "--running", "--streamed", "0")
    for table, counts in host.json("status")["batch"].items():
        assert counts["topic"] == counts["lake"], table
        assert counts["lake"] == counts["clean"] + counts["superseded"], table
        assert counts["clean"] == counts["source"] == 11_154, table


def die(compose: DockerCompose, name: str) -> None:
    """Kill all processes of a service, and wait until it is there again."""
    before, _ = restarts(compose, name)
    # Docker's init, process 1, ends with its child
    command = [*compose.compose_command_property, "exec", "-T", name, "sh", "-c", "kill -9 -1"]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    wait_until(partial(came_back, compose, name, before), f"{name} comes back", seconds=300, every=1)
