"""Looks for what would go wrong before anything starts: ports in use, memory, missing set-up. Each with its fix."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass

import psutil

from pinpipe.settings import ROOT, Settings
from pinpipe.stack import PARTS, Part, Stack
from pinpipe.stack.supervise import TOOLS

DISK_MB = 4_000
"""What set-up and a full demo take on the disk, rounded up."""


@dataclass(frozen=True)
class Finding:
    """Something that is or will be in the way: what, and what to do about it."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}"


def examine(settings: Settings, parts: tuple[Part, ...] = PARTS) -> list[Finding]:
    """Everything that keeps ``parts`` from starting."""
    return [*set_up(), *ports(settings, parts), *resources(parts)]


def set_up() -> list[Finding]:
    """What set-up should have made and is not there."""
    wanted = (TOOLS / "jars" / "kafka", TOOLS / "jars" / "spark", TOOLS / "connect-plugins" / "pinpipe-s3-sink",
              TOOLS / "tools" / "mysqld.path", TOOLS / "localstack-packages", ROOT / ".venv-localstack",
              TOOLS / "airflow")  # fmt: skip
    missing = [path.relative_to(ROOT) for path in wanted if not path.exists()]
    return [Finding(f"set-up has not made {', '.join(map(str, missing))}", "run 'make setup'")] if missing else []


def ports(settings: Settings, parts: tuple[Part, ...]) -> list[Finding]:
    """Ports that another process listens on. Parts of this stack that run already use their own."""
    running = {name for name, state in Stack(settings).states().items() if state.pid}
    findings = []
    for part in parts:
        if part.name in running:
            continue
        for name in part.ports:
            port = int(getattr(settings, name))
            if _free(port):
                continue
            findings.append(
                Finding(
                    f"port {port}, for {part.name}, is in use by {_owner(port)}",
                    f"stop that process, or set {name.upper()} to a free port in .env",
                )
            )
    return findings


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # as the servers do it: a port whose last connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # another user's process, or one that has just ended
    return "another process"


def resources(parts: tuple[Part, ...]) -> list[Finding]:
    """Memory and disk against what the parts take."""
    findings = []
    needed = sum(part.memory_mb for part in parts)
    available = psutil.virtual_memory().available // 2**20
    if available < needed * 0.7:
        findings.append(
            Finding(f"{available} MB of memory are free, the parts take {needed} MB", "close other programs")
        )
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < DISK_MB:
        findings.append(Finding(f"{free} MB of disk are free below {ROOT}", f"make room for {DISK_MB} MB"))
    return findings
