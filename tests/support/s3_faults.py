"""A proxy before a real S3 that fails on demand: what LocalStack can't be made to answer by itself.

Requests it lets through reach LocalStack as they are, and the answers come back as they are.
"""

from __future__ import annotations

import http.client
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.http_server import QuietHandler, serving

_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class FaultyS3:
    """``fault`` is what becomes of the next requests: a status that is answered for it, ``slow`` (three seconds),
    ``cut`` (the connection is closed after the request was passed on) or ``None``. It strikes one request in ``each``.
    """

    address: str = ""
    fault: int | str | None = None
    each: int = 1
    struck: Counter[str] = field(default_factory=Counter)
    passed: int = 0


@contextmanager
def faulty_s3(target: str) -> Iterator[FaultyS3]:
    """A running one in front of ``target``."""
    proxy, host, chance = FaultyS3(), urlsplit(target).netloc, random.Random(11)

    class Handler(QuietHandler):
        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _handle(self) -> None:
            body = self._body()
            fault = proxy.fault if chance.randrange(proxy.each) == 0 else None
            if fault is not None:
                proxy.struck[str(fault)] += 1
            if isinstance(fault, int):
                error = b"<Error><Code>InternalError</Code><Message>on demand</Message></Error>"
                self._answer(fault, [("Content-Type", "application/xml"), ("Content-Length", str(len(error)))], error)
                return
            if fault == "slow":
                time.sleep(3)
            proxy.passed += 1
            connection = http.client.HTTPConnection(host, timeout=120)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            if "Content-Length" not in self.headers and body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if fault == "cut":
                self.close_connection = True
                return
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
            if not any(name.lower() == "content-length" for name, _ in headers) and answer.status != 204:
                headers.append(("Content-Length", str(len(content))))
            self._answer(answer.status, headers, content)

        def _body(self) -> bytes:
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

        def handle_expect_100(self) -> bool:
            return True  # _body says it

    with serving(Handler) as proxy.address:
        yield proxy
