"""The REST proxy under two thousand connections that mean no good, and stopped again and again under load."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.drills import KILLS, Result, chance, record
from tests.support.kafka import Broker
from tests.support.rest_proxy import JSON_RECORDS, Load, ProxyProcess, offsets, produce, stored, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

CONNECTIONS = 2000
PATIENCE = 8
"""Seconds after which the proxy lets go of a connection that says nothing more."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


def request(topic: str, *lines: str) -> bytes:
    start = [f"POST /topics/{topic} HTTP/1.1", "Host: x", f"Content-Type: {JSON_RECORDS}"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


def test_two_thousand_connections_that_mean_no_good_stop_nobody(broker: Broker, tmp_path: Path) -> None:
    topic = broker.create_topic("crowded")
    said = (
        b"",  # nothing at all
        b"POST /topics/",  # half a line
        request(topic)[:-2],  # headers without an end
        request(topic, "Content-Length: 5000") + b'{"records":[',  # a body that does not come
        request(topic, "Transfer-Encoding: chunked") + b"ffff\r\nx",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64),  # TLS
        b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\n",
    )
    limits = {"BODY_TIMEOUT_SECONDS": str(PATIENCE), "IDLE_TIMEOUT_SECONDS": str(PATIENCE)}
    with ProxyProcess(tmp_path, broker.bootstrap, **limits) as proxy:
        offsets(produce(proxy.url, topic, [{"value": 0}]))
        before = proxy.memory()
        connections = []
        for n in range(CONNECTIONS):
            connections.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=10))
            connections[-1].sendall(said[n % len(said)])
        started = time.monotonic()
        for n in range(20):
            assert offsets(produce(proxy.url, topic, [{"value": n}])) == [(0, n + 1)]
        seconds = time.monotonic() - started
        grown = proxy.memory() - before
        statuses = set()
        for connection in connections:
            connection.settimeout(max(1.0, started + 3 * PATIENCE - time.monotonic()))
            with connection:
                answer = b""
                try:
                    while chunk := connection.recv(65536):  # a time-out here is a connection left hanging
                        answer += chunk
                except ConnectionResetError:
                    pass
            statuses.add(answer[9:12])
    assert statuses <= {b"", b"400", b"408", b"414", b"431"}
    assert seconds < 10
    assert grown < 150 * 2**20
    note = f"20 requests of others took that long; {grown // 2**20} MB more memory; all let go"
    record(Result("2,000 connections that mean no good", CONNECTIONS, 21, 0, 0, [round(seconds, 1)], note))


def test_stops_under_load_lose_nothing_that_was_acknowledged(broker: Broker, tmp_path: Path) -> None:
    moments, seconds = chance("SIGTERM"), []
    records = lost = twice = 0
    for stop in range(KILLS):
        topic = broker.create_topic(f"stopped-{stop}", partitions=2)
        with ProxyProcess(tmp_path, broker.bootstrap, SHUTDOWN_TIMEOUT_SECONDS="4") as proxy:
            load = Load(proxy, topic)
            wait_for(lambda load=load: len(load.acknowledged) > 500, 30, "five hundred records")
            time.sleep(moments.uniform(0, 3))
            started = time.monotonic()
            proxy.terminate()
            code = proxy.wait(10)
            seconds.append(round(time.monotonic() - started, 1))
            load.stop()
        found = stored(broker, topic)
        assert code == 0
        assert load.refused > 0
        records += len(found)
        lost += len(load.acknowledged.items() - found.items())
        twice += len(found) - len(set(found.values()))
    note = "the time is from SIGTERM until it has ended"
    record(Result("SIGTERM of the REST proxy under load", KILLS, records, lost, twice, seconds, note))
    assert (lost, twice) == (0, 0)
