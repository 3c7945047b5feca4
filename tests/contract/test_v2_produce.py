"""``POST /topics/{topic}`` as rest-v2 describes Confluent's proxy: holds for any proxy, see ``conftest``."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.support.kafka import read_topic
from tests.support.rest_proxy import API, BINARY_RECORDS, JSON_RECORDS, offsets, produce

pytestmark = pytest.mark.contract


def post(base: str, topic: str, body: bytes, content_type: str = JSON_RECORDS, **headers: str) -> requests.Response:
    return requests.post(
        f"{base}/topics/{topic}", data=body, headers={"Content-Type": content_type, **headers}, timeout=60
    )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_json_records_are_answered_with_partition_and_offset_in_their_order(base: str, topic: str) -> None:
    answer = produce(base, topic, [{"value": {"n": n}} for n in range(3)])
    assert answer.json() == {
        "offsets": [{"partition": 0, "offset": n, "error_code": None, "error": None} for n in range(3)],
        "key_schema_id": None,
        "value_schema_id": None,
    }


def test_json_keys_and_values_reach_kafka_as_json(base: str, bootstrap: str, topic: str) -> None:
    offsets(produce(base, topic, [{"key": "k", "value": {"a": 1}}, {"key": {"k": 2}, "value": "text"}, {"value": 7}]))
    stored = [(record.key, record.value) for record in read_topic(bootstrap, topic)]
    keys = [key and json.loads(key) for key, _ in stored]
    assert keys == ["k", {"k": 2}, None]
    assert [json.loads(value or b"") for _, value in stored] == [{"a": 1}, "text", 7]


def test_binary_records_reach_kafka_as_their_decoded_bytes(base: str, bootstrap: str, topic: str) -> None:
    data = bytes(range(256))
    sent = [{"key": b64(b"\x00k"), "value": b64(data)}, {"value": b64(b"")}, {"value": b64(b"{}")}]
    offsets(produce(base, topic, sent, BINARY_RECORDS))
    stored = [(record.key, record.value) for record in read_topic(bootstrap, topic)]
    assert stored == [(b"\x00k", data), (None, b""), (None, b"{}")]


@pytest.mark.parametrize("content_type", [JSON_RECORDS, BINARY_RECORDS])
def test_a_null_value_is_a_tombstone(base: str, bootstrap: str, topic: str, content_type: str) -> None:
    key = "gone" if content_type == JSON_RECORDS else b64(b"gone")
    offsets(produce(base, topic, [{"key": key, "value": None}], content_type))
    assert [record.value for record in read_topic(bootstrap, topic)] == [None]


def test_the_partition_that_is_asked_for_gets_the_record(base: str, new_topic: Any) -> None:
    topic = new_topic(partitions=3)
    answer = produce(base, topic, [{"value": n, "partition": n} for n in (2, 0, 1)])
    assert offsets(answer) == [(2, 0), (0, 0), (1, 0)]


def test_records_with_the_same_key_go_to_the_same_partition(base: str, new_topic: Any) -> None:
    topic = new_topic(partitions=3)
    answer = produce(base, topic, [{"key": f"key-{n % 4}", "value": n} for n in range(40)])
    partitions = [partition for partition, _ in offsets(answer)]
    for key in range(4):
        assert len(set(partitions[key::4])) == 1


def test_parameters_of_the_content_type_are_fine(base: str, topic: str) -> None:
    answer = post(base, topic, b'{"records":[{"value":1}]}', f"{JSON_RECORDS}; charset=utf-8")
    assert offsets(answer) == [(0, 0)]


def test_unknown_fields_are_ignored(base: str, topic: str) -> None:
    body = b'{"key_schema_id":null,"other":[1],"records":[{"value":1,"headers":{"a":"b"}}]}'
    assert offsets(post(base, topic, body)) == [(0, 0)]


@pytest.mark.parametrize("name", ["avro", "protobuf", "jsonschema"])
def test_formats_that_need_a_schema_registry_are_refused(base: str, topic: str, name: str) -> None:
    answer = produce(base, topic, [{"value": 1}], f"application/vnd.kafka.{name}.v2+json")
    assert answer.status_code in (415, 422)  # a proxy with a registry misses the schema
    if answer.status_code == 415:
        assert "schema registry" in answer.json()["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", API])
def test_other_content_types_are_unsupported(base: str, topic: str, content_type: str) -> None:
    answer = produce(base, topic, [{"value": 1}], content_type)
    assert answer.status_code == 415
    assert answer.json() == {"error_code": 415, "message": "HTTP 415 Unsupported Media Type"}


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, API),
        ("*/*", API),
        ("application/*", API),
        (API, API),
        ("application/json", "application/json"),
        (f"application/json;q=0.5, {API}", API),
        (f"{API};q=0.1, application/json;q=0.9", "application/json"),
        ("text/html, application/json", "application/json"),
    ],
)
def test_the_answers_type_follows_accept(base: str, topic: str, accept: str | None, given: str) -> None:
    answer = produce(base, topic, [{"value": 1}], **({"Accept": accept} if accept else {}))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0] == given


def test_an_accept_without_a_known_type_is_not_acceptable(base: str, topic: str) -> None:
    answer = produce(base, topic, [{"value": 1}], Accept="application/xml")
    assert answer.status_code == 406
    assert answer.json()["error_code"] == 406


@pytest.mark.parametrize("body", [b'{"records": [', b"{", b'{"records":[{"value":}]}', b"not json"])
def test_broken_json_is_a_bad_request(base: str, topic: str, body: bytes) -> None:
    answer = post(base, topic, body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == 400


@pytest.mark.parametrize("field", ["key", "value"])
def test_bad_base64_is_a_bad_request(base: str, bootstrap: str, topic: str, field: str) -> None:
    records = [{"value": b64(b"good")}, {"value": b64(b"x"), field: "%%%"}]
    answer = produce(base, topic, records, BINARY_RECORDS)
    assert answer.status_code == 400
    assert read_topic(bootstrap, topic) == []


@pytest.mark.parametrize("body", [b"{}", b'{"records": []}', b'{"records": null}'])
def test_no_records_are_unprocessable(base: str, topic: str, body: bytes) -> None:
    answer = post(base, topic, body)
    assert answer.status_code == 422
    assert 422 in (answer.json()["error_code"], answer.json()["error_code"] // 100)


@pytest.mark.parametrize("body", [b"", b"null"])
def test_no_body_is_unprocessable(base: str, topic: str, body: bytes) -> None:
    answer = post(base, topic, body)
    assert answer.status_code == 422


def test_an_invalid_topic_name_is_an_error_of_every_record(base: str) -> None:
    answer = produce(base, "bad%20topic", [{"value": 1}, {"value": 2}])
    assert answer.status_code == 200
    entry = {"partition": None, "offset": None, "error_code": 50002, "error": "Invalid topics: [bad topic]"}
    assert answer.json()["offsets"] == [entry, entry]


def test_values_come_out_equal_whatever_json_they_are(base: str, bootstrap: str, topic: str) -> None:
    values: list[Any] = [
        {"z": 1, "a": [None, True, False, 1.5, -3]},
        'é\u00a0🎉 \\ " \n',
        12345678901234567890123,
        [],
        {},
        "",
        0,
        False,
        [[[[[{"deep": []}]]]]],
    ]
    offsets(produce(base, topic, [{"value": value} for value in values]))
    assert [json.loads(record.value or b"") for record in read_topic(bootstrap, topic)] == values
