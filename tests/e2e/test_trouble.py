"""Things that go wrong around the batch path: parts down, wrong settings, killed runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from pinpipe import delta
from pinpipe.aws import AwsAccess
from pinpipe.stack import Stack
from tests.support.connect import wait_until
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e


def test_wrong_settings_are_refused_all_at_once(stack: Pipeline) -> None:
    done = stack.with_(PIN_FLUSH_SIZE="0", AWS_REGION="nowhere", KAFKA_PORT="99999").try_("status")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for name in ("PIN_FLUSH_SIZE", "AWS_REGION", "KAFKA_PORT"):
        assert sum(name in line for line in done.stderr.splitlines()) == 1


def test_local_addresses_are_refused_on_aws(stack: Pipeline) -> None:
    done = stack.with_(AWS_ENDPOINT_URL="").try_("batch")
    assert done.returncode == 1
    for name in ("MYSQL_URL", "REST_PROXY_URL", "SPARK_REMOTE", "KAFKA_BOOTSTRAP_SERVERS", "AWS_ACCESS_KEY_ID"):
        assert name in done.stderr


def test_a_part_that_is_down_is_named_with_its_log(stack: Pipeline) -> None:
    done = stack.with_(REST_PROXY_URL="http://127.0.0.1:1").try_("post", "--count", "1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "rest-proxy does not answer" in done.stderr
    assert "logs/rest-proxy.log" in done.stderr


@pytest.mark.parametrize(
    ("variable", "address", "part", "unknown"),
    [
        ("MYSQL_URL", "mysql://pinpipe:pinpipe@127.0.0.1:1/pinterest_data", "mysql", {"source"}),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", "kafka", {"topic", "dead_letters", "tombstones", "sink_lag"}),
        ("CONNECT_URL", "http://127.0.0.1:1", "connect", {"sink_lag"}),
        (
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:1",
            "localstack",
            {"lake", "clean", "superseded", "quarantined", "repeats"},
        ),
        ("SPARK_REMOTE", "sc://localhost:1", "spark", set()),
    ],
)
def test_status_answers_without_a_part_names_it_and_leaves_only_its_counts_out(
    new_user: Callable[[], Pipeline], variable: str, address: str, part: str, unknown: set[str]
) -> None:
    status = new_user().with_(**{variable: address}).json("status")
    # supervisord runs it, and it does not answer where it is asked
    assert status["parts"][part]["state"] == "silent"
    for table, counts in status["batch"].items():
        assert {name for name, count in counts.items() if count is None} == unknown, table


@pytest.fixture
def posted(seeded: None, new_user: Callable[[], Pipeline]) -> Pipeline:
    """A user whose posts are in the lake, some of them twice."""
    pipeline = new_user()
    pipeline.run("post", "--all")
    pipeline.run("post", "--count", "300")
    pipeline.wait_for_sink()
    return pipeline


@pytest.fixture(scope="module")
def unharmed(seeded: None, stack: Pipeline) -> dict[str, list[dict[str, object]]]:
    """The tables of a run that nothing happened to."""
    pipeline = Pipeline("unharmed")
    pipeline.run("provision")
    pipeline.run("post", "--all")
    pipeline.run("post", "--count", "300")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return tables(pipeline)


def tables(pipeline: Pipeline) -> dict[str, list[dict[str, object]]]:
    """All rows of the clean and superseded tables, sorted, and the answers; without the name of the user's topic."""
    found = {}
    for name in ("batch/pin", "batch/geo", "batch/user", "superseded/batch"):
        rows = delta.rows(pipeline.settings(), name) or []
        for row in rows:
            source = row["_source"]
            row["_source"] = (source["topic"].rpartition(".")[2], source["partition"], source["offset"])
        found[name] = sorted(rows, key=lambda row: row["_source"])
    return found | pipeline.json("answers")


def test_a_step_alone_on_an_empty_lake_makes_the_tables_it_needs(new_user: Callable[[], Pipeline]) -> None:
    pipeline = new_user()
    pipeline.run("batch", "answers", "6")
    assert delta.rows(pipeline.settings(), "answers/6_users_by_joining_year") == []


def test_a_batch_client_that_is_killed_leaves_the_same_tables(
    posted: Pipeline, unharmed: dict[str, list[dict[str, object]]]
) -> None:
    """Three kills, each later in the run; what the client left in the Spark server is taken over."""
    for seconds in (6, 12, 20):
        client = posted.start("batch")
        time.sleep(seconds)
        client.send_signal(signal.SIGKILL)
        client.wait()
    posted.run("batch")
    assert tables(posted) == unharmed


def test_a_spark_server_that_is_killed_is_told_and_the_next_batch_gives_the_same(
    posted: Pipeline, unharmed: dict[str, list[dict[str, object]]]
) -> None:
    client = posted.start("batch")
    checkpoints = AwsAccess.of(posted.settings()).s3().list_objects_v2
    wait_until(
        lambda: checkpoints(Bucket=posted.settings().bucket, Prefix="checkpoints/load/")["KeyCount"],
        "the batch loads",
        seconds=120,
    )
    os.kill(Stack(posted.settings()).states()["spark"].pid, signal.SIGKILL)
    _, complaint = client.communicate(timeout=300)
    assert client.returncode == 1
    assert "Traceback" not in complaint
    assert "spark" in complaint.lower()
    posted.run("up", "spark")
    posted.run("batch")
    assert tables(posted) == unharmed
