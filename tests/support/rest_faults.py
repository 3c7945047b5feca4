"""A REST proxy that fails on demand: a fake, for faults that the real proxy can't be made to show.

The real path, against the real proxy and the real broker, is tested end to end elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.support.http_server import QuietHandler, serving

Answer = tuple[int, Any]


class CutOff(NamedTuple):
    """An answer that breaks off in the middle."""

    status: int
    body: Any


Fault = Callable[[list[dict[str, Any]]], Answer | None]
"""Is given a request's records; its answer is a status and a body, None cuts the connection."""


@dataclass
class FaultyProxy:
    """Answers the first requests by ``faults``, in order, then acknowledges all. Remembers what it was sent."""

    address: str = ""
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = field(default_factory=list)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self) -> list[list[int]]:
        """The records' keys, request by request."""
        return [[record["key"] for record in records] for _, _, records in self.requests]


def acknowledge(records: list[dict[str, Any]]) -> Answer:
    entries = [{"partition": 0, "offset": i, "error_code": None, "error": None} for i in range(len(records))]
    return 200, {"offsets": entries, "key_schema_id": None, "value_schema_id": None}


def refuse(*keys: int, error: str = "broker says no") -> Fault:
    """Answers 200 and acknowledges all records but those with these keys."""

    def fault(records: list[dict[str, Any]]) -> Answer:
        status, body = acknowledge(records)
        for record, entry in zip(records, body["offsets"], strict=True):
            if record["key"] in keys:
                entry.update(partition=None, offset=None, error_code=50002, error=error)
        return status, body

    return fault


def answer(status: int, body: Any = "") -> Fault:
    return lambda records: (status, body)


def hang(seconds: float) -> Fault:
    def fault(records: list[dict[str, Any]]) -> Answer:
        time.sleep(seconds)
        return acknowledge(records)

    return fault


def cut(records: list[dict[str, Any]]) -> None:
    """Takes the request and closes the connection without a word."""


def cut_off(taken: Fault) -> Fault:
    """Takes the request and answers as ``taken``, but breaks off in the middle."""
    return lambda records: CutOff(*(taken(records) or ()))


@contextmanager
def faulty_proxy(port: int = 0, taken: Fault = acknowledge) -> Iterator[FaultyProxy]:
    """A running one; ``taken`` is how it acknowledges. A body without a list of records is one record itself."""
    proxy = FaultyProxy()

    class Handler(QuietHandler):
        def setup(self) -> None:
            with proxy.lock:
                proxy.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            records = body.get("records", [body])
            with proxy.lock:
                proxy.requests.append((self.path, dict(self.headers), records))
                fault = proxy.faults.pop(0) if proxy.faults else taken
            found = fault(records)
            if found is None:
                self.close_connection = True
                return
            status, body = found
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if isinstance(found, CutOff) else data)
                self.close_connection = isinstance(found, CutOff)
            except OSError:  # a client that gave up waiting is what some tests are about
                self.close_connection = True

        do_PUT = do_POST

    with serving(Handler, port) as proxy.address:
        yield proxy
