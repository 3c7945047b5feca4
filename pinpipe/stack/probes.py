"""Does a part answer? One probe per part, each a real request of the part's own protocol where that is cheap."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from pinpipe.errors import PartDown
from pinpipe.settings import Settings
from pinpipe.stack.parts import BY_NAME

TIMEOUT = 2.0
"""Seconds a probe may take."""


def _http(url: str) -> bool:
    try:
        return requests.get(url, timeout=TIMEOUT).ok
    except requests.RequestException:
        return False


def _tcp(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), TIMEOUT).close()
    except OSError:
        return False
    return True


def _mysql(settings: Settings) -> bool:
    """MySQL greets each connection by itself: a first byte means that it serves, not only listens."""
    url = urlsplit(settings.mysql_url.get_secret_value())
    try:
        with socket.create_connection((url.hostname or "", url.port or 3306), TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            return len(connection.recv(5)) == 5
    except OSError:
        return False


def _kafka(settings: Settings) -> bool:
    host, _, port = settings.kafka_bootstrap_servers.split(",")[0].rpartition(":")
    return _tcp(host, int(port))


def _spark(settings: Settings) -> bool:
    if not settings.spark_remote:
        return True  # the session is in the command's own process
    url = urlsplit(settings.spark_remote)
    return _tcp(url.hostname or "", url.port or 15002)


def _airflow(settings: Settings, name: str) -> bool:
    """What Airflow says of one of its own processes: those without a port write their heartbeat into its database."""
    try:
        told = requests.get(f"{settings.airflow_url}/api/v2/monitor/health", timeout=TIMEOUT).json()
        return bool(told[name]["status"] == "healthy")
    except (requests.RequestException, KeyError):
        return False


PROBES: dict[str, Callable[[Settings], bool]] = {
    "mysql": _mysql,
    "kafka": _kafka,
    "localstack": lambda settings: _http(f"{settings.aws_endpoint_url}/_localstack/health"),
    "spark": _spark,
    "connect": lambda settings: _http(f"{settings.connect_url}/connectors"),
    "rest-proxy": lambda settings: _http(f"{settings.rest_proxy_url}/healthz"),
    "stream": lambda settings: _http(f"{settings.stream_url}/healthz"),
    # the tasks' API: it gets ready at its first request, which takes seconds, so better here than in the first task
    "airflow-api-server": lambda settings: _http(f"{settings.airflow_url}/execution/health"),
    "airflow-scheduler": lambda settings: _airflow(settings, "scheduler"),
    "airflow-dag-processor": lambda settings: _airflow(settings, "dag_processor"),
}


def answers(settings: Settings, names: Iterable[str]) -> dict[str, bool]:
    """Probe parts at the same time; a name to whether it answers."""
    names = list(names)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        return dict(zip(names, pool.map(lambda name: PROBES[name](settings), names), strict=True))


def require(settings: Settings, *names: str) -> None:
    """Raise :class:`PartDown`, one line per part with its address and log, unless all answer."""
    if not settings.local:
        return  # on AWS an address says nothing about who runs it: its own client tells
    down = [name for name, up in answers(settings, names).items() if not up]
    if down:
        raise PartDown("\n".join(
            f"{name} does not answer at {BY_NAME[name].address(settings)}: start it with 'pinpipe up'; "
            f"its log is {settings.pin_home / 'logs' / name}.log"
            for name in down
        ))  # fmt: skip
