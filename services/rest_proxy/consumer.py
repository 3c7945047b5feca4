"""One consumer instance: a Kafka consumer that is asked for records now and then.

Every method blocks and belongs in a thread; the registry in ``consumers`` lets one run at a time.
"""

import base64
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from services.rest_proxy.errors import (
    ApiError,
    BrokerUnavailable,
    InvalidConsumer,
    KafkaFailure,
    NotJson,
    NotSubscribed,
    PartitionNotFound,
    SubscriptionConflict,
    TopicNotFound,
    Unprocessable,
)
from services.rest_proxy.media import Format
from services.rest_proxy.settings import Settings

_SLICE_SECONDS = 0.25
"""How long a wait for records goes on before it looks whether the instance is being closed."""

_raw = msgspec.json.Decoder(msgspec.Raw)


class Options(msgspec.Struct, frozen=True):
    """What an instance is made with."""

    group: str
    name: str
    format: Format
    offset_reset: str
    auto_commit: bool


class ReadRecord(msgspec.Struct, frozen=True, gc=False):
    """One record as a read answers it; key and value are JSON or base64, by the instance's format."""

    topic: str
    key: msgspec.Raw | str | None
    value: msgspec.Raw | str | None
    partition: int
    offset: int


class Position(msgspec.Struct, frozen=True):
    """One partition's offset; ``metadata`` is the caller's own note beside a committed one."""

    topic: str
    partition: int
    offset: int
    metadata: str = ""


class _Fetched(msgspec.Struct, frozen=True, gc=False):
    """One record as Kafka has it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class ConsumerInstance:
    """A Kafka consumer, the records it holds back, and how far the caller has read."""

    def __init__(self, options: Options, settings: Settings) -> None:
        """Make it; it joins its group with the first subscription.

        :raises InvalidConsumer: when librdkafka does not take the options
        """
        self.options = options
        self._timeout = settings.metadata_timeout
        self._closing = threading.Event()
        self._held: deque[_Fetched] = deque()
        self._positions: dict[tuple[str, int], int] = {}
        self._subscribed = ""
        self._targets: Sequence[str] = ()
        max_poll = settings.consumer_idle_timeout + settings.max_read_timeout + 60
        try:
            self._kafka = KafkaConsumer(
                {
                    **settings.kafka_config(),
                    "group.id": options.group,
                    "auto.offset.reset": "error" if options.offset_reset == "none" else options.offset_reset,
                    "enable.auto.commit": options.auto_commit,
                    # a record counts as read when it is handed out, not when it is fetched
                    "enable.auto.offset.store": False,
                    "session.timeout.ms": 10_000,
                    "max.poll.interval.ms": int(max_poll * 1000),
                    "topic.metadata.refresh.interval.ms": 10_000,
                    "allow.auto.create.topics": False,
                    "queued.min.messages": 1000,
                    "queued.max.messages.kbytes": 4096,
                }
            )
        except (KafkaException, ValueError) as error:
            raise InvalidConsumer(str(error)) from None

    def subscribe(self, topics: Sequence[str]) -> None:
        """Read these topics from now on; replaces an earlier list.

        :raises SubscriptionConflict: when the instance is subscribed to a pattern
        """
        self._subscribe("topics", topics)

    def subscribe_pattern(self, pattern: str) -> None:
        """Read every topic whose name matches, those that appear later too.

        :param pattern: as librdkafka takes it, see :func:`topic_names.subscription_pattern`
        :raises SubscriptionConflict: when the instance is subscribed to topics
        """
        self._subscribe("pattern", [pattern])

    def subscription(self) -> list[str]:
        """The topics subscribed to; for a pattern, those of them that are being read now."""
        if self._subscribed == "pattern":
            return sorted({str(p.topic) for p in self._kafka.assignment()})
        return list(self._targets)

    def unsubscribe(self) -> None:
        """Read nothing any more, and be free for another kind of subscription."""
        self._kafka.unsubscribe()
        self._subscribed, self._targets = "", ()
        self._held.clear()
        self._positions.clear()

    def read(self, timeout: float, max_bytes: int) -> list[ReadRecord]:
        """Records that were not read yet: what is there, or what comes within ``timeout`` s.

        Keys and values together have at most ``max_bytes``, but a first record that is larger is handed out all
        the same, or nobody would get past it.

        :raises NotSubscribed: before any subscription
        :raises NotJson: when the first unread record is not JSON and the instance's format is; the record counts as
            read, so that the next read goes on behind it
        """
        if not self._subscribed:
            raise NotSubscribed
        self._let_go()
        records: list[ReadRecord] = []
        size, deadline = 0, time.monotonic() + timeout
        while (message := self._next(0.0 if records else deadline)) is not None:
            size += len(message.key or b"") + len(message.value or b"")
            if records and size > max_bytes:
                self._held.appendleft(message)
                break
            try:
                records.append(_record(message, self.options.format))
            except NotJson:
                if records:
                    self._held.appendleft(message)
                    break
                self._passed(message)
                raise
            self._passed(message)
            if size >= max_bytes:
                break
        self._store()
        return records

    def commit(self, positions: Sequence[Position] | None) -> None:
        """Commit the offsets given, or else how far the caller has read.

        :raises PartitionNotFound: when there is no such partition
        """
        if positions is None:
            self._let_go()
            offsets = [TopicPartition(t, p, offset) for (t, p), offset in self._positions.items()]
        else:
            # API v2 names the last record that was dealt with; Kafka commits the next one
            offsets = [TopicPartition(p.topic, p.partition, p.offset + 1, p.metadata) for p in positions]
        if not offsets:
            return
        try:
            answers = self._kafka.commit(offsets=offsets, asynchronous=False) or ()
        except KafkaException as error:
            raise translate(error.args[0]) from None
        for answer in answers:
            if answer.error is not None:
                raise translate(answer.error)

    def committed(self, partitions: Iterable[tuple[str, int]]) -> list[Position]:
        """The group's committed offsets of these partitions; one without any is left out."""
        asked = [TopicPartition(topic, partition) for topic, partition in partitions]
        if not asked:
            return []
        try:
            answers = self._kafka.committed(asked, timeout=self._timeout)
        except KafkaException as error:
            raise translate(error.args[0]) from None
        found = []
        for answer in answers:
            if answer.error is not None:
                raise translate(answer.error)
            if answer.offset >= 0:
                found.append(Position(answer.topic, answer.partition, answer.offset, answer.metadata or ""))
        return found

    def stop(self) -> None:
        """End a read that is waiting; may be called from another thread."""
        self._closing.set()

    def close(self) -> None:
        """Commit what was read, if the instance commits by itself, and leave the group."""
        self._kafka.close()

    def _subscribe(self, kind: str, targets: Sequence[str]) -> None:
        if self._subscribed not in ("", kind):
            raise SubscriptionConflict
        try:
            self._kafka.subscribe(list(targets))
        except KafkaException as error:
            if error.args[0].code() == KafkaError._INVALID_ARG:
                raise Unprocessable(f"{kind}: {error.args[0].str()}") from None
            raise translate(error.args[0]) from None
        self._subscribed, self._targets = kind, tuple(targets)

    def _next(self, deadline: float) -> _Fetched | None:
        """The next record, waiting until ``deadline``; errors that pass by themselves are waited out."""
        if self._held:
            return self._held.popleft()
        while True:
            left = deadline - time.monotonic()
            message = self._kafka.poll(min(max(left, 0.0), _SLICE_SECONDS))
            if message is not None:
                error = message.error()
                if error is None:
                    return _fetched(message)
                if error.code() not in _PASSING:
                    raise translate(error)
            elif left <= _SLICE_SECONDS or self._closing.is_set():
                return None

    def _let_go(self) -> None:
        """Forget what belongs to partitions that went to another member of the group."""
        assigned = {(p.topic, p.partition) for p in self._kafka.assignment()}
        self._held = deque(m for m in self._held if (m.topic, m.partition) in assigned)
        self._positions = {place: offset for place, offset in self._positions.items() if place in assigned}

    def _passed(self, message: _Fetched) -> None:
        self._positions[message.topic, message.partition] = message.offset + 1

    def _store(self) -> None:
        """Tell librdkafka how far the caller has read: that is what it commits by itself."""
        for (topic, partition), offset in self._positions.items():
            try:
                self._kafka.store_offsets(offsets=[TopicPartition(topic, partition, offset)])
            except KafkaException:
                continue  # the partition went to another member; that one says how far it is read


