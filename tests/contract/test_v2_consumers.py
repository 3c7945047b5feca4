"""Consumer instances as rest-v2 describes them: holds for any proxy, see ``conftest``."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.support.rest_proxy import API, BINARY_RECORDS, JSON_RECORDS, ConsumerClient, offsets, produce

pytestmark = pytest.mark.contract

Create = Callable[..., ConsumerClient]


@pytest.fixture
def create(base: str, group: str) -> Iterator[Create]:
    made: list[ConsumerClient] = []

    def make(**options: Any) -> ConsumerClient:
        consumer = ConsumerClient(base, group, **{"format": "json", "auto_offset_reset": "earliest", **options})
        made.append(consumer)
        return consumer

    yield make
    for consumer in made:
        consumer.delete()


def code(answer: requests.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error_code"]


def create_raw(base: str, group: str, body: Any, content_type: str = API) -> requests.Response:
    return requests.post(f"{base}/consumers/{group}", json=body, headers={"Content-Type": content_type}, timeout=30)


def test_an_instance_gets_an_id_and_an_address(base: str, group: str, create: Create) -> None:
    consumer = create(name="mine")
    assert consumer.name == "mine"
    assert consumer.url == f"{base}/consumers/{group}/instances/mine"


def test_an_instance_without_a_name_gets_one(create: Create) -> None:
    first, second = create(), create()
    assert first.name
    assert first.name != second.name


def test_json_records_are_read_back_with_their_coordinates(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"key": "k", "value": {"a": [1, None]}}, {"value": None}, {"value": "x"}]))
    consumer = create()
    assert consumer.subscribe(topics=[topic]).status_code == 204
    assert consumer.read_until(3) == [
        {"topic": topic, "key": "k", "value": {"a": [1, None]}, "partition": 0, "offset": 0},
        {"topic": topic, "key": None, "value": None, "partition": 0, "offset": 1},
        {"topic": topic, "key": None, "value": "x", "partition": 0, "offset": 2},
    ]


def test_binary_records_are_read_back_as_base64(base: str, topic: str, create: Create) -> None:
    data = base64.b64encode(bytes(range(256))).decode()
    offsets(produce(base, topic, [{"key": data, "value": data}, {"value": None}], BINARY_RECORDS))
    consumer = create(format="binary")
    consumer.subscribe(topics=[topic])
    found = [(record["key"], record["value"]) for record in consumer.read_until(2)]
    assert found == [(data, data), (None, None)]


def test_what_was_read_is_not_read_again_by_the_same_instance(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": 1}]))
    consumer = create()
    consumer.subscribe(topics=[topic])
    consumer.read_until(1)
    assert consumer.read(timeout=300).json() == []
    offsets(produce(base, topic, [{"value": 2}]))
    assert [record["value"] for record in consumer.read_until(1)] == [2]


def test_a_new_group_starts_at_the_end_when_told_latest(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": "before"}]))
    consumer = create(auto_offset_reset="latest")
    consumer.subscribe(topics=[topic])
    found: list[Any] = []
    for n in range(40):  # what comes after the group has formed is read, whenever that is
        offsets(produce(base, topic, [{"value": n}]))
        found += [record["value"] for record in consumer.read(timeout=500).json()]
        if found:
            break
    assert found
    assert "before" not in found


def test_a_pattern_subscribes_to_every_topic_it_matches(base: str, new_topic: Any, create: Create) -> None:
    topics = [new_topic(prefix="pattern-a"), new_topic(prefix="pattern-a"), new_topic(prefix="pattern-b")]
    for topic in topics:
        offsets(produce(base, topic, [{"value": topic}]))
    consumer = create()
    suffixes = "|".join(topic.rpartition("-")[2] for topic in topics)
    assert consumer.subscribe(topic_pattern=f"pattern-a-({suffixes})").status_code == 204
    assert sorted(record["value"] for record in consumer.read_until(2)) == sorted(topics[:2])


def test_max_bytes_bounds_one_read_and_the_next_goes_on(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": "x" * 100} for _ in range(10)]))
    consumer = create()
    consumer.subscribe(topics=[topic])
    reads: list[list[int]] = []
    for _ in range(60):
        reads.append([record["offset"] for record in consumer.read(timeout=1000, max_bytes=350).json()])
        if sum(map(len, reads)) >= 10:
            break
    assert max(map(len, reads)) <= 3
    assert [offset for read in reads for offset in read] == list(range(10))


def test_a_read_waits_no_longer_than_its_timeout(topic: str, create: Create) -> None:
    consumer = create()
    consumer.subscribe(topics=[topic])
    answer = consumer.read(timeout=400)
    assert answer.json() == []
    assert answer.elapsed.total_seconds() < 3


def test_committed_offsets_are_read_and_continued_from(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": n} for n in range(5)]))
    first = create(auto_commit_enable="false")
    first.subscribe(topics=[topic])
    first.read_until(5)
    body = {"offsets": [{"topic": topic, "partition": 0, "offset": 2}]}
    assert first.commit(body).status_code == 200
    committed = first.committed((topic, 0)).json()["offsets"]
    assert [(item["topic"], item["partition"], item["offset"]) for item in committed] == [(topic, 0, 3)]
    first.delete()
    second = create(auto_commit_enable="false")
    second.subscribe(topics=[topic])
    assert [record["value"] for record in second.read_until(2)] == [3, 4]


def test_a_commit_without_a_body_commits_what_was_read(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": n} for n in range(3)]))
    consumer = create(auto_commit_enable="false")
    consumer.subscribe(topics=[topic])
    consumer.read_until(3)
    assert consumer.committed((topic, 0)).json() == {"offsets": []}
    assert consumer.commit().status_code == 200
    assert consumer.committed((topic, 0)).json()["offsets"][0]["offset"] == 3


def test_an_instance_that_commits_by_itself_leaves_its_place_behind(base: str, topic: str, create: Create) -> None:
    offsets(produce(base, topic, [{"value": n} for n in range(3)]))
    first = create(auto_commit_enable="true")
    first.subscribe(topics=[topic])
    first.read_until(3)
    assert first.delete().status_code == 204
    offsets(produce(base, topic, [{"value": "next"}]))
    second = create()
    second.subscribe(topics=[topic])
    assert [record["value"] for record in second.read_until(1)] == ["next"]


def test_two_instances_of_a_group_share_the_partitions(base: str, new_topic: Any, create: Create) -> None:
    topic = new_topic(partitions=2)
    consumers = [create(), create()]
    for consumer in consumers:
        consumer.subscribe(topics=[topic])
    found: list[set[int]] = [set(), set()]
    for n in range(60):
        offsets(produce(base, topic, [{"value": n, "partition": p} for p in (0, 1)]))
        for i, consumer in enumerate(consumers):
            found[i] = {record["partition"] for record in consumer.read(timeout=200).json()}
        if sorted(map(sorted, found)) == [[0], [1]]:
            break
    assert sorted(map(sorted, found)) == [[0], [1]]


def test_a_deleted_instance_is_gone(create: Create, topic: str) -> None:
    consumer = create()
    assert consumer.delete().status_code == 204
    assert code(consumer.delete()) == (404, 40403)
    assert code(consumer.read()) == (404, 40403)
    assert code(consumer.subscribe(topics=[topic])) == (404, 40403)
    assert code(consumer.commit({"offsets": []})) == (404, 40403)
    assert code(consumer.committed((topic, 0))) == (404, 40403)


def test_a_name_that_is_taken_is_40902(base: str, group: str, create: Create) -> None:
    create(name="taken")
    assert code(create_raw(base, group, {"name": "taken"})) == (409, 40902)


def test_the_same_name_in_another_group_is_free(base: str, group: str, create: Create) -> None:
    create(name="same")
    other = ConsumerClient(base, f"{group}-other", name="same")
    assert other.delete().status_code == 204


def test_topics_and_a_pattern_conflict(create: Create, topic: str) -> None:
    consumer = create()
    consumer.subscribe(topics=[topic])
    status, error = code(consumer.subscribe(topic_pattern="t.*"))
    assert status == 409
    assert error in (40901, 40903)  # Confluent's newest proxy says 40903


def test_a_subscription_is_told_and_ended(create: Create, topic: str) -> None:
    consumer = create()
    url = f"{consumer.url}/subscription"
    assert requests.get(url, timeout=30).json() == {"topics": []}
    consumer.subscribe(topics=[topic])
    assert requests.get(url, timeout=30).json() == {"topics": [topic]}
    assert requests.delete(url, timeout=30).status_code == 204
    assert requests.get(url, timeout=30).json() == {"topics": []}
    assert consumer.subscribe(topic_pattern=f"{topic}.*").status_code == 204


def test_reading_in_another_format_than_the_instances_is_40601(create: Create, topic: str) -> None:
    consumer = create(format="json")
    consumer.subscribe(topics=[topic])
    answer = requests.get(f"{consumer.url}/records", headers={"Accept": BINARY_RECORDS}, timeout=30)
    assert code(answer) == (406, 40601)


def test_records_come_in_the_type_of_their_format(create: Create, topic: str) -> None:
    consumer = create(format="json")
    consumer.subscribe(topics=[topic])
    assert consumer.read(timeout=100).headers["Content-Type"].split(";")[0] == JSON_RECORDS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"format": "xml"}, 422),
        ({"auto.offset.reset": "middle"}, 42204),
        ({"auto.commit.enable": "maybe"}, 42204),
    ],
)
def test_a_wrong_option_is_unprocessable(base: str, group: str, body: Any, expected: int) -> None:
    assert code(create_raw(base, group, body)) == (422, expected)


def test_a_consumer_asked_for_in_plain_json_is_unsupported(base: str, group: str) -> None:
    assert create_raw(base, group, {}, "application/json").status_code == 415


def test_a_record_types_content_type_is_fine_for_commands(base: str, group: str) -> None:
    answer = create_raw(base, group, {"name": "by-json"}, JSON_RECORDS)
    assert answer.status_code == 200
    assert requests.delete(answer.json()["base_uri"], timeout=30).status_code == 204
