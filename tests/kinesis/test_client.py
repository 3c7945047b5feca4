"""The client on the fake server: what is asked again, what is told, and as whom it signs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pyspark_kinesis.client import KinesisClient, StreamSummary
from pyspark_kinesis.errors import CredentialsError, OptionError, ServiceError
from pyspark_kinesis.options import Connection
from pyspark_kinesis.position import AfterSequence, AtTimestamp, TrimHorizon
from tests.support.fake_kinesis import FakeKinesis

pytestmark = pytest.mark.kinesis

SHARD = "shardId-000000000000"


def connection(kinesis: FakeKinesis, **other: object) -> Connection:
    given = {"region": "us-east-1", "endpoint": kinesis.url, "access_key": "test", "secret_key": "test"}
    return Connection(**(given | other))  # type: ignore[arg-type]


@pytest.fixture
def client(kinesis: FakeKinesis) -> KinesisClient:
    return KinesisClient(connection(kinesis))


def read(client: KinesisClient, stream: str, count: int) -> list[str]:
    """So many records of the first shard, by its iterators."""
    found: list[str] = []
    iterator: str | None = client.shard_iterator(stream, SHARD, TrimHorizon())
    while iterator and len(found) < count:
        page = client.get_records(iterator, 7, stream, SHARD)
        found += [] if page.batch is None else [data.decode() for data in page.batch.column("data").to_pylist()]
        iterator = page.next_iterator
    return found


TEXTS = [str(number) for number in range(40)]


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        ({"throttled": 0.5}, "throttled"),
        ({"failed": 0.5}, "repeated"),
        ({"cut": 0.5}, "repeated"),
    ],
    ids=["throttled", "HTTP 500", "cut off"],
)
def test_reads_that_fail_for_a_while_are_asked_again(
    client: KinesisClient, kinesis: FakeKinesis, stream: str, fault: dict[str, float], counted: str
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS)
    kinesis.faults(seed=3, **fault)
    assert read(client, stream, 40) == TEXTS
    assert client.counted()[counted] >= 2


def test_a_page_tells_how_often_it_was_refused(client: KinesisClient, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS)
    kinesis.faults(throttled=0.7, seed=3)
    iterator = client.shard_iterator(stream, SHARD, TrimHorizon())
    before = kinesis.counts().get("refused", 0)
    page = client.get_records(iterator, 7, stream, SHARD)
    assert page.throttled == kinesis.counts()["refused"] - before > 0


def test_a_failing_service_is_told_after_a_while_and_a_throttling_one_only_stops(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    client = KinesisClient(connection(kinesis), retry_seconds=0.5)
    iterator = client.shard_iterator(stream, SHARD, TrimHorizon())
    kinesis.faults(failed=1.0)
    with pytest.raises(ServiceError, match="InternalFailure") as raised:
        client.get_records(iterator, 7, stream, SHARD)
    assert raised.value.status == 500
    kinesis.faults(throttled=1.0)
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(ServiceError, match="Rate exceeded"):
        client.get_records(iterator, 7, stream, SHARD, stop)
    assert 1.4 < time.monotonic() - begun < 3


def test_nobody_there_is_told_with_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = KinesisClient(Connection("us-east-1", url, "a", "b"), retry_seconds=0.2)
    with pytest.raises(ServiceError, match=f"NoAnswer: no answer from {url}/"):
        client.describe("pins")


def test_an_endpoint_without_cbor_is_spoken_to_in_json(
    client: KinesisClient, kinesis: FakeKinesis, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS)
    kinesis.faults(no_cbor=True)
    assert read(client, stream, 40) == TEXTS
    assert [record.message for record in caplog.records] == [
        f"{kinesis.url}/ does not speak CBOR (SerializationException: no CBOR): going on with JSON"
    ]


def test_all_shards_are_listed_whatever_fits_an_answer(
    client: KinesisClient, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 7)
    kinesis.split(stream, 3)
    listed = client.list_shards(stream, 3)
    assert [shard.shard_id for shard in listed] == [f"shardId-{number:012d}" for number in range(9)]
    assert listed[8].parents == ("shardId-000000000003",)


def test_positions_begin_where_they_say(client: KinesisClient, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    (_, first), _ = kinesis.put(stream, ["one", "two"])
    kinesis.age(stream, 60)
    kinesis.put(stream, ["three"])

    def texts(position: object) -> list[str]:
        iterator = client.shard_iterator(stream, SHARD, position)  # type: ignore[arg-type]
        batch = client.get_records(iterator, 10, stream, SHARD).batch
        return [] if batch is None else [data.decode() for data in batch.column("data").to_pylist()]

    assert texts(TrimHorizon()) == ["one", "two", "three"]
    assert texts(AfterSequence(first)) == ["two", "three"]
    assert texts(AtTimestamp(client.now_ms() - 30_000)) == ["three"]


def test_a_stream_is_described_or_taken_as_unknown_where_that_is_not_allowed(
    client: KinesisClient, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream)
    found = client.describe(stream)
    assert found.created is not None
    assert abs(found.created - time.time() * 1000) < 60_000
    assert found.retention_ms == 86_400_000
    kinesis.faults(no_describe=True)
    assert client.describe(stream) == StreamSummary(None, 86_400_000)


def test_the_services_clock_is_told_and_never_late(client: KinesisClient, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    client.list_shards(stream, 10)
    assert -2500 < client.now_ms() - time.time() * 1000 <= 5


# --- as whom


def test_an_assumed_roles_credentials_are_refreshed_before_they_end(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, TEXTS)
    # botocore refreshes what ends within ten minutes before each use, and refuses what has ended by then:
    # so one minute, which a slow machine does not outlast.
    kinesis.faults(token_seconds=60)
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader", "sts_endpoint": kinesis.url}
    client = KinesisClient(connection(kinesis, **role, role_external_id="outside"))
    before = len(kinesis.access_keys())
    assert read(client, stream, 40) == TEXTS
    keys = [key for key in kinesis.access_keys()[before:] if key != "test"]
    assert len(keys) >= 7
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("ASSUMED") for key in keys)


def test_credentials_that_can_not_be_refreshed_are_told(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader", "sts_endpoint": f"{kinesis.url}/nowhere"}
    client = KinesisClient(connection(kinesis, **role))
    kinesis.faults(no_roles=True)
    with pytest.raises(CredentialsError, match=r"could not be had or refreshed: .*AccessDenied"):
        client.describe(stream)


def test_the_environments_keys_are_used_where_no_option_gives_any(
    kinesis: FakeKinesis, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinesis.create(stream)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROMENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    KinesisClient(connection(kinesis, access_key=None, secret_key=None)).describe(stream)
    assert kinesis.access_keys()[-1] == "FROMENV"
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError, match="in the environment are not whole"):
        KinesisClient(connection(kinesis, access_key=None, secret_key=None))


def test_a_profile_is_used_where_the_environment_has_no_keys(
    kinesis: FakeKinesis, stream: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinesis.create(stream)
    config = tmp_path / "config"
    config.write_text(
        "[profile pins]\nregion = eu-west-1\nendpoint_url = "
        f"{kinesis.url}\naws_access_key_id = FROMPROFILE\naws_secret_access_key = s\n"
    )
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "pins")
    KinesisClient(Connection()).describe(stream)
    assert kinesis.access_keys()[-1] == "FROMPROFILE"


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"access_key": "a", "secret_key": "b"}, OptionError, "no region: set the option region, or AWS_REGION"),
        ({"region": "us-east-1"}, CredentialsError, "no AWS credentials: set awsAccessKey and awsSecretKey"),
    ],
)
def test_what_nobody_says_is_told(
    given: dict[str, Any],
    error: type[Exception],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(error, match=told):
        KinesisClient(Connection(**given))


def test_aws_itself_is_called_by_https_where_nothing_says_an_endpoint() -> None:
    program = (
        "from pyspark_kinesis.credentials import resolve; from pyspark_kinesis.options import Connection; "
        "print(resolve(Connection('eu-west-1', access_key='a', secret_key='b')).url)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "https://kinesis.eu-west-1.amazonaws.com"
