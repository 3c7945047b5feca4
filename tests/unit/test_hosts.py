"""With AWS_ENDPOINT_URL unset every client calls AWS's own hosts, with it set LocalStack's; no connection is opened."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from pinpipe.aws import AwsAccess
from pinpipe.cli.main import app
from pinpipe.provision import connector_properties
from pinpipe.settings import Settings
from pyspark_kinesis.credentials import resolve
from pyspark_kinesis.options import parse
from tests.support.targets import LOCAL, ON_AWS, REAL, made, without_settings

pytestmark = pytest.mark.unit

AWS = {**ON_AWS, **REAL, "aws_region": "eu-west-1"}


@pytest.fixture(autouse=True)
def _no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No name is looked up and nothing is connected to; and what a profile says of endpoints changes nothing."""

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError(f"a connection to {arguments}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    without_settings(monkeypatch)
    profile = tmp_path / "config"
    profile.write_text("[default]\nendpoint_url = http://127.0.0.1:4566\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


class Sent(Exception):
    """Raised in place of a request; holds its address."""


def called(client: Any, ask: Callable[[Any], object]) -> str:
    """The host that a boto3 client would send a request to."""

    def stop(request: Any, **_: object) -> None:
        raise Sent(request.url)

    client.meta.events.register("before-send", stop)
    with pytest.raises(Sent) as sent:
        ask(client)
    return urlsplit(str(sent.value)).netloc


def hosts(settings: Settings) -> dict[str, str]:
    access = AwsAccess.of(settings)
    bucket, stream = settings.bucket, settings.stream("pin")
    source = resolve(parse({"streamName": stream, **access.kinesis_source()}, settings.environment()).connection)
    return {
        "s3": called(access.s3(), lambda s3: s3.head_bucket(Bucket=bucket)),
        "kinesis": called(access.kinesis(), lambda kinesis: kinesis.delete_stream(StreamName=stream)),
        "cloudformation": called(access.cloudformation(), lambda formation: formation.delete_stack(StackName="x")),
        "kinesis source": urlsplit(source.url).netloc,
    }


def test_on_aws_every_client_of_python_calls_awss_own_hosts() -> None:
    assert hosts(made(**AWS)) == {
        "s3": "user-ada-bucket.s3.eu-west-1.amazonaws.com",
        "kinesis": "kinesis.eu-west-1.amazonaws.com",
        "cloudformation": "cloudformation.eu-west-1.amazonaws.com",
        "kinesis source": "kinesis.eu-west-1.amazonaws.com",
    }


def test_locally_every_client_of_python_calls_localstack() -> None:
    assert set(hosts(made(**LOCAL)).values()) == {"127.0.0.1:4566"}


def test_on_aws_the_clients_in_java_and_rust_call_awss_own_hosts() -> None:
    """Sink and delta-rs read no profile: with a region and no address they take that region's own."""
    settings = made(**AWS)
    access = AwsAccess.of(settings)
    keys = {"access.key": REAL["aws_access_key_id"], "secret.key": REAL["aws_secret_access_key"]}
    provider = "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"
    assert access.s3a() == {
        "spark.hadoop.fs.s3a.endpoint": "https://s3.eu-west-1.amazonaws.com",
        "spark.hadoop.fs.s3a.endpoint.region": "eu-west-1",
        "spark.hadoop.fs.s3a.aws.credentials.provider": provider,
        **{f"spark.hadoop.fs.s3a.{name}": value for name, value in keys.items()},
    }
    sink = connector_properties(settings, access)
    assert sink["s3.region"] == "eu-west-1"
    assert not {"store.url", "s3.path.style.access.enabled"} & sink.keys()
    assert access.delta_rs() == {"AWS_REGION": "eu-west-1", **{name.upper(): value for name, value in REAL.items()}}
    # they read the environment, too: what the stack's parts are started with names no address either
    assert settings.environment()["AWS_ENDPOINT_URL"] == ""


def test_on_aws_with_a_role_no_client_is_given_a_key() -> None:
    access = AwsAccess.of(made(**ON_AWS))
    assert access.s3a().keys() == {"spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.endpoint.region"}
    assert access.sink() == {"s3.region": "us-east-1"}
    assert access.delta_rs() == {"AWS_REGION": "us-east-1"}
    assert access.kinesis_source().keys() == {"region", "endpoint"}


def test_locally_the_clients_in_java_and_rust_are_given_localstacks_address() -> None:
    access = AwsAccess.of(made(**LOCAL))
    assert access.s3a()["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:4566"
    assert access.sink()["store.url"] == "http://127.0.0.1:4566"
    assert access.delta_rs()["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_where_prints_every_address_and_no_secret_and_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for credentials: no keys are given, and a role's would be asked for over the network."""
    monkeypatch.setenv("PIN_ENV_FILE", "/dev/null")
    given = {**ON_AWS, "aws_region": "eu-west-1", "spark_remote": "sc://spark.example.com:15002/;token=hush"}
    for name, value in given.items():
        monkeypatch.setenv(name.upper(), value)
    told = CliRunner().invoke(app, ["where"])
    assert told.exit_code == 0, told.exception
    assert dict(line.split(maxsplit=1) for line in told.output.splitlines()) == {
        "target": "AWS",
        "user": "ada",
        "region": "eu-west-1",
        "s3": "https://s3.eu-west-1.amazonaws.com",
        "kinesis": "https://kinesis.eu-west-1.amazonaws.com",
        "cloudformation": "https://cloudformation.eu-west-1.amazonaws.com",
        "bucket": "user-ada-bucket",
        "kafka": "b-1.example.com:9098 (auth msk_iam)",
        "rest-proxy": "http://proxy.example.com:8082",
        "connect": "MSK Connect, which has no address",
        "spark": "sc://spark.example.com:15002/",
        "mysql": "db.example.com/pinterest_data",
        "tables": "s3a://user-ada-bucket/delta",
        "checkpoints": "s3a://user-ada-bucket/checkpoints",
    }
