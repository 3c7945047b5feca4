"""All settings are of one target: what is local is refused on AWS, and real keys stay away from what is not AWS."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.targets import LOCAL, ON_AWS, REAL, made, without_settings

pytestmark = pytest.mark.unit

ENDPOINT = LOCAL["aws_endpoint_url"]


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    without_settings(monkeypatch)


def refused(**values: Any) -> list[str]:
    """The lines that these settings are refused with, less the hint at their end."""
    with pytest.raises(ValidationError) as error:
        made(**values)
    [problem] = error.value.errors()
    return [line for line in str(problem["ctx"]["error"]).splitlines() if not line.startswith("AWS_ENDPOINT_URL is")]


@pytest.mark.parametrize("name", ON_AWS)
def test_a_setting_that_is_still_local_is_refused_on_aws(name: str) -> None:
    [told] = refused(**{key: value for key, value in ON_AWS.items() if key != name})
    assert told.startswith(f"{name.upper()}: ")


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("mysql_url", "mysql://u:p@{}:3306/pinterest_data"),
        ("kafka_bootstrap_servers", "b-1.example.com:9098, {}:9098"),
        ("rest_proxy_url", "http://{}:8082"),
        ("connect_url", "http://{}"),
        ("airflow_url", "https://{}/x"),
        ("spark_remote", "sc://{}:15002"),
    ],
)
def test_an_address_is_refused_on_aws_in_each_of_its_local_forms_and_in_no_other(name: str, template: str) -> None:
    for host in ("127.0.0.1", "127.1", "0x7f000001", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "localhost",
                 "LocalHost.", "x.localhost", "localhost.localstack.cloud", "host.docker.internal", "db"):  # fmt: skip
        wanted = f"{name.upper()}: still the local stack's address; set it to yours on AWS"
        assert refused(**ON_AWS | {name: template.format(host)}) == [wanted], host
    for host in ("10.0.0.127", "db.internal", "ec2-1-2.compute-1.amazonaws.com", "localhost.example.com", "[2600::1]"):
        assert not made(**ON_AWS | {name: template.format(host)}).local, host


@pytest.mark.parametrize(
    "key", ["test", "dummy", "LKIAQAAAAAAAAAAAAAAA", "LSIAQAAAAAAAAAAAAAAA", "AKIASHORT", "changeme"]
)
def test_a_key_that_cannot_be_awss_is_refused_on_aws(key: str) -> None:
    [told] = refused(**ON_AWS | REAL | {"aws_access_key_id": key})
    assert told.startswith("AWS_ACCESS_KEY_ID: a dummy key")


def test_a_dummy_secret_is_refused_on_aws_though_its_key_looks_real() -> None:
    [told] = refused(**ON_AWS | REAL | {"aws_secret_access_key": "test"})
    assert told.startswith("AWS_SECRET_ACCESS_KEY: a dummy key")


def test_real_keys_and_a_role_are_taken_on_aws() -> None:
    assert not made(**ON_AWS, **REAL).local
    assert not made(**ON_AWS, **REAL, aws_session_token="FwoGZXIvYXdzE").local
    assert not made(**ON_AWS).local


@pytest.mark.parametrize("target", [LOCAL, ON_AWS])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"aws_access_key_id": REAL["aws_access_key_id"]}, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set both"),
        (
            {"aws_secret_access_key": REAL["aws_secret_access_key"]},
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set both",
        ),
        ({"aws_session_token": "x"}, "AWS_SESSION_TOKEN: it belongs to a pair of keys"),
    ],
)
def test_half_a_pair_of_keys_is_refused(target: dict[str, Any], given: dict[str, str], told: str) -> None:
    without = {name: value for name, value in target.items() if "key" not in name}
    assert refused(**without | given)[0].startswith(told)


@pytest.mark.parametrize(
    "keys",
    [
        REAL,
        {"aws_access_key_id": "ASIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "short"},
        {"aws_access_key_id": "mine", "aws_secret_access_key": REAL["aws_secret_access_key"]},
        {"aws_access_key_id": "test", "aws_secret_access_key": "test", "aws_session_token": "FwoGZXIvYXdzE"},
    ],
)
def test_keys_that_look_real_go_to_another_endpoint_only_when_it_is_said_twice(keys: dict[str, str]) -> None:
    for said in ("", f"{ENDPOINT}7", "yes"):
        [told] = refused(aws_endpoint_url=ENDPOINT, **keys, pin_send_keys_to=said)
        assert told.startswith("AWS_ACCESS_KEY_ID: these keys look real")
    assert made(aws_endpoint_url=ENDPOINT, **keys, pin_send_keys_to=ENDPOINT).local


def test_a_profiles_keys_never_go_to_another_endpoint() -> None:
    [told] = refused(aws_endpoint_url=ENDPOINT)
    assert told.startswith("AWS_ACCESS_KEY_ID: without keys here a profile's or a role's would be sent")


@pytest.mark.parametrize("target", [LOCAL, ON_AWS])
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT"])
def test_an_endpoint_that_only_some_clients_read_is_refused(
    target: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:4566")
    assert refused(**target) == [f"{name}: AWS_ENDPOINT_URL alone decides where AWS is; unset it"]


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4566", "ftp://x", "https://s3.eu-west-1.amazonaws.com"])
def test_an_endpoint_that_cannot_be_one_is_refused(endpoint: str) -> None:
    [told] = refused(**LOCAL | {"aws_endpoint_url": endpoint})
    assert told.startswith("AWS_ENDPOINT_URL: ")
