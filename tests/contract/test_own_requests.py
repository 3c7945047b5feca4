"""Requests made by hand to do harm: whatever a caller sends is answered in time, and never with a 5xx."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.kafka import read_topic
from tests.support.rest_proxy import JSON_RECORDS, ProxyProcess, offsets, raw, raw_path, status_of

pytestmark = pytest.mark.contract

TYPES = {"Content_Type": JSON_RECORDS}


def post(proxy: ProxyProcess, topic: str, body: bytes, **headers: str) -> requests.Response:
    return requests.post(
        f"{proxy.url}/topics/{topic}", data=body, headers={"Content-Type": JSON_RECORDS, **headers}, timeout=30
    )


def record(value: bytes) -> bytes:
    return b'{"records":[{"value":' + value + b"}]}"


@pytest.mark.parametrize(
    "value",
    [
        b'{"b":1,  "a":2.50}',
        b'{"a":1,"a":2}',
        b"1e999",
        b"9" * 5000,
        b"-0.0",
        b"1E+2",
        b'"\\u0041\\/\\ud83c\\udf89"',
        '"é\u2028🎉"'.encode(),
        b'{"a":\n[1,\r\n2]}',
        b"[" * 100 + b"]" * 100,
    ],
)
def test_a_json_value_is_stored_byte_for_byte(proxy: ProxyProcess, bootstrap: str, topic: str, value: bytes) -> None:
    offsets(post(proxy, topic, record(value)))
    assert [stored.value for stored in read_topic(bootstrap, topic)] == [value]


@pytest.mark.parametrize(
    "body",
    [
        record(b"NaN"),
        record(b"Infinity"),
        record(b"01"),
        record(b"'x'"),
        record(b"[1,]"),
        record(b'"\xff\xfe"'),
        record(b'"a\x01b"'),
        record(b'"\xed\xa0\x80"'),
        record(b"[" * 100_000 + b"]" * 100_000),
        record(b"1") + b"x",
        b"\xef\xbb\xbf" + record(b"1"),
        record(b"1").decode().encode("utf-16"),
        b"[]",
        b"1",
        b'"text"',
        b'{"records":{}}',
        b'{"records":[1]}',
        b'{"records":[null]}',
        b'{"records":[{"value":1,"partition":"0"}]}',
        b'{"records":[{"value":1,"partition":true}]}',
        b"\x00",
    ],
)
def test_a_body_that_is_not_json_of_this_shape_is_a_bad_request(proxy: ProxyProcess, topic: str, body: bytes) -> None:
    answer = post(proxy, topic, body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400)


@pytest.mark.parametrize("partition", [b"-1", b"2147483648", b"99999999999999999999999", b"0.5", b"1e300"])
def test_a_partition_out_of_range_is_unprocessable(proxy: ProxyProcess, topic: str, partition: bytes) -> None:
    answer = post(proxy, topic, b'{"records":[{"value":1,"partition":' + partition + b"}]}")
    assert (answer.status_code, answer.json()["error_code"]) == (422, 422)


def test_the_last_of_two_equal_fields_counts(proxy: ProxyProcess, bootstrap: str, topic: str) -> None:
    offsets(post(proxy, topic, b'{"records":[],"records":[{"value":1,"value":2}]}'))
    assert [stored.value for stored in read_topic(bootstrap, topic)] == [b"2"]


def test_a_compressed_body_is_unsupported(proxy: ProxyProcess, topic: str) -> None:
    answer = post(proxy, topic, gzip.compress(record(b"1")), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_chunked_body_is_read_whole(proxy: ProxyProcess, bootstrap: str, topic: str) -> None:
    body = record(json.dumps("x" * 300_000).encode())
    pieces = (body[i : i + 7000] for i in range(0, len(body), 7000))
    answer = requests.post(
        f"{proxy.url}/topics/{topic}", data=pieces, headers={"Content-Type": JSON_RECORDS}, timeout=30
    )
    offsets(answer)
    assert [len(stored.value or b"") for stored in read_topic(bootstrap, topic)] == [300_002]


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-5\r\nhello\r\n", b"5\r\nhelloworld\r\n"])
def test_malformed_chunks_are_a_bad_request(proxy: ProxyProcess, topic: str, chunk: bytes) -> None:
    head = f"POST /topics/{topic} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON_RECORDS}\r\nConnection: close\r\n"
    answer = raw(proxy.port, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n")
    assert status_of(answer) == 400


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a%2Fb", "a/b"),
        ("..", ".."),
        ("%2e%2e", ".."),
        (".", "."),
        ("%00", "\0"),
        ("%20", " "),
        ("%E4%BD%A0", "你"),
        ("..%2f..%2fetc%2fpasswd", "../../etc/passwd"),
        ("x" * 300, "x" * 249),
    ],
)
def test_a_path_trick_is_an_invalid_topic_and_nothing_else(proxy: ProxyProcess, path: str, name: str) -> None:
    status, body = raw_path(proxy.port, "POST", f"/topics/{path}", record(b"1"), **TYPES)
    assert status == 200
    entry = json.loads(body)["offsets"][0]
    assert (entry["error_code"], entry["error"]) == (50002, f"Invalid topics: [{name}]")
    assert raw_path(proxy.port, "GET", f"/topics/{path}")[0] == 404


@pytest.mark.parametrize(
    "path", ["/topics/../healthz", "//topics", "/topics/", "/topics/a/b/c", "/%2e%2e/topics", "/topics;x=1"]
)
def test_a_path_that_is_not_there_is_404(proxy: ProxyProcess, path: str) -> None:
    assert raw_path(proxy.port, "GET", path)[0] == 404


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /topics/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /topics HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /topics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET /topics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /topics/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /topics HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"GET /topics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_http_is_the_callers_fault(proxy: ProxyProcess, request_bytes: bytes) -> None:
    assert 400 <= status_of(raw(proxy.port, request_bytes)) < 500


@pytest.mark.parametrize(
    "parameters",
    [{"timeout": "soon"}, {"max_bytes": "1.5"}, {"timeout": ""}, {"timeout": "9" * 5000}, {"timeout": "１"}],
)
def test_a_malformed_parameter_is_a_bad_request(proxy: ProxyProcess, group: str, parameters: dict[str, str]) -> None:
    url = f"{proxy.url}/consumers/{group}"
    instance = requests.post(url, timeout=10).json()["base_uri"]
    answer = requests.get(f"{instance}/records", params=parameters, timeout=10)
    assert answer.status_code == 400
    assert requests.delete(instance, timeout=10).status_code == 204


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "a{1,1000}", "((a))", "[", "(", "\\1", "a**", "[z-a]", "", "x" * 250, "é", "a\0b", "(?=x)"],
)
def test_a_pattern_that_could_do_harm_is_unprocessable(proxy: ProxyProcess, group: str, pattern: str) -> None:
    instance = requests.post(f"{proxy.url}/consumers/{group}", timeout=10).json()["base_uri"]
    headers = {"Content-Type": "application/vnd.kafka.v2+json"}
    answer = requests.post(f"{instance}/subscription", json={"topic_pattern": pattern}, headers=headers, timeout=10)
    assert answer.status_code == (204 if pattern == "(a+)+$" else 422)
    assert requests.delete(instance, timeout=10).status_code == 204


def test_a_hundred_topics_that_are_not_there_are_answered_at_once(proxy: ProxyProcess) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: post(proxy, f"absent-{n}", record(b"1")), range(100)))
    assert {answer.json()["offsets"][0]["error"] for answer in answers} == {"Topic not found."}
    assert time.monotonic() - started < 10
