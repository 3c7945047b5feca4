"""Reading a request's body: bounded in size, in time, and in the memory that all bodies take together."""

import asyncio

from aiohttp import web

from services.rest_proxy.errors import BadRequest, Overloaded, SlowRequest, TooLarge, UnsupportedMediaType
from services.rest_proxy.settings import Settings


class BodyReader:
    """Reads bodies and counts the bytes that are held at one moment."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_request_bytes
        self._max_memory = settings.max_body_memory_bytes
        self._timeout = settings.body_timeout
        self.held = 0
        """Bytes of all bodies that are being read or worked on."""

    async def read(self, request: web.Request) -> bytes:
        """The body, counted as held until :meth:`release` is told its size.

        :raises UnsupportedMediaType: when it is compressed
        :raises TooLarge: when it is over the bound, said so by its header where there is one
        :raises SlowRequest: when it does not arrive in time
        :raises Overloaded: when all bodies together are over their bound
        :raises BadRequest: when the connection breaks or the chunks are malformed
        """
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("a body must not be compressed")
        announced = request.content_length
        if announced is not None and announced > self._max_bytes:
            raise TooLarge(f"a body may have {self._max_bytes} bytes")
        try:
            if not request.content.is_eof():
                return await self._collect(request)
            body = await request.content.read()
        except web.RequestPayloadError as error:
            raise BadRequest(f"the body is broken: {error}") from None
        self._take(len(body))
        return body

    def release(self, size: int) -> None:
        """Let go of a body of this size."""
        self.held -= size

    async def _collect(self, request: web.Request) -> bytes:
        """A body that is still arriving."""
        chunks, taken = [], 0
        try:
            async with asyncio.timeout(self._timeout):
                async for chunk in request.content.iter_any():
                    taken += self._take(len(chunk))
                    if taken > self._max_bytes:
                        raise TooLarge(f"a body may have {self._max_bytes} bytes")
                    chunks.append(chunk)
            return b"".join(chunks)
        except TimeoutError:
            self.release(taken)
            raise SlowRequest(f"the body took over {self._timeout:g} s") from None
        except BaseException:
            self.release(taken)
            raise

    def _take(self, size: int) -> int:
        if self.held + size > self._max_memory:
            raise Overloaded("too many requests at once; try again later")
        self.held += size
        return size
