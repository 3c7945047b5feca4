"""Brokers that go away, topics that are not there, stops under load: nothing acknowledged is lost, nobody waits."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.kafka import Broker
from tests.support.rest_proxy import ConsumerClient, Load, ProxyProcess, offsets, produce, stored, wait_for

pytestmark = pytest.mark.contract

PRODUCE_TIMEOUT = 2.0


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that may be killed; it creates topics by itself."""
    with Broker(tmp_path_factory.mktemp("fragile"), auto_create=True) as running:
        yield running


@pytest.fixture
def exposed(fragile: Broker, folder: Path) -> Iterator[ProxyProcess]:
    """A proxy of that broker, which runs again if a test left it dead."""
    fragile.start()
    with ProxyProcess(
        folder,
        fragile.bootstrap,
        PRODUCE_TIMEOUT_SECONDS=str(PRODUCE_TIMEOUT),
        SHUTDOWN_TIMEOUT_SECONDS="4",
        QUEUE_MESSAGES="100",
        METADATA_TIMEOUT_SECONDS="1",
    ) as running:
        yield running


def errors(answer: requests.Response) -> list[tuple[Any, Any]]:
    assert answer.status_code == 200
    return [(entry["error_code"], entry["error"]) for entry in answer.json()["offsets"]]


def test_a_partition_that_is_not_there_fails_its_record_alone(proxy: ProxyProcess, topic: str) -> None:
    started = time.monotonic()
    answer = produce(proxy.url, topic, [{"value": 1}, {"value": 2, "partition": 5}, {"value": 3, "partition": 0}])
    assert time.monotonic() - started < 5
    assert [(e["offset"], e["error_code"]) for e in answer.json()["offsets"]] == [(0, None), (None, 50002), (1, None)]
    assert errors(answer)[1] == (50002, f"Partition 5 not found: topic {topic} has 1.")


def test_a_topic_is_not_created_where_the_broker_does_not(proxy: ProxyProcess) -> None:
    answer = produce(proxy.url, "not-there", [{"value": 1}, {"value": 2}])
    assert errors(answer) == [(50002, "Topic not found.")] * 2
    assert "not-there" not in requests.get(f"{proxy.url}/topics", timeout=10).json()


def test_a_topic_is_found_once_it_was_made(proxy: ProxyProcess, broker: Broker) -> None:
    assert errors(produce(proxy.url, "made-later", [{"value": 1}])) == [(50002, "Topic not found.")]
    broker.create_topic("made-later")
    wait_for(
        lambda: errors(produce(proxy.url, "made-later", [{"value": 1}])) == [(None, None)], 5, "the topic to be found"
    )


def test_partitions_that_were_added_are_found(proxy: ProxyProcess, broker: Broker, topic: str) -> None:
    offsets(produce(proxy.url, topic, [{"value": 1}]))
    broker.add_partitions(topic, 3)
    assert offsets(produce(proxy.url, topic, [{"value": 2, "partition": 2}])) == [(2, 0)]


def test_a_topic_is_created_where_the_broker_does(exposed: ProxyProcess, fragile: Broker) -> None:
    assert offsets(produce(exposed.url, "made-by-producing", [{"value": 1}])) == [(0, 0)]
    assert stored(fragile, "made-by-producing") == {(0, 0): 1}


def test_a_broker_that_is_down_fails_records_in_time_and_is_found_again(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("down-and-up")
    offsets(produce(exposed.url, topic, [{"value": 1}]))
    fragile.kill()
    started = time.monotonic()
    answer = produce(exposed.url, topic, [{"value": 2}, {"value": 3}])
    assert time.monotonic() - started < PRODUCE_TIMEOUT + 0.5
    assert [code for code, _ in errors(answer)] == [50003, 50003]
    assert "Result unknown" in errors(answer)[0][1]
    unseen = produce(exposed.url, "never-seen", [{"value": 1}])
    assert errors(unseen)[0][0] == 50003
    assert "was not sent" in errors(unseen)[0][1]
    listed = requests.get(f"{exposed.url}/topics", timeout=10)
    assert (listed.status_code, listed.json()["error_code"]) == (503, 50302)
    assert requests.get(f"{exposed.url}/healthz", timeout=10).status_code == 503
    fragile.start()
    wait_for(lambda: requests.get(f"{exposed.url}/healthz", timeout=10).status_code == 200, 15, "health")
    wait_for(lambda: errors(produce(exposed.url, topic, [{"value": "again"}])) == [(None, None)], 15, "records to flow")


def test_a_frozen_broker_holds_nobody_and_fills_no_memory(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("frozen")
    offsets(produce(exposed.url, topic, [{"value": 1}]))
    before = exposed.memory()
    fragile.freeze()
    try:
        started = time.monotonic()
        answer = produce(exposed.url, topic, [{"value": "x" * 1000}] * 150)
        assert time.monotonic() - started < PRODUCE_TIMEOUT + 0.5
    finally:
        fragile.thaw()
    texts = [text for _, text in errors(answer)]
    assert sum("queue is full" in text for text in texts) == 50
    assert sum("Result unknown" in text for text in texts) == 100
    assert exposed.memory() - before < 32 * 2**20
    wait_for(lambda: errors(produce(exposed.url, topic, [{"value": "again"}])) == [(None, None)], 15, "records to flow")


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("stopped", partitions=2)
    load = Load(exposed, topic)
    wait_for(lambda: len(load.acknowledged) > 1000, 20, "a thousand records")
    exposed.terminate()
    code = exposed.wait(10)
    load.stop()
    found = stored(fragile, topic)
    assert code == 0
    assert load.refused > 0
    assert len(load.acknowledged) > 1000
    assert load.acknowledged.items() <= found.items()
    assert len(set(found.values())) == len(found)


def test_a_killed_broker_under_load_loses_and_doubles_nothing(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("killed")
    load = Load(exposed, topic)
    wait_for(lambda: len(load.acknowledged) > 500, 20, "five hundred records")
    fragile.kill()
    time.sleep(0.5)
    fragile.start()
    reached = len(load.acknowledged)
    wait_for(lambda: len(load.acknowledged) > reached + 500, 30, "five hundred more")
    load.stop()
    found = stored(fragile, topic)
    assert load.acknowledged.items() <= found.items()
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= load.sent


def test_a_stop_ends_reads_that_wait_and_leaves_the_group(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("left")
    consumer = ConsumerClient(exposed.url, "leaving", auto_offset_reset="earliest")
    consumer.subscribe(topics=[topic])
    consumer.read(timeout=1000)
    answers: list[requests.Response] = []
    reading = threading.Thread(target=lambda: answers.append(consumer.read(timeout=20_000)))
    reading.start()
    time.sleep(0.3)
    started = time.monotonic()
    exposed.terminate()
    assert exposed.wait(10) == 0
    assert time.monotonic() - started < 4
    reading.join(10)
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, [])]


def test_a_stop_without_a_broker_keeps_to_its_deadline_and_says_so(exposed: ProxyProcess, fragile: Broker) -> None:
    topic = fragile.create_topic("undelivered")
    consumer = ConsumerClient(exposed.url, "stuck")
    consumer.subscribe(topics=[topic])
    consumer.read(timeout=500)
    offsets(produce(exposed.url, topic, [{"value": 1}]))
    fragile.kill()
    answers: list[requests.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(produce(exposed.url, topic, [{"value": 2}])))
    waiting.start()
    time.sleep(0.3)
    started = time.monotonic()
    exposed.terminate()
    exposed.wait(15)
    assert time.monotonic() - started < 5.5
    waiting.join(10)
    assert errors(answers[0])[0][0] == 50003
