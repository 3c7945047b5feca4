"""Kafka clients as on MSK: they log in by a token, again when it expires, and may do what aws/policies.yaml grants.

The broker is Kafka's own and takes unsecured JSON web tokens; such a one stands in for MSK's, which only MSK can judge.
What asks for it, when, and what becomes of it is the real thing. MSK's actions stand for Kafka's operations, which AWS
names beside each, so Kafka's own authorizer is asked:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_apachekafkaapisforamazonmskclusters.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from pinpipe import kafka, msk, provision
from pinpipe.settings import Settings
from services.rest_proxy import settings as rest_proxy
from tests.support.kafka import Broker, read_topic
from tests.support.targets import ON_AWS, REAL, made, without_settings
from tests.support.templates import granted
from tests.support.tokens import token

pytestmark = pytest.mark.stack

SECONDS = 6
"""How long a token is good for: librdkafka looks once a second whether four fifths of that are over."""
OPERATIONS = {
    "AlterGroup": AclOperation.READ,
    "CreateTopic": AclOperation.CREATE,
    "DescribeCluster": AclOperation.DESCRIBE,
    "DescribeGroup": AclOperation.DESCRIBE,
    "DescribeTopic": AclOperation.DESCRIBE,
    "DescribeTopicDynamicConfiguration": AclOperation.DESCRIBE_CONFIGS,
    "ReadData": AclOperation.READ,
    "WriteData": AclOperation.WRITE,
    "WriteDataIdempotently": AclOperation.IDEMPOTENT_WRITE,
}
"""Action to operation; Connect is the log-in itself."""
KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}


def rights(who: str) -> Iterator[AclBinding]:
    """The policy of a part, user ada, as access control lists; without Connect's own topics, whose names MSK makes."""
    for action, resources in granted()[who].items():
        service, _, name = action.partition(":")
        if service != "kafka-cluster" or name == "Connect":
            continue
        for resource in resources:
            kind, *_, pattern = resource.rpartition(":")[2].replace("${UserId}", "ada").split("/")
            prefix, star, rest = pattern.partition("*")
            if kind == "cluster":
                at = (ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL)
            elif rest:
                assert prefix == "__amazon_msk_connect_", resource
                continue
            else:
                at = (KINDS[kind], prefix, ResourcePatternType.PREFIXED if star else ResourcePatternType.LITERAL)
            yield AclBinding(*at, f"User:{who}", "*", OPERATIONS[name], AclPermissionType.ALLOW)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("broker"), tokens=True)
    running.start()
    admin = AdminClient({"bootstrap.servers": running.bootstrap})
    for who in ("RestProxy", "Sink", "Operator"):
        for future in admin.create_acls(list(rights(who))).values():
            future.result(15)
    yield running
    running.kill()


# logging in


def signed(good_for: float) -> tuple[str, int]:
    """A token as the signer returns it, with milliseconds."""
    text, expires = token(good_for, "RestProxy")
    return text, int(expires * 1000)


