"""``POST /topics/{topic}``: records into Kafka."""

from aiohttp import web

from services.rest_proxy import media, records, topic_names
from services.rest_proxy.body import BodyReader
from services.rest_proxy.cluster import Cluster
from services.rest_proxy.errors import (
    KAFKA_ERROR,
    KAFKA_RETRIABLE_ERROR,
    BrokerUnavailable,
    KafkaFailure,
    TopicNotFound,
)
from services.rest_proxy.metrics import Metrics
from services.rest_proxy.producer import Producer
from services.rest_proxy.records import Record, Result

_SHOWN = 249
"""Characters of a wrong topic name that an error repeats, once for every record."""


class ProduceHandler:
    """Takes a body of records, sends them, and answers with an entry for each.

    200 says that the request was understood; whether a record is in Kafka is said by its own entry.
    """

    def __init__(
        self, reader: BodyReader, producer: Producer, cluster: Cluster, metrics: Metrics, max_records: int
    ) -> None:
        self._reader = reader
        self._max_records = max_records
        self._producer = producer
        self._cluster = cluster
        self._metrics = metrics

    async def post(self, request: web.Request) -> web.Response:
        """Produce to a topic."""
        accepted = media.negotiate(request.headers.get("Accept", "*/*"))
        form = media.record_format(request.headers.get("Content-Type", ""))
        body = await self._reader.read(request)
        try:
            batch = records.parse(body, form, self._max_records)
            results = await self._send(request.match_info["topic"], batch)
        finally:
            self._reader.release(len(body))
        failed = sum(result.error_code is not None for result in results)
        self._metrics.records_failed += failed
        self._metrics.records_produced += len(results) - failed
        return web.Response(body=records.answer(results), headers={"Content-Type": accepted})

    async def _send(self, topic: str, batch: list[Record]) -> list[Result]:
        if not topic_names.is_valid(topic):
            return [Result(error_code=KAFKA_ERROR, error=f"Invalid topics: [{topic[:_SHOWN]}]")] * len(batch)
        highest = max((record.partition or 0 for record in batch), default=0)
        try:
            known = self._cluster.known_partitions(topic)
            if known is None or highest >= known:
                known = await self._cluster.find_for_produce(topic)
        except TopicNotFound as error:
            return [Result(error_code=KAFKA_ERROR, error=error.message)] * len(batch)
        except (BrokerUnavailable, KafkaFailure) as error:
            text = f"{error.message} The record was not sent."
            return [Result(error_code=KAFKA_RETRIABLE_ERROR, error=text)] * len(batch)
        if highest < known:
            results = await self._producer.send(topic, batch)
        else:
            results = await self._send_to_existing(topic, batch, known)
        if any(result.error_code == KAFKA_ERROR for result in results):
            self._cluster.forget(topic)
        return results

    async def _send_to_existing(self, topic: str, batch: list[Record], partitions: int) -> list[Result]:
        """Send the records whose partition exists; the others fail on their own."""
        good = [record for record in batch if (record.partition or 0) < partitions]
        sent = iter(await self._producer.send(topic, good))
        return [
            next(sent)
            if (record.partition or 0) < partitions
            else Result(
                error_code=KAFKA_ERROR,
                error=f"Partition {record.partition} not found: topic {topic} has {partitions}.",
            )
            for record in batch
        ]
