"""What the cluster knows: brokers, topics, partitions, a topic's configuration.

librdkafka's look-ups block, so they run in a few threads of their own, and callers who ask the same at the same time
share one answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata, PartitionMetadata, TopicMetadata

from services.rest_proxy.errors import BrokerUnavailable, KafkaFailure, TopicNotFound
from services.rest_proxy.settings import Settings

T = TypeVar("T")

_HEALTH_SECONDS = 1.0
_ABSENT_SECONDS = 1.0
_MAX_ABSENT = 1000
_WAITS = (0.05, 0.1, 0.2, 0.4)
"""Pauses between looks for a topic that the broker may be creating because it was asked for."""


class Cluster:
    """Questions to the cluster, asked through the shared producer's connection."""

    def __init__(self, settings: Settings, kafka: KafkaProducer) -> None:
        self._kafka = kafka
        self._settings = settings
        self._admin: AdminClient | None = None
        self._timeout = settings.metadata_timeout
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="cluster")
        self._asked: dict[str, asyncio.Task[Any]] = {}
        self._partitions: dict[str, int] = {}
        self._absent: dict[str, float] = {}
        self._health: tuple[float, str] = (0.0, "")

    def known_partitions(self, topic: str) -> int | None:
        """How many partitions a topic had when it was last looked up; ``None`` if it is not known."""
        return self._partitions.get(topic)

    def forget(self, topic: str) -> None:
        """Look the topic up again the next time."""
        self._partitions.pop(topic, None)

    async def names(self) -> list[str]:
        """All topics' names, sorted."""
        return sorted((await self._metadata()).topics)

    async def brokers(self) -> list[int]:
        """All brokers' ids, sorted."""
        return sorted((await self._metadata()).brokers)

    async def topic(self, name: str) -> TopicMetadata:
        """One topic's partitions, without creating it.

        :raises TopicNotFound: when there is none
        """
        topic = (await self._metadata()).topics.get(name)
        if topic is None or topic.error is not None:
            raise TopicNotFound
        return topic

    async def configs(self, name: str) -> dict[str, str | None]:
        """One topic's configuration: every key with its value in effect."""
        return await self._shared(f"configs {name}", lambda: self._in_thread(self._describe, name))

    async def find_for_produce(self, name: str) -> int:
        """How many partitions a topic has; one that is not there is created if the broker's own setting says so.

        :raises TopicNotFound: when it is not there, and is not there a moment later either
        """
        if self._absent.get(name, 0.0) > time.monotonic():
            raise TopicNotFound
        return await self._shared(f"find {name}", lambda: self._find(name))

    async def health(self) -> str:
        """Why no broker can be reached, or ``""``; asked at most once a second."""
        since, reason = self._health
        if time.monotonic() - since < _HEALTH_SECONDS:
            return reason
        try:
            await self._shared("health", lambda: self._list("", 2.0))
            reason = ""
        except (BrokerUnavailable, KafkaFailure) as error:
            reason = error.message
        self._health = (time.monotonic(), reason)
        return reason

    def close(self) -> None:
        """Stop asking."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _metadata(self) -> ClusterMetadata:
        return await self._shared("metadata", lambda: self._list("", self._timeout))

    async def _find(self, name: str) -> int:
        for wait in (*_WAITS, None):
            topic = (await self._list(name, self._timeout)).topics[name]
            if topic.error is None and topic.partitions:
                self._partitions[name] = len(topic.partitions)
                return len(topic.partitions)
            if wait is not None:
                await asyncio.sleep(wait)
        if len(self._absent) >= _MAX_ABSENT:
            self._absent.clear()
        self._absent[name] = time.monotonic() + _ABSENT_SECONDS
        raise TopicNotFound

    async def _list(self, name: str, timeout: float) -> ClusterMetadata:
        try:
            return await self._in_thread(self._kafka.list_topics, name or None, timeout)
        except KafkaException as error:
            raise _translate(error.args[0]) from None

    def _describe(self, name: str) -> dict[str, str | None]:
        if self._admin is None:
            self._admin = AdminClient(self._settings.kafka_config())
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        try:
            future = self._admin.describe_configs([resource], request_timeout=self._timeout)[resource]
            return {key: entry.value for key, entry in future.result(self._timeout).items()}
        except KafkaException as error:
            raise _translate(error.args[0]) from None
        except TimeoutError:
            raise BrokerUnavailable(f"no answer within {self._timeout:g} s") from None

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: function(*arguments))

    async def _shared(self, question: str, ask: Callable[[], Awaitable[T]]) -> T:
        task = self._asked.get(question)
        if task is None:
            task = asyncio.ensure_future(ask())
            self._asked[question] = task
            task.add_done_callback(lambda done: self._answered(question, done))
        result: T = await asyncio.shield(task)
        return result

    def _answered(self, question: str, task: "asyncio.Task[Any]") -> None:
        del self._asked[question]
        if not task.cancelled():
            task.exception()  # looked at, in case nobody waits any more


def replicas(partition: PartitionMetadata) -> dict[str, Any]:
    """One partition as API v2 describes it."""
    return {
        "partition": partition.id,
        "leader": partition.leader,
        "replicas": [
            {"broker": broker, "leader": broker == partition.leader, "in_sync": broker in partition.isrs}
            for broker in partition.replicas
        ],
    }


def _translate(error: KafkaError) -> BrokerUnavailable | KafkaFailure | TopicNotFound:
    code = error.code()
    if code in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE):
        return BrokerUnavailable(error.str())
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return TopicNotFound()
    return KafkaFailure(error.str())
