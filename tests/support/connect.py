"""A real Kafka Connect worker of a test's own, started as the stack starts it, with the S3 sink on its plugin path."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.support.kafka import free_ports

_ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("4.3.1", "3.7.2")


def tools() -> Path:
    """The folder that set-up fills."""
    return Path(os.environ.get("PIN_TOOLS") or _ROOT / ".pinpipe")


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60, every: float = 0.1) -> None:
    """Return once the condition holds; fail with its name if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)


class Worker:
    """One worker; ``start`` may follow ``stop`` or ``kill``. Workers on one broker are one cluster."""

    def __init__(self, home: Path, broker: str, environment: Mapping[str, str], version: str = VERSIONS[0]) -> None:
        """Lay out its folder; nothing runs yet. ``environment`` is added to what the worker sees."""
        self.home = home
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        own_tools = home / "tools"
        (own_tools / "jars").mkdir(parents=True)
        (home / "run").mkdir()
        jars = "kafka" if version == VERSIONS[0] else f"kafka-{version}"
        (own_tools / "jars" / "kafka").symlink_to(tools() / "jars" / jars)
        (own_tools / "connect-plugins").symlink_to(tools() / "connect-plugins")
        self._environment = {
            **os.environ,
            **environment,
            "PIN_HOME": str(home),
            "PIN_TOOLS": str(own_tools),
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "CONNECT_PORT": str(self.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 120) -> Worker:
        """Start it and wait until it answers as a member of its cluster."""
        self.launch()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                requests.get(f"{self.url}/connectors", timeout=5).raise_for_status()
                return self
            except requests.RequestException:
                time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the Connect worker did not start:\n{self.log()[-3000:]}")

    def launch(self) -> None:
        """Start it and do not wait."""
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(_ROOT / "services" / "connect" / "run.sh")],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop its process without ending it, as a long pause of the machine would."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """All it has written."""
        return (self.home / "log").read_text(errors="replace")

    def rest(self, method: str, path: str, body: object = None) -> Any:
        """Call its REST API and return the answer's JSON, None without one.

        A call that meets a rebalance (409), or a broker that was killed just now (500), is repeated.
        """
        deadline = time.monotonic() + 60
        while True:
            answer = requests.request(method, self.url + path, json=body, timeout=90)
            if answer.status_code not in (409, 500) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def connector(self, name: str, config: Mapping[str, str], tasks: int = 1) -> Connector:
        """Create a connector, or change it; returns it once its tasks run."""
        self.rest("PUT", f"/connectors/{name}/config", dict(config))
        connector = Connector(self, name)
        wait_until(lambda: connector.states() == ["RUNNING"] * tasks, f"{tasks} tasks of {name} run")
        return connector

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._signal(signal.SIGCONT)
            self._signal(number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def __enter__(self) -> Worker:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Connector:
    """One connector of a worker."""

    worker: Worker
    name: str

    def tasks(self) -> list[dict[str, Any]]:
        """Its tasks, each with ``id``, ``state``, ``worker_id`` and, when failed, ``trace``."""
        path = f"{self.worker.url}/connectors/{self.name}/status"
        answer = requests.get(path, timeout=30)
        return list(answer.json()["tasks"]) if answer.ok else []

    def states(self) -> list[str]:
        """The state of each task."""
        return [task["state"] for task in self.tasks()]

    def failure(self) -> str:
        """The trace of its first failed task, once there is one."""
        wait_until(lambda: "FAILED" in self.states(), f"a task of {self.name} fails")
        return str(next(task["trace"] for task in self.tasks() if task["state"] == "FAILED"))

    def stop_and_forget_offsets(self) -> None:
        """Stop it and delete its committed offsets, as ``up`` does for an emptied lake."""
        self.worker.rest("PUT", f"/connectors/{self.name}/stop")
        wait_until(lambda: self.states() == [], f"{self.name} has stopped")
        self.worker.rest("DELETE", f"/connectors/{self.name}/offsets")

    def resume(self) -> None:
        """Let a stopped one go on."""
        self.worker.rest("PUT", f"/connectors/{self.name}/resume")

    def delete(self) -> None:
        """Remove it."""
        self.worker.rest("DELETE", f"/connectors/{self.name}")
