"""A real LocalStack of a test's own, started as the stack starts it, on a free port; its data dies with it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import requests

from tests.support.kafka import free_ports

_ROOT = Path(__file__).resolve().parents[2]


class LocalStack:
    """One LocalStack; ``start`` may follow ``kill``, on the same port and empty."""

    region = "us-east-1"

    def __init__(self, home: Path, tools: Path) -> None:
        """Nothing runs yet. ``tools`` is what set-up made (.pinpipe)."""
        self.home = home
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._tools = tools
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 90) -> LocalStack:
        """Start it and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(_ROOT / "localstack" / "run.sh")],
                env={
                    **os.environ,
                    "PIN_HOME": str(self.home),
                    "PIN_TOOLS": str(self._tools),
                    "PIN_LOCALSTACK_PYTHON": str(_ROOT / ".venv-localstack" / "bin" / "python"),
                    "LOCALSTACK_PORT": str(self.port),
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                requests.get(f"{self.url}/_localstack/health", timeout=2).raise_for_status()
                return self
            except requests.RequestException:
                time.sleep(0.2)
        self.kill()
        raise AssertionError("LocalStack did not start:\n" + (self.home / "log").read_text(errors="replace")[-2000:])

    def s3(self) -> Any:
        """A client of its S3."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def freeze(self) -> None:
        """Stop it without ending it: connections are taken by the system, nothing is answered, nothing is forgotten."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, with everything it holds."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def __enter__(self) -> LocalStack:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
