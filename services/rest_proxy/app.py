"""The proxy as one object: its parts, its routes, and how errors become answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TextIO

import msgspec
from aiohttp import web

from services.rest_proxy import media, openapi
from services.rest_proxy.access_log import ROUTE, AccessLog
from services.rest_proxy.body import BodyReader
from services.rest_proxy.cluster import Cluster
from services.rest_proxy.consumer_handlers import ConsumerHandlers
from services.rest_proxy.consumers import Consumers
from services.rest_proxy.errors import (
    ApiError,
    MethodNotAllowed,
    NotFound,
)
from services.rest_proxy.metadata_handlers import MetadataHandlers
from services.rest_proxy.metrics import Metrics
from services.rest_proxy.produce_handler import ProduceHandler
from services.rest_proxy.producer import Producer
from services.rest_proxy.service_handlers import ServiceHandlers
from services.rest_proxy.settings import Settings

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Proxy:
    """Every part of the proxy, wired; made inside a running event loop."""

    def __init__(self, settings: Settings, access_stream: TextIO, on_fatal: Callable[[str], None]) -> None:
        self.metrics = Metrics()
        self.access_log = AccessLog(self.metrics, access_stream if settings.access_log else None)
        self.reader = BodyReader(settings)
        self.producer = Producer(settings, on_fatal)
        self.cluster = Cluster(settings, self.producer.kafka)
        self.consumers = Consumers(settings)
        self._settings = settings

    def application(self) -> web.Application:
        """The routes and the error answers."""
        produce = ProduceHandler(
            self.reader, self.producer, self.cluster, self.metrics, self._settings.max_request_records
        )
        metadata = MetadataHandlers(self.cluster)
        consumers = ConsumerHandlers(self.reader, self.consumers, self.metrics, self._settings)
        service = ServiceHandlers(self.cluster, self.metrics, self._gauges, openapi.document())
        app = web.Application(middlewares=[_errors])
        app.router.add_post("/topics/{topic}", produce.post)
        app.router.add_get("/topics", metadata.topics)
        app.router.add_get("/topics/{topic}", metadata.topic)
        app.router.add_get("/topics/{topic}/partitions", metadata.partitions)
        app.router.add_get("/topics/{topic}/partitions/{partition}", metadata.partition)
        app.router.add_get("/brokers", metadata.brokers)
        app.router.add_post("/consumers/{group}", consumers.create)
        instance = "/consumers/{group}/instances/{instance}"
        app.router.add_delete(instance, consumers.delete)
        app.router.add_post(f"{instance}/subscription", consumers.subscribe)
        app.router.add_get(f"{instance}/subscription", consumers.subscription)
        app.router.add_delete(f"{instance}/subscription", consumers.unsubscribe)
        app.router.add_get(f"{instance}/records", consumers.records)
        app.router.add_post(f"{instance}/offsets", consumers.commit)
        app.router.add_get(f"{instance}/offsets", consumers.committed)
        app.router.add_get("/healthz", service.health)
        app.router.add_get("/metrics", service.metrics)
        app.router.add_get("/openapi.json", service.openapi)
        app.router.add_get("/", service.root)
        app.on_shutdown.append(self._interrupt)
        return app

    async def _interrupt(self, _: web.Application) -> None:
        self.consumers.interrupt()

    async def close(self, timeout: float) -> int:
        """Deliver what was accepted and let go of Kafka; returns the records not acknowledged within ``timeout`` s."""
        unacknowledged, closed = await asyncio.gather(self.producer.close(timeout), self.consumers.close(timeout))
        if not closed:
            log.warning("some consumers did not leave their groups in time")
        self.cluster.close()
        self.access_log.flush()
        return unacknowledged

    def _gauges(self) -> dict[str, tuple[str, float]]:
        return {
            "queued_records": ("Records on their way to Kafka.", self.producer.queued()),
            "consumer_instances": ("Consumer instances.", len(self.consumers)),
            "held_body_bytes": ("Bytes of request bodies in memory.", self.reader.held),
        }


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is not None:
        request[ROUTE] = resource.canonical
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(error)
    except web.HTTPNotFound:
        return _answer(NotFound())
    except web.HTTPMethodNotAllowed as error:
        response = _answer(MethodNotAllowed())
        response.headers["Allow"] = error.headers["Allow"]
        return response
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _body(error.status, error.status, f"HTTP {error.status} {error.reason}")
    except Exception:
        log.exception("%s %s", request.method, request.rel_url.raw_path)
        return _answer(ApiError())


def _answer(error: ApiError) -> web.Response:
    return _body(error.status, error.error_code, error.message)


def _body(status: int, code: int, message: str) -> web.Response:
    body = msgspec.json.encode({"error_code": code, "message": message})
    return web.Response(status=status, body=body, headers={"Content-Type": media.JSON})
