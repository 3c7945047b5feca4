"""Topics, partitions and brokers as rest-v2 describes them: holds for any proxy, see ``conftest``."""

from typing import Any

import pytest
import requests

from tests.support.rest_proxy import API

pytestmark = pytest.mark.contract


def get(base: str, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{base}{path}", headers=headers, timeout=30)


def partition(number: int, broker: int) -> dict[str, Any]:
    replica = {"broker": broker, "leader": True, "in_sync": True}
    return {"partition": number, "leader": broker, "replicas": [replica]}


@pytest.fixture
def broker_id(base: str) -> int:
    brokers: list[int] = get(base, "/brokers").json()["brokers"]
    return brokers[0]


def test_topics_are_an_array_of_names(base: str, topic: str) -> None:
    names = get(base, "/topics").json()
    assert topic in names
    assert all(isinstance(name, str) for name in names)


def test_a_topic_has_its_name_its_configuration_and_its_partitions(base: str, new_topic: Any, broker_id: int) -> None:
    topic = new_topic(partitions=2)
    found = get(base, f"/topics/{topic}").json()
    assert found["name"] == topic
    assert found["configs"]["cleanup.policy"] == "delete"
    assert found["partitions"] == [partition(0, broker_id), partition(1, broker_id)]


def test_the_partitions_of_a_topic_are_a_list(base: str, new_topic: Any, broker_id: int) -> None:
    topic = new_topic(partitions=3)
    assert get(base, f"/topics/{topic}/partitions").json() == [partition(n, broker_id) for n in range(3)]


def test_one_partition_is_an_object(base: str, new_topic: Any, broker_id: int) -> None:
    topic = new_topic(partitions=2)
    assert get(base, f"/topics/{topic}/partitions/1").json() == partition(1, broker_id)


def test_brokers_are_a_list_of_ids(base: str) -> None:
    found = get(base, "/brokers").json()
    assert list(found) == ["brokers"]
    assert all(isinstance(broker, int) for broker in found["brokers"])


@pytest.mark.parametrize("path", ["/topics/no-such-topic", "/topics/no-such-topic/partitions"])
def test_a_topic_that_is_not_there_is_40401(base: str, path: str) -> None:
    answer = get(base, path)
    assert answer.status_code == 404
    assert answer.json()["error_code"] == 40401
    assert "no-such-topic" not in get(base, "/topics").json()


def test_a_partition_that_is_not_there_is_40402(base: str, topic: str) -> None:
    answer = get(base, f"/topics/{topic}/partitions/7")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == 40402


@pytest.mark.parametrize("path", ["/topics", "/brokers"])
def test_metadata_comes_in_the_apis_own_type(base: str, path: str) -> None:
    assert get(base, path).headers["Content-Type"].split(";")[0] == API


def test_metadata_in_a_type_that_is_not_there_is_not_acceptable(base: str) -> None:
    answer = get(base, "/topics", Accept="application/xml")
    assert answer.status_code == 406


def test_an_unknown_path_is_404(base: str) -> None:
    assert get(base, "/nothing/here").status_code == 404


def test_a_method_that_is_not_there_is_405(base: str) -> None:
    answer = requests.put(f"{base}/topics", timeout=30)
    assert answer.status_code == 405