_PASSING = (
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._PARTITION_EOF,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
"""Errors in a wait for records that need nobody: topics may appear, brokers may come back."""


def translate(error: KafkaError) -> ApiError:
    """The answer for an error of a consumer."""
    code = error.code()
    if code == KafkaError._AUTO_OFFSET_RESET:
        return InvalidConsumer("auto.offset.reset is none and the group has no committed offset")
    if code in (KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART):
        return PartitionNotFound()
    if code == KafkaError._UNKNOWN_TOPIC:
        return TopicNotFound()
    if code in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._WAIT_COORD):
        return BrokerUnavailable(error.str())
    if code in (
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
    ):
        return NotSubscribed(f"the group is changing its members, try again ({error.str()})")
    if code == KafkaError.OFFSET_METADATA_TOO_LARGE:
        return Unprocessable("metadata is too large")
    return KafkaFailure(error.str())


def _fetched(message: Message) -> _Fetched:
    # a message without an error has all of these
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: PT018
    return _Fetched(topic, partition, offset, message.key(), message.value())


def _record(message: _Fetched, form: Format) -> ReadRecord:
    convert = _json if form == "json" else _base64
    try:
        key, value = convert(message.key), convert(message.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        place = f"{message.topic}, partition {message.partition}, offset {message.offset}"
        raise NotJson(f"the record at {place} is not JSON; it is passed over, read it as binary") from None
    return ReadRecord(message.topic, key, value, message.partition, message.offset)


def _json(data: bytes | None) -> msgspec.Raw | None:
    if data is None:
        return None
    if not data.isascii():
        data.decode()
    return _raw.decode(data)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
