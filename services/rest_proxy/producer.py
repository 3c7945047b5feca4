"""One producer for all requests: many records in, one wake-up of the event loop for a batch of finished requests out.

librdkafka reports each record on its own. A thread of this module takes those reports, counts them off against the
request they belong to, and wakes the event loop once for all requests that are complete by then; each request waits
for one future, whatever number of records it has.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as KafkaProducer

from services.rest_proxy.errors import KAFKA_ERROR, KAFKA_RETRIABLE_ERROR
from services.rest_proxy.records import Record, Result
from services.rest_proxy.settings import Settings

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 0.1
_POLL_SECONDS = 0.2
_NO_PARTITION = -1


class _Delivery:
    """The records of one request on their way: who waits for them, and what came back so far."""

    __slots__ = ("arrived", "deadline", "expected", "future", "results")

    def __init__(self, count: int, deadline: float, future: asyncio.Future[None]) -> None:
        self.results: list[Result | None] = [None] * count
        self.arrived = 0
        self.expected = -1
        self.deadline = deadline
        self.future = future


class Producer:
    """The shared producer: acknowledged by all replicas, idempotent, bounded in memory and in time."""

    def __init__(self, settings: Settings, on_fatal: Callable[[str], None]) -> None:
        """Start it; it connects by itself, now or later.

        :param on_fatal: called, from another thread, when librdkafka can't go on and the process must be restarted
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
        self._complete: deque[_Delivery] = deque()
        self._woken = False
        self._down = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="delivery-reports", daemon=True)
        self._thread.start()
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
        produce, expected = self._kafka.produce, 0
        for i, record in enumerate(records):
            chosen = _NO_PARTITION if record.partition is None else record.partition
            try:
                produce(topic, record.value, record.key, chosen, partial(self._delivered, delivery, i))
                expected += 1
            except BufferError:
                delivery.results[i] = Result(
                    error_code=KAFKA_RETRIABLE_ERROR,
                    error="The proxy's queue is full; the record was not sent. Try again later.",
                )
            except KafkaException as error:
                delivery.results[i] = _failure(error.args[0])
        # The reports' thread counts `arrived` up and then looks at `expected`; here it is the other way round, so
        # whichever comes last sees that all is there.
        delivery.expected = expected
        if delivery.arrived < expected:
            self._open.append(delivery)
            await delivery.future
        return [result or _UNKNOWN for result in delivery.results]

    async def close(self, timeout: float) -> int:
        """Send what is queued, then stop; returns how many records were still unacknowledged after ``timeout`` s."""
        remaining: int = await asyncio.to_thread(self._kafka.flush, timeout)
        self._sweeper.cancel()
        self._stop.set()
        await asyncio.to_thread(self._thread.join)
        return remaining

    def _delivered(self, delivery: _Delivery, index: int, error: KafkaError | None, message: Message) -> None:
        """One record's report; called in the reports' thread."""
        delivery.results[index] = Result(message.partition(), message.offset()) if error is None else _failure(error)
        delivery.arrived += 1
        if delivery.arrived == delivery.expected:
            self._complete.append(delivery)
            if not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._woken = False
        complete = self._complete
        while complete:
            future = complete.popleft().future
            if not future.done():
                future.set_result(None)

    def _sweep(self) -> None:
        """Answer the requests whose time is over; the oldest is always the first."""
        now = self._loop.time()
        waiting = self._open
        while waiting and (waiting[0].deadline <= now or waiting[0].future.done()):
            future = waiting.popleft().future
            if not future.done():
                future.set_result(None)
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._kafka.poll(_POLL_SECONDS)

    def _failed(self, error: KafkaError) -> None:
        if error.fatal():
            self._on_fatal(error.str())
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and not self._down:
            self._down = True
            log.warning("no Kafka broker can be reached; trying again until one can")
        elif not self._down:
            log.warning("kafka: %s", error.str())


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
