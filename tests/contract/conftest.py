"""Who is tested: a proxy of our own on a broker of our own, or whatever REST_PROXY_TEST_URL names.

``test_v2_*`` is API v2 and holds for Confluent's proxy as well: set REST_PROXY_TEST_URL to its address and
REST_PROXY_TEST_KAFKA to its broker's, then run these files. ``test_own_*`` is about this proxy alone and starts its
own processes.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.kafka import Broker
from tests.support.rest_proxy import ProxyProcess, wait_for

NewTopicFixture = Callable[..., str]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    with ProxyProcess(tmp_path_factory.mktemp("proxy"), broker.bootstrap, PRODUCE_TIMEOUT_SECONDS="5") as running:
        yield running


@pytest.fixture(scope="session")
def base(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("REST_PROXY_TEST_URL")
    if given:
        return given.rstrip("/")
    proxy: ProxyProcess = request.getfixturevalue("proxy")
    return proxy.url


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest) -> str:
    if os.environ.get("REST_PROXY_TEST_URL"):
        return os.environ.get("REST_PROXY_TEST_KAFKA", "127.0.0.1:9092")
    broker: Broker = request.getfixturevalue("broker")
    return broker.bootstrap


@pytest.fixture(scope="session")
def new_topic(bootstrap: str) -> NewTopicFixture:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def create(partitions: int = 1, prefix: str = "t") -> str:
        name = f"{prefix}-{uuid.uuid4().hex[:12]}"
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(15)
        wait_for(lambda: _served(admin, name, partitions), 15, f"topic {name}")
        return name

    return create


@pytest.fixture
def topic(new_topic: NewTopicFixture) -> str:
    return new_topic()


@pytest.fixture
def group() -> str:
    return f"g-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _served(admin: AdminClient, name: str, partitions: int) -> bool:
    found = admin.list_topics(timeout=5).topics.get(name)
    return found is not None and found.error is None and len(found.partitions) == partitions
