"""The running stack: it is open to this machine alone, and its secrets are in no command line and no log."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import psutil
import pytest

from pinpipe.stack import PARTS, Stack
from tests.support.pipeline import HOME, PORTS, Pipeline

pytestmark = pytest.mark.e2e


def processes(stack: Pipeline) -> list[psutil.Process]:
    """supervisord's children, and theirs."""
    parts = [state.pid for state in Stack(stack.settings()).states().values() if state.pid]
    assert len(parts) >= len([part for part in PARTS if not part.group and part.name != "stream"])
    found = [psutil.Process(pid) for pid in parts]
    return found + [child for process in found for child in process.children(recursive=True)]


def is_loopback(address: str) -> bool:
    host = ipaddress.ip_address(address)
    return (getattr(host, "ipv4_mapped", None) or host).is_loopback


def test_nothing_listens_outside_this_machine(stack: Pipeline) -> None:
    pids = {process.pid for process in processes(stack)}
    sockets = [
        one
        for one in psutil.net_connections("inet")
        if one.pid in pids and (one.status == psutil.CONN_LISTEN or (one.type == socket.SOCK_DGRAM and not one.raddr))
    ]
    assert [(one.pid, *one.laddr) for one in sockets if not is_loopback(one.laddr.ip)] == []
    # what it looked at are the parts, LocalStack's Kinesis among them
    served = {PORTS[port.upper()] for part in PARTS if not part.group and part.name != "stream" for port in part.ports}
    assert served < {one.laddr.port for one in sockets}


def test_no_secret_of_the_stack_is_in_a_command_line_or_a_log(stack: Pipeline) -> None:
    settings = Stack(stack.settings())
    secrets = [settings.spark_token(), settings.airflow_password()]
    assert all(len(secret) == 64 for secret in secrets)
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    texts = [*lines, *(file.read_text(errors="replace") for file in (HOME / "logs").rglob("*.log*"))]
    assert sum(map(len, texts)) > 10_000
    assert not [text[:200] for text in texts if any(secret in text for secret in secrets)]


def test_what_holds_a_secret_can_be_read_by_its_owner_alone(stack: Pipeline) -> None:
    held = [Path(HOME / "run" / name) for name in ("spark.token", "supervisord.conf", "spark.properties")]
    assert [file.name for file in held if file.stat().st_mode & 0o077] == []
