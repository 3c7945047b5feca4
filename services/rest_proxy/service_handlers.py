"""What the proxy says about itself: ``/healthz``, ``/metrics``, ``/openapi.json`` and ``/``."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from services.rest_proxy import media, metrics
from services.rest_proxy.cluster import Cluster

Gauges = Callable[[], dict[str, tuple[str, float]]]


class ServiceHandlers:
    """Answers about the proxy."""

    def __init__(self, cluster: Cluster, counted: metrics.Metrics, gauges: Gauges, document: bytes) -> None:
        self._cluster = cluster
        self._metrics = counted
        self._gauges = gauges
        self._document = document

    async def root(self, request: web.Request) -> web.Response:
        """An empty object, as Confluent's proxy answers."""
        accepted = media.negotiate(request.headers.get("Accept", "*/*"))
        return web.Response(body=b"{}", headers={"Content-Type": accepted})

    async def health(self, request: web.Request) -> web.Response:
        """200 when a broker answers, else 503 with the reason."""
        reason = await self._cluster.health()
        body = {"status": "unavailable", "reason": reason} if reason else {"status": "ready"}
        return web.Response(
            status=503 if reason else 200,
            body=msgspec.json.encode(body),
            headers={"Content-Type": media.JSON},
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Counters in Prometheus' text form."""
        text = self._metrics.expose(self._gauges())
        return web.Response(body=text.encode(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def openapi(self, request: web.Request) -> web.Response:
        """This API's own description."""
        return web.Response(body=self._document, headers={"Content-Type": media.JSON})
