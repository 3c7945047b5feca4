"""Bounds: on a request's size and time, on what is held in memory, on how many consumers there are and how long."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.kafka import Broker, read_topic
from tests.support.rest_proxy import (
    JSON_RECORDS,
    ConsumerClient,
    ProxyProcess,
    offsets,
    produce,
    raw,
    status_of,
    wait_for,
)

pytestmark = pytest.mark.contract

LIMIT = 200_000


@pytest.fixture(scope="module")
def small(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy with small bounds."""
    with ProxyProcess(
        tmp_path_factory.mktemp("small"),
        broker.bootstrap,
        MAX_REQUEST_BYTES=str(LIMIT),
        MAX_REQUEST_RECORDS="50",
        MAX_BODY_MEMORY_BYTES=str(2**20),
        BODY_TIMEOUT_SECONDS="1",
        IDLE_TIMEOUT_SECONDS="1",
        MAX_CONSUMERS="2",
        CONSUMER_IDLE_SECONDS="1.5",
        MAX_READ_TIMEOUT_SECONDS="2",
        MAX_READ_BYTES="2000",
    ) as running:
        yield running


def head(topic: str, *lines: str) -> bytes:
    start = [f"POST /topics/{topic} HTTP/1.1", "Host: x", f"Content-Type: {JSON_RECORDS}", "Connection: close"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


def test_a_body_of_exactly_the_bound_is_taken_and_one_byte_more_is_not(small: ProxyProcess, topic: str) -> None:
    def sized(size: int) -> bytes:
        return b'{"records":[{"value":1}]' + b" " * (size - 25) + b"}"

    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        body = sized(size)
        assert len(body) == size
        answer = requests.post(
            f"{small.url}/topics/{topic}", data=body, headers={"Content-Type": JSON_RECORDS}, timeout=30
        )
        assert answer.status_code == status
    assert answer.json()["error_code"] == 413


def test_a_body_announced_too_large_is_refused_before_it_is_sent(small: ProxyProcess, topic: str) -> None:
    started = time.monotonic()
    answer = raw(small.port, head(topic, "Content-Length: 5000000000"))
    assert status_of(answer) == 413
    assert time.monotonic() - started < 4


def test_an_endless_chunked_body_is_cut_off(small: ProxyProcess, topic: str) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answer = raw(small.port, head(topic, "Transfer-Encoding: chunked") + chunk * 8)
    assert status_of(answer) == 413


def test_more_records_than_the_bound_are_refused(small: ProxyProcess, topic: str) -> None:
    assert produce(small.url, topic, [{"value": 1}] * 51).status_code == 413
    assert len(offsets(produce(small.url, topic, [{"value": 1}] * 50))) == 50


def test_a_body_that_does_not_arrive_is_answered_in_time(small: ProxyProcess, topic: str) -> None:
    started = time.monotonic()
    answer = raw(small.port, head(topic, "Content-Length: 100") + b'{"records":')
    assert status_of(answer) == 408
    assert 0.9 < time.monotonic() - started < 5


def test_headers_that_never_end_are_not_waited_for(small: ProxyProcess) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as connection:
        connection.sendall(b"GET /topics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        received = b"."
        while received:
            try:
                connection.sendall(b"a")
                time.sleep(0.1)
                connection.setblocking(False)
                try:
                    received = connection.recv(100)
                except BlockingIOError:
                    continue
                finally:
                    connection.settimeout(10)
            except (BrokenPipeError, ConnectionResetError):
                break
    assert time.monotonic() - started < 4


def test_a_half_closed_connection_still_gets_its_answer(small: ProxyProcess, topic: str) -> None:
    body = b'{"records":[{"value":1}]}'
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as connection:
        connection.sendall(head(topic, f"Content-Length: {len(body)}") + body)
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(65536)
    assert received == b"" or status_of(received) == 200  # sent or not, it is not left hanging


def test_a_caller_that_hangs_up_leaves_nothing_held(small: ProxyProcess, topic: str) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", small.port), timeout=10) as connection:
            connection.sendall(head(topic, "Content-Length: 100000") + b"x" * 50_000)
    wait_for(lambda: gauge(small, "held_body_bytes") == 0, 10, "held bodies to be let go")


def test_bodies_over_the_common_bound_are_told_to_come_again(small: ProxyProcess, topic: str) -> None:
    body = b'{"records":[{"value":"' + b"x" * (LIMIT - 100) + b'"}]}'
    slow = []
    try:
        for _ in range(6):  # six bodies that are almost there hold the memory
            connection = socket.create_connection(("127.0.0.1", small.port), timeout=10)
            connection.sendall(head(topic, f"Content-Length: {len(body)}") + body[:-1])
            slow.append(connection)
        statuses = {status_of(connection.recv(65536)) for connection in slow}
    finally:
        for connection in slow:
            connection.close()
    assert statuses == {408, 503}
    assert len(offsets(produce(small.url, topic, [{"value": 1}]))) == 1


def test_hundreds_of_connections_that_say_nothing_stop_nobody(small: ProxyProcess, topic: str) -> None:
    before = small.memory()
    silent = [socket.create_connection(("127.0.0.1", small.port), timeout=10) for _ in range(500)]
    try:
        assert len(offsets(produce(small.url, topic, [{"value": 1}]))) == 1
        wait_for(lambda: all(closed(connection) for connection in silent), 10, "silent connections to be closed")
    finally:
        for connection in silent:
            connection.close()
    assert small.memory() - before < 64 * 2**20


def test_there_are_no_more_consumers_than_the_bound(small: ProxyProcess, group: str) -> None:
    made = [ConsumerClient(small.url, group) for _ in range(2)]
    third = requests.post(f"{small.url}/consumers/{group}", timeout=10)
    assert (third.status_code, third.json()["error_code"]) == (429, 429)
    for consumer in made:
        assert consumer.delete().status_code == 204
    assert ConsumerClient(small.url, group).delete().status_code == 204


def test_an_idle_consumer_is_dropped_and_a_busy_one_is_not(small: ProxyProcess, group: str, topic: str) -> None:
    idle, busy = ConsumerClient(small.url, group), ConsumerClient(small.url, group)
    busy.subscribe(topics=[topic])
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert busy.read(timeout=500).status_code == 200
    assert idle.read().json()["error_code"] == 40403
    assert busy.delete().status_code == 204


def test_a_dropped_consumer_leaves_its_partitions_to_others(
    small: ProxyProcess, base: str, group: str, topic: str
) -> None:
    dropped = ConsumerClient(small.url, group, auto_offset_reset="earliest")
    dropped.subscribe(topics=[topic])
    dropped.read(timeout=1000)
    other = ConsumerClient(base, group, format="json", auto_offset_reset="earliest")
    other.subscribe(topics=[topic])
    offsets(produce(base, topic, [{"value": 1}]))
    assert len(other.read_until(1)) == 1
    assert other.delete().status_code == 204


def test_a_read_waits_no_longer_than_the_bound(small: ProxyProcess, group: str, topic: str) -> None:
    consumer = ConsumerClient(small.url, group)
    consumer.subscribe(topics=[topic])
    assert consumer.read(timeout=3_600_000).elapsed.total_seconds() < 4
    assert consumer.delete().status_code == 204


def test_a_record_larger_than_a_read_may_be_is_still_handed_out(small: ProxyProcess, group: str, topic: str) -> None:
    offsets(produce(small.url, topic, [{"value": "x" * 5000}, {"value": "y" * 5000}]))
    consumer = ConsumerClient(small.url, group, format="json", auto_offset_reset="earliest")
    consumer.subscribe(topics=[topic])
    assert [record["value"][0] for record in consumer.read_until(2)] == ["x", "y"]
    assert consumer.delete().status_code == 204


def test_reads_at_the_same_time_share_the_records(base: str, group: str, topic: str) -> None:
    offsets(produce(base, topic, [{"value": n} for n in range(200)]))
    consumer = ConsumerClient(base, group, format="json", auto_offset_reset="earliest")
    consumer.subscribe(topics=[topic])
    found: list[int] = []
    lock = threading.Lock()

    def read(_: int) -> None:
        answer = consumer.read(timeout=300, max_bytes=200)
        with lock:
            found.extend(record["value"] for record in answer.json())

    deadline = time.monotonic() + 20
    while len(found) < 200 and time.monotonic() < deadline:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(read, range(4)))
    assert sorted(found) == list(range(200))
    assert consumer.delete().status_code == 204


def test_a_record_that_is_not_json_is_named_and_passed_over(base: str, bootstrap: str, group: str, topic: str) -> None:
    plain = produce(base, topic, [{"value": "bm90IGpzb24="}], "application/vnd.kafka.binary.v2+json")
    assert offsets(plain) == [(0, 0)]
    offsets(produce(base, topic, [{"value": "after"}]))
    assert [record.value for record in read_topic(bootstrap, topic)] == [b"not json", b'"after"']
    consumer = ConsumerClient(base, group, format="json", auto_offset_reset="earliest")
    consumer.subscribe(topics=[topic])
    answers = [consumer.read(timeout=5000)]
    while answers[-1].json() == []:
        answers.append(consumer.read(timeout=5000))
    assert (answers[-1].status_code, answers[-1].json()["error_code"]) == (422, 42203)
    assert f"{topic}, partition 0, offset 0" in answers[-1].json()["message"]
    assert [record["value"] for record in consumer.read_until(1)] == ["after"]
    assert consumer.delete().status_code == 204


def gauge(proxy: ProxyProcess, name: str) -> float:
    text = requests.get(f"{proxy.url}/metrics", timeout=10).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"rest_proxy_{name} "))


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
