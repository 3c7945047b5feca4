"""One line of JSON a request, on a stream of its own choice; never a record's content, never a query string."""

import asyncio
import time
from typing import TextIO

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from services.rest_proxy.metrics import Metrics

_FLUSH_SECONDS = 0.1
_MAX_LINES = 1000
_METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"))


ROUTE = "route"
"""Under this key a request carries its path's template; one that no handler saw has none."""


class _Line(msgspec.Struct, gc=False):
    time: str
    remote: str | None
    method: str
    path: str
    status: int
    received: int
    sent: int
    ms: float


class AccessLog:
    """Counts every request and, unless it has no stream, writes it down.

    Lines are written some at a time, within a tenth of a second; :meth:`flush` writes the rest.
    """

    def __init__(self, metrics: Metrics, stream: TextIO | None) -> None:
        self._metrics = metrics
        self._stream = stream
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._encoder = msgspec.json.Encoder()
        self._second = (0, "")

    def record(self, request: web.BaseRequest, response: web.StreamResponse, seconds: float) -> None:
        """Take note of one answered request."""
        route: str = request.get(ROUTE, "none")
        method = request.method if request.method in _METHODS else "other"
        received = request.content.total_bytes
        sent = response.body_length
        self._metrics.request(route, method, response.status, seconds, received, sent)
        if self._stream is None:
            return
        line = _Line(
            self._now(),
            request.remote,
            request.method,
            request.rel_url.raw_path,
            response.status,
            received,
            sent,
            round(seconds * 1000, 2),
        )
        self._lines.append(self._encoder.encode(line))
        if len(self._lines) >= _MAX_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was noted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines and self._stream is not None:
            text = b"\n".join(self._lines).decode()
            self._lines.clear()
            self._stream.write(text + "\n")
            self._stream.flush()

    def logger_class(self) -> type[AbstractAccessLogger]:
        """What aiohttp wants: a class, of which it makes one object for each connection."""
        record = self.record

        class Logger(AbstractAccessLogger):
            def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
                record(request, response, time)

        return Logger

    def _now(self) -> str:
        now = time.time()
        second = int(now)
        if self._second[0] != second:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{self._second[1]}.{int(now * 1000) % 1000:03d}Z"
