"""``GET /topics…`` and ``GET /brokers``: what the cluster has."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from services.rest_proxy import media
from services.rest_proxy.cluster import Cluster, replicas
from services.rest_proxy.errors import PartitionNotFound

_MAX_DIGITS = 10


class MetadataHandlers:
    """Answers from the cluster's metadata."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def topics(self, request: web.Request) -> web.Response:
        """All topics' names."""
        return await _answer(request, self._cluster.names)

    async def topic(self, request: web.Request) -> web.Response:
        """One topic: its name, its configuration and its partitions."""

        async def ask() -> Any:
            name = request.match_info["topic"]
            topic = await self._cluster.topic(name)
            configs = await self._cluster.configs(name)
            return {
                "name": name,
                "configs": configs,
                "partitions": [replicas(topic.partitions[i]) for i in sorted(topic.partitions)],
            }

        return await _answer(request, ask)

    async def partitions(self, request: web.Request) -> web.Response:
        """One topic's partitions."""

        async def ask() -> Any:
            topic = await self._cluster.topic(request.match_info["topic"])
            return [replicas(topic.partitions[i]) for i in sorted(topic.partitions)]

        return await _answer(request, ask)

    async def partition(self, request: web.Request) -> web.Response:
        """One partition."""

        async def ask() -> Any:
            topic = await self._cluster.topic(request.match_info["topic"])
            text = request.match_info["partition"]
            number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else -1
            if number not in topic.partitions:
                raise PartitionNotFound
            return replicas(topic.partitions[number])

        return await _answer(request, ask)

    async def brokers(self, request: web.Request) -> web.Response:
        """All brokers' ids."""

        async def ask() -> Any:
            return {"brokers": await self._cluster.brokers()}

        return await _answer(request, ask)


async def _answer(request: web.Request, ask: Callable[[], Awaitable[Any]]) -> web.Response:
    accepted = media.negotiate(request.headers.get("Accept", "*/*"))
    body = msgspec.json.encode(await ask())
    return web.Response(body=body, headers={"Content-Type": accepted})
