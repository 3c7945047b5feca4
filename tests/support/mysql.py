"""A real MySQL 8 server of a test's own, started as the stack starts it, on a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

_ROOT = Path(__file__).resolve().parents[2]


class Mysql:
    """A server with its data in ``home``; it starts and stops as a context manager, and survives ``kill``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"mysql://pinpipe:pinpipe@127.0.0.1:{self.port}/pinterest_data"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mysql:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGTERM)

    def start(self, seconds: float = 90) -> None:
        mysqld = (_ROOT / ".pinpipe" / "tools" / "mysqld.path").read_text().strip()
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(_ROOT / "services" / "mysql" / "run.sh")],
                env={
                    **os.environ,
                    "PIN_HOME": str(self.home),
                    "MYSQL_URL": self.url,
                    "MYSQL_PORT": str(self.port),
                    "MYSQLD": mysqld,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        log_lines = (self.home / "log").read_text(errors="replace").splitlines()[-10:]
        self.stop(signal.SIGKILL)
        raise AssertionError("MySQL did not start:\n" + "\n".join(log_lines))

    def stop(self, how: signal.Signals) -> None:
        """End the server and its start script, with the given signal."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, how)
            process.wait(timeout=60)
