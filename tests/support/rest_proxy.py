"""The REST proxy as a process of a test's own, and the requests that tests send to it or to any other."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.support.kafka import Broker, free_ports, read_topic

_ROOT = Path(__file__).resolve().parents[2]

API = "application/vnd.kafka.v2+json"
JSON_RECORDS = "application/vnd.kafka.json.v2+json"
BINARY_RECORDS = "application/vnd.kafka.binary.v2+json"


class ProxyProcess:
    """``python -m services.rest_proxy`` on a free port."""

    def __init__(self, folder: Path, bootstrap: str, **settings: str) -> None:
        """Settings are environment variables without their prefix ``REST_PROXY_``."""
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"proxy-{self.port}.log"
        self.access_log = folder / f"proxy-{self.port}-access.log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "REST_PROXY_PORT": str(self.port),
            **{f"REST_PROXY_{name}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> "ProxyProcess":
        """Start it and wait until it answers, and is ready if that is asked for."""
        with self.log.open("ab") as errors, self.access_log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.rest_proxy"],
                cwd=_ROOT,
                env=self._environment,
                stdout=out,
                stderr=errors,
            )
        wait_for(lambda: self._answers(ready), 30, f"the proxy, see {self.log}")
        return self

    def terminate(self) -> None:
        """Send SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for its end; returns the exit code."""
        assert self.process is not None
        return self.process.wait(timeout)

    def memory(self) -> int:
        """Bytes resident now."""
        assert self.process is not None
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert match is not None
        return int(match[1]) * 1024

    def __enter__(self) -> "ProxyProcess":
        return self if self.process is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def _answers(self, ready: bool) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the proxy ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        try:
            status = requests.get(f"{self.url}/healthz", timeout=5).status_code
        except requests.ConnectionError:
            return False
        return status == 200 or not ready


def wait_for(condition: Any, timeout: float, what: str) -> None:
    """Ask again and again until a condition holds.

    :raises TimeoutError: naming what did not happen
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(0.05)


def produce(base: str, topic: str, records: Any, content_type: str = JSON_RECORDS, **headers: str) -> requests.Response:
    """Post records as the given content type."""
    return requests.post(
        f"{base}/topics/{topic}",
        json={"records": records},
        headers={"Content-Type": content_type, **headers},
        timeout=60,
    )


def offsets(response: requests.Response) -> list[tuple[int | None, int | None]]:
    """Partition and offset of every entry of a produce answer, which must be free of errors."""
    assert response.status_code == 200, response.text
    entries = response.json()["offsets"]
    assert [entry["error"] for entry in entries] == [None] * len(entries)
    return [(entry["partition"], entry["offset"]) for entry in entries]


class ConsumerClient:
    """One consumer instance, used as a caller uses it."""

    def __init__(self, base: str, group: str, **options: Any) -> None:
        """Create it; ``options`` are the request's fields, with ``_`` for ``.``."""
        body = {name.replace("_", "."): value for name, value in options.items()}
        answer = self._send("POST", f"{base}/consumers/{group}", body)
        assert answer.status_code == 200, answer.text
        self.format = options.get("format", "binary")
        self.url: str = answer.json()["base_uri"]
        self.name: str = answer.json()["instance_id"]

    def subscribe(self, **body: Any) -> requests.Response:
        return self._send("POST", f"{self.url}/subscription", body)

    def read(self, **parameters: int) -> requests.Response:
        accept = f"application/vnd.kafka.{self.format}.v2+json"
        return requests.get(f"{self.url}/records", params=parameters, headers={"Accept": accept}, timeout=60)

    def read_until(self, count: int, timeout: float = 20.0) -> list[dict[str, Any]]:
        """Read again and again until there are this many records."""
        records: list[dict[str, Any]] = []
        deadline = time.monotonic() + timeout
        while len(records) < count and time.monotonic() < deadline:
            answer = self.read(timeout=1000)
            assert answer.status_code == 200, answer.text
            records += answer.json()
        assert len(records) == count, f"{len(records)} of {count} records within {timeout:g} s"
        return records

    def commit(self, body: Any = None) -> requests.Response:
        return self._send("POST", f"{self.url}/offsets", body)

    def committed(self, *partitions: tuple[str, int]) -> requests.Response:
        body = {"partitions": [{"topic": topic, "partition": number} for topic, number in partitions]}
        return self._send("GET", f"{self.url}/offsets", body)

    def delete(self) -> requests.Response:
        return self._send("DELETE", self.url, None)

    def _send(self, method: str, url: str, body: Any) -> requests.Response:
        return requests.request(method, url, json=body, headers={"Content-Type": API}, timeout=60)


class Load:
    """Callers that post numbered records, ``fill`` bytes longer than their numbers, until they are told to stop, and
    what they were told."""

    def __init__(self, proxy: ProxyProcess, topic: str, callers: int = 6, fill: int = 0) -> None:
        self.acknowledged: dict[tuple[int, int], str] = {}
        self.sent: set[str] = set()
        self.refused = 0
        self.errors: set[str] = set()
        self._fill = "x" * fill
        self._url = f"{proxy.url}/topics/{topic}"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(callers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _run(self, caller: int) -> None:
        session = requests.Session()
        session.headers["Content-Type"] = JSON_RECORDS
        number = 0
        while not self._stop.is_set():
            names = [f"{caller}-{number}-{i}{self._fill}" for i in range(5)]
            number += 1
            body = json.dumps({"records": [{"value": name} for name in names]})
            with self._lock:
                self.sent.update(names)
            try:
                answer = session.post(self._url, data=body, timeout=30)
            except requests.ConnectionError:
                self.refused += 1
                time.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            with self._lock:
                for name, entry in zip(names, answer.json()["offsets"], strict=True):
                    if entry["error_code"] is None:
                        self.acknowledged[entry["partition"], entry["offset"]] = name
                    else:
                        self.errors.add(entry["error"])


def stored(broker: Broker, topic: str) -> dict[tuple[int, int], str]:
    """(Partition, offset) to value of all that a topic holds."""
    found = read_topic(broker.bootstrap, topic)
    return {(record.partition, record.offset): json.loads(record.value or b"") for record in found}


def raw(port: int, request: bytes, timeout: float = 15.0) -> bytes:
    """Send bytes as they are and read until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def status_of(answer: bytes) -> int:
    """The status in the bytes of an answer; 0 when the connection was closed without one."""
    match = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(match[1]) if match else 0


def raw_path(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """A request whose path nobody tidies up on its way."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found
