"""Killed between any two writes of a batch run, each run a step later than the last: the end is as if nothing was."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from contextlib import closing

import pytest
from confluent_kafka import Producer
from pyspark.errors import PySparkException
from pyspark.sql.connect.client import SparkConnectClient

from pinpipe import delta
from pinpipe.stack import Stack
from spark_jobs.session import end_session
from tests.support.pipeline import ROOT, Pipeline

pytestmark = pytest.mark.e2e

USER = {"first_name": "Ada", "last_name": "Byron", "date_joined": "2016-01-01T00:00:00"}
STEPS = (
    "tables",
    "load user",
    "clean user: quarantined",
    "clean user: superseded",
    "clean user: merged",
    "counted",
    "answer 6",
)
DIES_AT = """
import os, sys
from pinpipe import runs, settings
runs.run(settings.load(), step=lambda name: os._exit(86) if name == sys.argv[1] else None)
"""

DEATHS = 4
WORKS = """
import sys, threading
from pinpipe import settings
from pinpipe.stack import Stack
from spark_jobs.session import session
found = settings.load()
spark = session(found, Stack(found).spark_token_to_send(), sys.argv[1])
work = "SELECT reflect('java.lang.Thread', 'sleep', 300000L) FROM range(2)"
for _ in range(3):
    threading.Thread(target=lambda: spark.sql(work).collect()).start()
print("at work", flush=True)
"""


def send(pipeline: Pipeline, ages: range) -> None:
    """Ten users, their ages changing, and a message that is not valid after each ten."""
    settings = pipeline.settings()
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for age in ages:
        producer.produce(settings.topic("user"), json.dumps({**USER, "ind": age % 10, "age": age}))
        if age % 10 == 9:
            producer.produce(settings.topic("user"), json.dumps({"ind": age, "bad": True}))
    assert producer.flush(30) == 0
    pipeline.wait_for_sink()


def test_a_batch_that_dies_after_each_of_its_steps_loses_and_doubles_nothing(stack: Pipeline) -> None:
    pipeline = Pipeline("interrupted")
    pipeline.run("provision")
    for number, step in enumerate(STEPS):
        # new messages before each death: the later runs have something to replace
        send(pipeline, range(10 * number, 10 * number + 10))
        died = subprocess.run(
            [ROOT / ".venv/bin/python", "-c", DIES_AT, step], env=pipeline.environment, check=False, timeout=300
        )
        assert died.returncode == 86, f"the run never came to {step!r}"
    pipeline.run("batch")
    counts = pipeline.json("status")["batch"]["user"]
    assert (counts["lake"], counts["clean"], counts["superseded"], counts["quarantined"]) == (77, 10, 60, 7)
    rows = delta.rows(pipeline.settings(), "batch/user") or []
    assert sorted((row["ind"], row["age"]) for row in rows) == [(ind, 60 + ind) for ind in range(10)]
    for place in ("superseded/batch", "quarantine/batch"):
        offsets = [row["_source"]["offset"] for row in delta.rows(pipeline.settings(), place) or []]
        assert len(offsets) == len(set(offsets)), place
    assert pipeline.json("answers")["6"] == [{"post_year": 2016, "number_users_joined": 10}]


def test_what_a_dead_client_left_on_the_server_has_ended_when_its_session_has(stack: Pipeline) -> None:
    settings = stack.settings()
    token = Stack(settings).spark_token_to_send()
    for number in range(DEATHS):
        left = str(uuid.uuid4())
        dying = subprocess.Popen(
            [ROOT / ".venv/bin/python", "-c", WORKS, left], env=stack.environment, stdout=subprocess.PIPE, text=True
        )
        assert dying.stdout is not None
        assert dying.stdout.readline() == "at work\n"
        time.sleep(number / 10)
        dying.kill()
        dying.communicate()
        end_session(settings, token, left)
        client = SparkConnectClient(f"{settings.spark_remote}/;session_id={left}")
        with closing(client), pytest.raises(PySparkException, match="SESSION_CLOSED"):
            client.interrupt_all()
