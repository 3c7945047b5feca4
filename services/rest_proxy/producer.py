"""One producer for all requests: many records in, one future for each request out.

librdkafka reports each record on its own. The reports are taken in the event loop's own thread, a batch of them every
millisecond while any are due: a thread of their own would fight the loop for Python's lock over every single report,
and would have to wake the loop as well. Each request waits for one future, whatever number of records it has.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as KafkaProducer

from services.rest_proxy.errors import KAFKA_ERROR, KAFKA_RETRIABLE_ERROR
from services.rest_proxy.records import Record, Result
from services.rest_proxy.settings import Settings

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.001
"""Between two looks for reports while records are on their way; no timer of the loop is finer."""
_SWEEP_SECONDS = 0.1
"""Between two looks for requests whose time is over, and for what Kafka's client has to say when nothing is sent."""
_NO_PARTITION = -1


class _Delivery:
    """The records of one request on their way: who waits for them, and what came back so far."""

    __slots__ = ("deadline", "future", "missing", "results")

    def __init__(self, count: int, deadline: float, future: asyncio.Future[None]) -> None:
        self.results: list[Result | None] = [None] * count
        self.missing = count
        self.deadline = deadline
        self.future = future


class Producer:
    """The shared producer: acknowledged by all replicas, idempotent, bounded in memory and in time."""

    def __init__(self, settings: Settings, on_fatal: Callable[[str], None]) -> None:
        """Start it; it connects by itself, now or later.

        :param on_fatal: called when librdkafka can't go on and the process must be restarted
        """
        self._timeout = settings.produce_timeout
        self._on_fatal = on_fatal
        self._loop = asyncio.get_running_loop()
        self._kafka = KafkaProducer(
            {
                **settings.kafka_config(),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": settings.linger_ms,
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": settings.queue_messages,
                "queue.buffering.max.kbytes": settings.queue_bytes // 1024,
                # what librdkafka gives up by itself, it gives up before the caller is answered
                "message.timeout.ms": int(self._timeout * 900),
                "topic.metadata.propagation.max.ms": 2000,
                "retry.backoff.ms": 50,
                "message.max.bytes": max(settings.max_request_bytes, 1_000_000),
                "error_cb": self._failed,
            }
        )
        self._open: deque[_Delivery] = deque()
        self._due = 0
        self._poller: asyncio.TimerHandle | None = None
        self._down = False
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    @property
    def kafka(self) -> KafkaProducer:
        """The Kafka client itself, for questions about the cluster."""
        return self._kafka

    def queued(self) -> int:
        """Records that are not acknowledged yet."""
        return len(self._kafka)

    async def send(self, topic: str, records: Sequence[Record]) -> list[Result]:
        """Send records to one topic; one result for each, in their order, within the produce time-out.

        A record whose result is not known by then says so: it may still be written.
        """
        loop = self._loop
        delivery = _Delivery(len(records), loop.time() + self._timeout - _SWEEP_SECONDS, loop.create_future())
        produce, delivered, results = self._kafka.produce, self._delivered, delivery.results
        for i, record in enumerate(records):
            partition = _NO_PARTITION if record.partition is None else record.partition
            try:
                produce(topic, record.value, record.key, partition, partial(delivered, delivery, i))
            except BufferError:
                results[i] = _QUEUE_FULL
                delivery.missing -= 1
            except KafkaException as error:
                results[i] = _failure(error.args[0])
                delivery.missing -= 1
        if delivery.missing:
            self._open.append(delivery)
            self._due += delivery.missing
            if self._poller is None:
                self._poller = loop.call_later(_POLL_SECONDS, self._poll)
            await delivery.future
        return [result or _UNKNOWN for result in results]

    async def close(self, timeout: float) -> int:
        """Wait until what is queued is acknowledged; returns how many records were not after ``timeout`` s."""
        deadline = time.monotonic() + timeout
        while len(self._kafka) and time.monotonic() < deadline:
            self._kafka.poll(0)
            await asyncio.sleep(_POLL_SECONDS)
        self._sweeper.cancel()
        if self._poller is not None:
            self._poller.cancel()
        return len(self._kafka)

    def _poll(self) -> None:
        """Take the reports that are there; each calls :meth:`_delivered`."""
        self._kafka.poll(0)
        self._poller = self._loop.call_later(_POLL_SECONDS, self._poll) if self._due > 0 else None

    def _delivered(self, delivery: _Delivery, index: int, error: KafkaError | None, message: Message) -> None:
        """One record's report."""
        self._due -= 1
        if error is None:
            delivery.results[index] = Result(message.partition(), message.offset())
            self._down = False
        else:
            delivery.results[index] = _failure(error)
        delivery.missing -= 1
        if not delivery.missing and not delivery.future.done():
            delivery.future.set_result(None)

    def _sweep(self) -> None:
        """Answer the requests whose time is over; the oldest is always the first."""
        self._kafka.poll(0)
        now = self._loop.time()
        waiting = self._open
        while waiting and (waiting[0].deadline <= now or waiting[0].future.done()):
            future = waiting.popleft().future
            if not future.done():
                future.set_result(None)
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _failed(self, error: KafkaError) -> None:
        if error.fatal():
            self._on_fatal(error.str())
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and not self._down:
            self._down = True
            log.warning("no Kafka broker can be reached; trying again until one can")
        elif not self._down:
            log.warning("kafka: %s", error.str())


_QUEUE_FULL = Result(
    error_code=KAFKA_RETRIABLE_ERROR,
    error="The proxy's queue is full; the record was not sent. Try again later.",
)
_UNKNOWN = Result(
    error_code=KAFKA_RETRIABLE_ERROR,
    error="Result unknown: not acknowledged within the produce time-out; the record may still be written.",
)


def _failure(error: KafkaError) -> Result:
    code = error.code()
    if code == KafkaError._MSG_TIMED_OUT:
        return _UNKNOWN
    if code in (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART):
        return Result(error_code=KAFKA_ERROR, error="Topic or partition not found.")
    if code == KafkaError._UNKNOWN_PARTITION:
        return Result(error_code=KAFKA_ERROR, error="Partition not found.")
    return Result(error_code=KAFKA_RETRIABLE_ERROR if error.retriable() else KAFKA_ERROR, error=error.str())
