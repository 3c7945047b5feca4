"""The same `ind` again with other values, over one partition and over three: the newest message wins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from pinpipe import delta
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e

USER = {"first_name": "Ada", "last_name": "Byron", "date_joined": "2016-01-01T00:00:00"}
PARTITIONS = {"one": 1, "three": 3}


@pytest.fixture(scope="module", params=PARTITIONS)
def repeated(request: pytest.FixtureRequest, stack: Pipeline) -> tuple[Pipeline, list[tuple[int, int, int]]]:
    """Ten users, their ages changing, sent over the partitions in two goes with a batch after each, the second go with
    an older message of one user that arrives late. Returns what was sent: partition, ind, age, in the order of sending.
    """
    pipeline = Pipeline(f"repeats-{request.param}")
    settings = pipeline.settings()
    partitions = PARTITIONS[request.param]
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for future in admin.create_topics([NewTopic(settings.topic("user"), partitions)]).values():
        future.result()
    pipeline.run("provision")
    first = [((7 * n) % partitions, n % 10, 20 + n) for n in range(40)]
    second = [((5 * n) % partitions, n % 7, 70 + n) for n in range(21)]
    for part in (first, second):
        producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "linger.ms": 0})
        for partition, ind, age in part:
            value = json.dumps({**USER, "ind": ind, "age": age})
            producer.produce(settings.topic("user"), value, key=str(ind), partition=partition)
        assert producer.flush(30) == 0
        pipeline.wait_for_sink()
        pipeline.run("batch")
    return pipeline, first + second


def test_the_newest_message_wins(repeated: tuple[Pipeline, list[tuple[int, int, int]]]) -> None:
    pipeline, sent = repeated
    offsets: dict[int, int] = {}
    newest: dict[int, tuple[int, int, int]] = {}
    for partition, ind, age in sent:
        offset = offsets.get(partition, 0)
        offsets[partition] = offset + 1
        newest[ind] = max(newest.get(ind, (-1, -1, -1)), (offset, partition, age))
    rows: list[dict[str, Any]] = delta.rows(pipeline.settings(), "batch/user") or []
    found = {row["ind"]: (row["_source"]["offset"], row["_source"]["partition"], row["age"]) for row in rows}
    assert found == newest


def test_every_message_that_lost_is_superseded_once(repeated: tuple[Pipeline, list[tuple[int, int, int]]]) -> None:
    pipeline, sent = repeated
    rows: list[dict[str, Any]] = delta.rows(pipeline.settings(), "superseded/batch") or []
    coordinates = [(row["_source"]["partition"], row["_source"]["offset"]) for row in rows]
    assert len(coordinates) == len(set(coordinates)) == len(sent) - 10
    counts = pipeline.json("status")["batch"]["user"]
    assert (counts["lake"], counts["clean"], counts["superseded"]) == (len(sent), 10, len(sent) - 10)