def of_pinpipe(address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    without_settings(monkeypatch)
    monkeypatch.setattr("pinpipe.target.is_local", lambda host: False)
    return msk.client_config(made(**ON_AWS | REAL | {"kafka_bootstrap_servers": address}))


def of_the_rest_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    values = {"KAFKA_AUTH": "msk_iam", "KAFKA_BOOTSTRAP_SERVERS": address, "AWS_REGION": "eu-west-1"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return rest_proxy.load().kafka_config()


@pytest.fixture(params=[of_pinpipe, of_the_rest_proxy])
def config(request: pytest.FixtureRequest, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A client's configuration for the broker's token listener, which has no TLS."""
    config_of: Callable[[str, pytest.MonkeyPatch], dict[str, Any]] = request.param
    config = config_of(f"127.0.0.1:{broker.token_port}", monkeypatch)
    return config | {"security.protocol": "SASL_PLAINTEXT", "log_level": 0}


def sign_with(monkeypatch: pytest.MonkeyPatch, sign: Callable[..., tuple[str, int]]) -> None:
    for name in ("generate_auth_token", "generate_auth_token_from_credentials_provider"):
        monkeypatch.setattr(MSKAuthTokenProvider, name, sign)


def test_a_client_outlives_its_tokens(
    config: dict[str, Any], broker: Broker, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    asked = []

    def sign(*_: object) -> tuple[str, int]:
        asked.append(time.monotonic())
        return signed(SECONDS)

    sign_with(monkeypatch, sign)
    topic = broker.create_topic(f"ada.outlives-{request.node.callspec.id}")
    producer = Producer(config | {"linger.ms": 0})
    begun, sent = time.monotonic(), []
    while time.monotonic() < begun + 1.4 * SECONDS:
        sent.append(str(len(sent)).encode())
        producer.produce(topic, sent[-1])
        assert producer.flush(5) == 0
        time.sleep(0.2)
    assert [record.value for record in read_topic(broker.bootstrap, topic)] == sent
    assert len(asked) >= 2
    assert max(later - earlier for earlier, later in pairwise(asked)) < SECONDS


def test_a_token_that_is_over_is_not_let_in(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """librdkafka thinks that it is good; the broker reads its own claims."""
    sign_with(monkeypatch, lambda *_: (signed(-120)[0], int((time.time() + 60) * 1000)))
    told: list[str] = []
    producer = Producer(config | {"error_cb": lambda error: told.append(error.name())})
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=3)
    producer.poll(1)
    assert "_AUTHENTICATION" in told


# rights


@pytest.fixture
def login(broker: Broker) -> Callable[[str], dict[str, Any]]:
    """The configuration of a client that logs in as a part."""

    def of(who: str) -> dict[str, Any]:
        return {
            "bootstrap.servers": f"127.0.0.1:{broker.token_port}",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": lambda _: token(300, who),
            "log_level": 0,
        }

    return of


@pytest.fixture
def operator(login: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of who runs pinpipe, and a pinpipe that logs in as the operator."""
    without_settings(monkeypatch)
    for module in ("pinpipe.kafka", "pinpipe.provision"):
        monkeypatch.setattr(f"{module}.client_config", lambda _: login("Operator"))
    return made(**ON_AWS, **REAL)


def test_the_operator_makes_the_topics_and_counts_their_records(operator: Settings, broker: Broker) -> None:
    topics = [operator.topic("pin"), operator.topic("geo"), operator.topic("user"), operator.dead_letter_topic]
    assert provision.topics(operator) == topics
    assert provision.topics(operator) == []
    sender = Producer({"bootstrap.servers": broker.bootstrap})
    for value in (b"1", None, b"2"):
        sender.produce(operator.topic("pin"), value)
    assert sender.flush(15) == 0
    assert kafka.count(operator, operator.topic("pin")) == kafka.TopicCount(3, 1)
    assert kafka.dead_letters(operator) == {}


def write(config: dict[str, Any], topic: str) -> list[str]:
    """Write a record; returns the error's name if it is refused."""
    told: list[str] = []
    sender = Producer(config | {"enable.idempotence": True})
    sender.produce(topic, b"1", on_delivery=lambda error, _: told.append(error.name()) if error else None)
    assert sender.flush(15) == 0
    return told


def read(config: dict[str, Any], topic: str, group: str) -> bytes | None:
    """A record's value, read and committed as a member of a group."""
    reader = Consumer(config | {"group.id": group, "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    try:
        [message] = reader.consume(1, timeout=20)
        assert message.error() is None
        assert [(at.error, at.offset) for at in reader.commit(asynchronous=False) or []] == [(None, 1)]
        return message.value()
    finally:
        reader.close()


def test_the_rest_proxy_writes_reads_in_a_group_and_shows_configurations(
    login: Callable[[str], dict[str, Any]], broker: Broker
) -> None:
    topic, config = broker.create_topic("ada.posts"), login("RestProxy")
    assert write(config, topic) == []
    assert read(config, topic, "ada-readers") == b"1"
    asked, admin = ConfigResource(ConfigResource.Type.TOPIC, topic), AdminClient(config)
    assert admin.describe_configs([asked])[asked].result(15)["cleanup.policy"].value == "delete"


def test_the_sink_reads_in_connects_group_and_writes_dead_letters_alone(
    login: Callable[[str], dict[str, Any]], broker: Broker
) -> None:
    topic, config = broker.create_topic("ada.sunk"), login("Sink")
    admin = AdminClient(config)
    assert write({"bootstrap.servers": broker.bootstrap}, topic) == []
    assert read(config, topic, "connect-ada-connector") == b"1"
    if "dlq.ada.s3-sink" not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic("dlq.ada.s3-sink", 1)])["dlq.ada.s3-sink"].result(15)
    assert write(config, "dlq.ada.s3-sink") == []
    assert write(config, topic) == ["TOPIC_AUTHORIZATION_FAILED"]


def test_another_users_topics_are_out_of_reach(login: Callable[[str], dict[str, Any]], broker: Broker) -> None:
    assert write(login("RestProxy"), broker.create_topic("bob.pin")) == ["TOPIC_AUTHORIZATION_FAILED"]
    admin = AdminClient(login("Operator"))
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        admin.create_topics([NewTopic("bob.geo", 1)])["bob.geo"].result(15)
