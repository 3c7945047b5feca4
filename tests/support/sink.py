"""What the S3 sink's tests share: the parts it stands between, and the lake read back by offsets."""

from __future__ import annotations

import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.support.connect import Connector, tools, wait_until
from tests.support.kafka import Broker
from tests.support.localstack import LocalStack

KEY = re.compile(r"topics/(?P<topic>[^/]+)/partition=(?P<n>\d+)/(?P=topic)\+(?P=n)\+(?P<first>\d{10})\.json")

patiently = retry(
    retry=retry_if_exception_type(KafkaException), stop=stop_after_delay(30), wait=wait_fixed(0.2), reraise=True
)
"""Asks again a broker that was killed just now and has not yet its leaders and coordinators back."""


@dataclass(frozen=True)
class Parts:
    """A broker and an S3, with names of one test's own."""

    broker: Broker
    localstack: LocalStack
    user: str

    @property
    def environment(self) -> dict[str, str]:
        """What a worker needs to reach the S3, as the stack gives it."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.localstack.region,
            "AWS_ENDPOINT_URL": self.localstack.url,
        }

    @property
    def bucket(self) -> str:
        return f"user-{self.user}-bucket"

    @property
    def dead_letters(self) -> str:
        return f"dlq.{self.user}.s3-sink"

    def config(self, **changed: str) -> dict[str, str]:
        """The stack's connector, with every record's bytes as they are; a name's ``__`` stands for a dot."""
        return {
            "connector.class": "io.pinpipe.connect.s3.S3SinkConnector",
            "tasks.max": "1",
            "topics.regex": f"{self.user}\\.(pin|geo|user)",
            "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "s3.bucket.name": self.bucket,
            "s3.region": self.localstack.region,
            "store.url": self.localstack.url,
            "flush.size": "500",
            "rotate.schedule.interval.ms": "300",
            "behavior.on.null.values": "ignore",
            "consumer.override.auto.offset.reset": "earliest",
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": self.dead_letters,
            "errors.deadletterqueue.topic.replication.factor": "1",
            **{name.replace("__", "."): value for name, value in changed.items()},
        }

    def producer(self) -> Producer:
        """A new producer; making one and its first record take half a second."""
        return Producer(
            {
                "bootstrap.servers": self.broker.bootstrap,
                "linger.ms": 5,
                "enable.idempotence": True,
                # by default 100,000, which a round of bench.s3_sink exceeds
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    def produce(
        self, topic: str, values: Sequence[bytes | None], partition: int = 0, producer: Producer | None = None
    ) -> None:
        """Send values in this order; returns when all are acknowledged."""
        failed = []
        producer = producer or self.producer()
        for value in values:
            producer.produce(
                topic, value, partition=partition, on_delivery=lambda e, _: failed.append(e) if e else None
            )
            producer.poll(0)
        assert producer.flush(60) == 0
        assert not failed, failed

    @patiently
    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last record of each partition."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "ends"})
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}
        finally:
            consumer.close()

    def read_all(self, topic: str) -> list[Any]:
        """Every message of a topic's first partition."""
        end = self.ends(topic)[0]
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "reader"})
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages: list[Any] = []
        try:
            while len(messages) < end:
                messages += consumer.consume(end - len(messages), timeout=1)
            return messages
        finally:
            consumer.close()

    def committed(self, connector: Connector, topic: str) -> dict[int, int]:
        """The offsets that the connector has committed."""
        entries = connector.worker.rest("GET", f"/connectors/{connector.name}/offsets")["offsets"]
        found = [(entry["partition"], entry["offset"]["kafka_offset"]) for entry in entries if entry["offset"]]
        return {place["kafka_partition"]: offset for place, offset in found if place["kafka_topic"] == topic}

    def wait_for(self, connector: Connector, *topics: str) -> None:
        """Wait until the connector has committed the end of every partition that has records."""

        def done() -> bool:
            for topic in topics:
                ends = {p: end for p, end in self.ends(topic).items() if end > 0}
                if {p: o for p, o in self.committed(connector, topic).items() if p in ends} != ends:
                    return False
            return True

        try:
            wait_until(done, f"{connector.name} has committed the ends of {topics}", seconds=180, every=0.3)
        except AssertionError as failure:
            failure.add_note(f"{connector.tasks()}\n{connector.worker.log()[-6000:]}")
            raise

    def objects(self, topic: str) -> dict[tuple[int, int], list[bytes]]:
        """(partition, first offset) of each object of a topic, to its lines. Every key and body must be well formed."""
        s3 = self.localstack.s3()
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"topics/{topic}/")
        found = {}
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
            named = KEY.fullmatch(key)
            assert named, f"{key} is not an object of the sink"
            body = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            assert body.endswith(b"\n"), f"{key} ends in the middle of a line"
            found[int(named["n"]), int(named["first"])] = body[:-1].split(b"\n")
        return found

    def offsets(self, topic: str) -> dict[int, dict[int, bytes]]:
        """Partition to offset to line; an offset that is in two objects is an error."""
        objects = self.objects(topic)
        times = Counter((p, first + i) for (p, first), lines in objects.items() for i in range(len(lines)))
        twice = sorted(place for place, count in times.items() if count > 1)
        assert not twice, f"{len(twice)} offsets of {topic} are in the lake twice: {twice[:10]}"
        lake: dict[int, dict[int, bytes]] = {}
        for (partition, first), lines in objects.items():
            lake.setdefault(partition, {}).update({first + i: line for i, line in enumerate(lines)})
        return lake


def assert_lake(parts: Parts, topic: str, expected: dict[int, dict[int, bytes]]) -> None:
    """The lake holds exactly these lines, each once; a failure names the offsets, not their bytes."""
    lake = {(p, o): line for p, lines in parts.offsets(topic).items() for o, line in lines.items()}
    wanted = {(p, o): line for p, lines in expected.items() for o, line in lines.items()}
    wrong = {
        "lost": sorted(wanted.keys() - lake.keys()),
        "never sent": sorted(lake.keys() - wanted.keys()),
        "other bytes": sorted(place for place in wanted.keys() & lake.keys() if wanted[place] != lake[place]),
    }
    counts = {what: (len(places), places[:5], places[-5:]) for what, places in wrong.items() if places}
    assert not counts, f"{topic}: (how many, first, last) {counts}"


@contextmanager
def running_parts(folder: Path) -> Iterator[Parts]:
    """A broker and a LocalStack with a bucket."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(folder / "kafka"))
        localstack = stack.enter_context(LocalStack(folder / "localstack", tools()))
        yield Parts(broker, localstack, "shared")


def own_names(parts: Parts, *topics: str, partitions: int = 1) -> Parts:
    """The same parts with a user, a bucket and topics (``pin``, ``geo``, ``user``) of one test's own."""
    named = Parts(parts.broker, parts.localstack, f"u{uuid.uuid4().hex[:8]}")
    named.localstack.s3().create_bucket(Bucket=named.bucket)
    for topic in topics:
        named.broker.create_topic(f"{named.user}.{topic}", partitions)
    return named


def kills() -> int:
    """How often the kill tests kill: PIN_SINK_KILLS, 2 by default."""
    return int(os.environ.get("PIN_SINK_KILLS", "2"))
