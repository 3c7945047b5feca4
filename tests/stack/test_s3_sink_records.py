"""What the S3 sink writes, leaves out and refuses, inside real Connect workers of the oldest and newest version.

The oldest is MSK Connect's, and has nothing but its own jars and the zip that ``make msk-plugin`` makes.
"""

import json
import os
import subprocess
import uuid
from zipfile import ZipFile

import pytest
import requests
from confluent_kafka import Producer

from pinpipe.settings import ROOT
from tests.support.connect import VERSIONS, Worker
from tests.support.sink import own_names, running_parts

pytestmark = pytest.mark.stack

COURSE = {
    "s3.region": "us-east-1",
    "flush.size": "1",
    "schema.compatibility": "NONE",
    "tasks.max": "3",
    "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
    "partitioner.class": "io.confluent.connect.storage.partitioner.DefaultPartitioner",
    "value.converter.schemas.enable": "false",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "storage.class": "io.confluent.connect.s3.storage.S3Storage",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_parts(tmp_path_factory.mktemp("sink")) as parts:
        yield parts


def unpacked_zip(folder):
    """A plugin path with the zip's files alone, as MSK Connect unpacks them."""
    made = subprocess.run(
        ["make", "-s", "msk-plugin"],
        cwd=ROOT,
        env={**os.environ, "PIN_ENV_FILE": ".env.example"},
        capture_output=True,
        text=True,
        check=True,
    )
    ZipFile(made.stdout.splitlines()[-1]).extractall(folder / "plugin")
    return folder


@pytest.fixture(scope="module", params=VERSIONS)
def worker(request, shared, tmp_path_factory):
    home = tmp_path_factory.mktemp("connect")
    plugins = None if request.param == VERSIONS[0] else unpacked_zip(tmp_path_factory.mktemp("zip"))
    with Worker(home, shared.broker.bootstrap, shared.environment, request.param, plugins) as running:
        yield running


@pytest.fixture
def connectors(worker):
    """Starts connectors that are gone when the test is over."""
    started = []

    def start(config, tasks=1):
        started.append(worker.connector(f"sink-{uuid.uuid4().hex[:8]}", config, tasks))
        return started[-1]

    yield start
    for connector in started:
        connector.delete()


def test_the_courses_properties_run_with_class_and_store_url_changed(shared, connectors):
    parts = own_names(shared, "pin", "geo", "user", partitions=3)
    connector = connectors(
        {
            **COURSE,
            "connector.class": "io.pinpipe.connect.s3.S3SinkConnector",
            "store.url": parts.localstack.url,
            "topics.regex": f"{parts.user}.*",
            "s3.bucket.name": parts.bucket,
        },
        tasks=3,
    )
    for topic in ("pin", "geo", "user"):
        for partition in range(3):
            posts = [{"ind": i, "topic": topic, "title": f"№ {i} \n", "none": None} for i in range(5)]
            parts.produce(f"{parts.user}.{topic}", [json.dumps(post).encode() for post in posts], partition)
    topics = [f"{parts.user}.{topic}" for topic in ("pin", "geo", "user")]
    parts.wait_for(connector, *topics)
    for topic in topics:
        objects = parts.objects(topic)
        assert sorted(objects) == [(p, first) for p in range(3) for first in range(5)]
        for (_, first), lines in objects.items():
            expected = {"ind": first, "topic": topic.split(".")[1], "title": f"№ {first} \n", "none": None}
            assert [json.loads(line) for line in lines] == [expected]


GOOD = [
    b'{"ind":1,"a":1.00,"a":1e5,"big":123456789012345678901234567890}',
    b' { "text" : "\\u00e9 \xc3\xa9 \\n" ,\t"b":[ ] } ',
    b"[1, 2]",
    b"17",
    b'"text"',
    b"null",
    b"[" * 2000 + b"]" * 2000,
    "🙂".encode().join([b'"', b'"']),
]
POISON = [
    b"",
    b"no json",
    b'{"a":1} {"b":2}',
    b'{"a":NaN}',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'{"a":1',
    b"\xef\xbb\xbf{}",
    b"{'a':1}",
    b"[1,]",
    b"01",
    b'"a\nb"',
    b"\x00",
    b"   ",
    '{"a":1}'.encode("utf-16"),
]


@pytest.mark.parametrize("flush_size", ["1", "500"])
def test_bytes_arrive_as_they_are_and_the_unreadable_goes_to_the_dead_letters(shared, connectors, flush_size):
    parts = own_names(shared, "pin")
    topic = parts.broker.create_topic(f"{parts.user}.geo")
    connector = connectors(parts.config(flush__size=flush_size))
    sent = []
    for good, bad in zip(GOOD * 2, POISON, strict=False):
        sent += [good, good, bad, None, good]
    parts.produce(topic, sent)
    parts.wait_for(connector, topic)
    lake = parts.offsets(topic)[0]
    assert lake == {offset: value for offset, value in enumerate(sent) if value in GOOD}
    dead = [message.value() for message in parts.read_all(parts.dead_letters)]
    assert dead == [value for value in sent if value is not None and value not in GOOD]
    assert len(lake) + len(dead) + sent.count(None) == len(sent)
    assert connector.states() == ["RUNNING"]


def test_a_line_feed_between_tokens_becomes_a_blank(shared, connectors):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    connector = connectors(parts.config())
    parts.produce(topic, [b'{\n"a": "x\\ny"\n,\n"b":\r\n2}\n', b"3"])
    parts.wait_for(connector, topic)
    assert parts.offsets(topic)[0] == {0: b'{ "a": "x\\ny" , "b":\r 2} ', 1: b"3"}


def test_offsets_that_transactions_take_up_end_the_object_before_them(shared, connectors):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    connector = connectors(parts.config(consumer__override__isolation__level="read_committed"))
    producer = Producer({"bootstrap.servers": shared.broker.bootstrap, "transactional.id": parts.user})
    producer.init_transactions(30)
    for number in range(4):
        producer.begin_transaction()
        for value in range(3):
            producer.produce(topic, f"[{number},{value}]".encode())
        producer.flush(30)
        (producer.abort_transaction if number == 1 else producer.commit_transaction)(30)
    # offsets 0-2, a marker at 3, 4-6 aborted, a marker at 7, 8-10, 11, 12-14, 15
    parts.produce(topic, [b"[4,0]"])
    parts.wait_for(connector, topic)
    lake = parts.offsets(topic)[0]
    assert lake == {
        **{0: b"[0,0]", 1: b"[0,1]", 2: b"[0,2]"},
        **{8: b"[2,0]", 9: b"[2,1]", 10: b"[2,2]"},
        **{12: b"[3,0]", 13: b"[3,1]", 14: b"[3,2]", 16: b"[4,0]"},
    }


def test_three_tasks_share_six_partitions_and_every_record_is_there_once(shared, connectors):
    parts = own_names(shared, "pin", partitions=6)
    topic = f"{parts.user}.pin"
    connector = connectors(parts.config(tasks__max="3", flush__size="7"), tasks=3)
    for partition in range(6):
        parts.produce(topic, [b'{"p":%d,"i":%d}' % (partition, i) for i in range(100)], partition)
    parts.wait_for(connector, topic)
    expected = {p: {i: b'{"p":%d,"i":%d}' % (p, i) for i in range(100)} for p in range(6)}
    assert parts.offsets(topic) == expected


def test_without_a_dead_letter_topic_the_unreadable_fails_the_task_and_names_the_cure(shared, connectors):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    config = {k: v for k, v in parts.config().items() if not k.startswith("errors.")}
    connector = connectors(config)
    parts.produce(topic, [b"1", b"no json", b"2"])
    trace = connector.failure()
    assert f"{topic}-0@1" in trace
    assert "errors.deadletterqueue.topic.name" in trace


def test_a_tombstone_fails_the_task_when_it_is_told_to(shared, connectors):
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    connector = connectors(parts.config(behavior__on__null__values="fail"))
    parts.produce(topic, [b"1", None, b"2"])
    assert f"{topic}-0@1" in connector.failure()


def test_wrong_properties_are_refused_all_at_once(shared, worker):
    parts = own_names(shared, "pin")
    wrong = {
        "flush.size": "0",
        "store.url": "127.0.0.1:4566",
        "storage.class": "io.confluent.connect.hdfs.HdfsStorage",
        "format.class": "io.confluent.connect.s3.format.avro.AvroFormat",
        "partitioner.class": "io.confluent.connect.storage.partitioner.TimeBasedPartitioner",
        "schema.compatibility": "BACKWARD",
        "behavior.on.null.values": "write",
        "s3.compression.type": "gzip",
        "filename.offset.zero.pad.width": "-1",
        "s3.path.style.access.enabled": "perhaps",
        "s3.bucket.name": "",
    }
    config = {**parts.config(), **wrong, "name": "wrong"}
    answer = worker.rest("PUT", "/connector-plugins/S3SinkConnector/config/validate", config)
    refused = {entry["value"]["name"] for entry in answer["configs"] if entry["value"]["errors"]}
    assert refused == set(wrong)
    created = requests.post(f"{worker.url}/connectors", json={"name": "wrong", "config": config}, timeout=60)
    assert created.status_code == 400
    assert f"{len(wrong)} error(s)" in created.json()["message"]
