"""Looks into the topics: how much is in them, how far the sink is, what could not be written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from pinpipe.errors import NotProvisioned, PartDown
from pinpipe.msk import client_config
from pinpipe.settings import Settings

SECONDS = 10.0


@dataclass(frozen=True)
class TopicCount:
    """What a topic holds: its records, and how many of them have a null value."""

    records: int
    tombstones: int


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        {
            **client_config(settings),
            # never commits, never joins; on MSK its user may ask for groups of this name alone
            "group.id": f"{settings.pin_user_id}-look",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "logger": _Quiet(),
        }
    )


class _Quiet:
    """Swallows librdkafka's own log lines: what goes wrong comes back as an error."""

    def log(self, *_: object) -> None: ...

    debug = info = warning = error = critical = log


def _watermarks(consumer: Consumer, settings: Settings, topic: str) -> dict[int, tuple[int, int]]:
    """Partition to its first offset and the one after its last."""
    try:
        metadata = consumer.list_topics(topic, timeout=SECONDS).topics[topic]
        if metadata.error is not None:
            raise NotProvisioned(f"topic {topic} is not there: run 'pinpipe up'")
        return {
            n: consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=SECONDS) for n in metadata.partitions
        }
    except KafkaException as error:
        raise PartDown(f"Kafka does not answer at {settings.kafka_bootstrap_servers}: {error.args[0].str()}") from None


def end_offsets(settings: Settings, topic: str) -> dict[int, int]:
    """Partition to the offset after its last record."""
    consumer = _consumer(settings)
    try:
        return {n: end for n, (_, end) in _watermarks(consumer, settings, topic).items()}
    finally:
        consumer.close()


def read_topic(settings: Settings, topic: str) -> Iterator[Message]:
    """Every record that is in a topic now, each partition in its order."""
    consumer = _consumer(settings)
    try:
        marks = {n: (low, high) for n, (low, high) in _watermarks(consumer, settings, topic).items() if high > low}
        consumer.assign([TopicPartition(topic, n, low) for n, (low, _) in marks.items()])
        unfinished = set(marks)
        heard = time.monotonic()
        while unfinished:
            # a call waits for all 5000 or its whole timeout, also at the topic's end
            batch = consumer.consume(5000, timeout=0.1)
            if not batch and time.monotonic() - heard > SECONDS:
                raise PartDown(f"Kafka sends nothing of {topic} within {SECONDS:.0f} s")
            for message in batch:
                if error := message.error():
                    raise PartDown(f"reading {topic}: {error.str()}")
                partition, offset = message.partition(), message.offset()
                assert partition is not None  # a record that was read has both
                assert offset is not None
                if offset < marks[partition][1]:
                    yield message
            if batch:
                heard = time.monotonic()
            # by position and not by the last record: compaction and transactions leave gaps at the end
            for position in consumer.position([TopicPartition(topic, n) for n in unfinished]):
                if position.offset >= marks[position.partition][1]:
                    unfinished.discard(position.partition)
    finally:
        consumer.close()


def count(settings: Settings, topic: str) -> TopicCount:
    """Count a topic's records and its tombstones by reading them."""
    records = tombstones = 0
    for message in read_topic(settings, topic):
        records += 1
        tombstones += message.value() is None
    return TopicCount(records, tombstones)


def dead_letters(settings: Settings) -> dict[str, int]:
    """Topic to the number of its records in the dead-letter topic; one that was put there twice counts once."""
    coordinates: set[tuple[str, str, str]] = set()
    for message in read_topic(settings, settings.dead_letter_topic):
        headers: dict[str, bytes] = dict(message.headers() or [])  # type: ignore[arg-type]  # Connect's are (name, bytes)
        topic, partition, offset = (
            headers[f"__connect.errors.{part}"].decode() for part in ("topic", "partition", "offset")
        )
        coordinates.add((topic, partition, offset))
    counts: dict[str, int] = {}
    for topic, _, _ in coordinates:
        counts[topic] = counts.get(topic, 0) + 1
    return counts


def sink_offsets(settings: Settings) -> dict[tuple[str, int], int]:
    """(Topic, partition) to the offset up to which the sink has everything in S3 or among the dead letters."""
    if not settings.connect_url:
        raise NotProvisioned("MSK Connect tells nobody how far it is: look at the connector in its console")
    try:
        answer = requests.get(f"{settings.connect_url}/connectors/{settings.connector}/offsets", timeout=SECONDS)
    except requests.RequestException:
        raise PartDown(f"Kafka Connect does not answer at {settings.connect_url}: run 'pinpipe up'") from None
    if answer.status_code == 404:
        raise NotProvisioned(f"connector {settings.connector} is not there: run 'pinpipe up'")
    return {
        (entry["partition"]["kafka_topic"], entry["partition"]["kafka_partition"]): entry["offset"]["kafka_offset"]
        for entry in answer.json()["offsets"]
        if entry["offset"]
    }


def sink_lag(settings: Settings, topic: str) -> int:
    """How many records of a topic the sink has not dealt with yet."""
    done = sink_offsets(settings)
    return sum(end - done.get((topic, partition), 0) for partition, end in end_offsets(settings, topic).items())
