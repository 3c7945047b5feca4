"""Logging in to MSK: the token is AWS's, and no key is needed locally. tests/stack/test_msk.py uses it on a broker."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from pinpipe import client_properties, msk
from pinpipe.errors import PinpipeError
from services.rest_proxy import settings as rest_proxy
from services.rest_proxy.errors import SettingsError
from tests.support.sigv4 import EMPTY, signature
from tests.support.targets import LOCAL, ON_AWS, REAL, made, without_settings

pytestmark = pytest.mark.unit

KEY, SECRET = REAL.values()


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_settings(monkeypatch)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def of_pinpipe(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    values = ON_AWS | REAL | {"aws_region": "eu-west-1", "kafka_bootstrap_servers": "b-1.example.com:9098"}
    return msk.client_config(made(**values))


def of_the_rest_proxy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    values = {"KAFKA_AUTH": "msk_iam", "KAFKA_BOOTSTRAP_SERVERS": "b-1.example.com:9098", "AWS_REGION": "eu-west-1"}
    for name, value in (values | {name.upper(): value for name, value in REAL.items()}).items():
        monkeypatch.setenv(name, value)
    return rest_proxy.load().kafka_config()


Config = Callable[[pytest.MonkeyPatch], dict[str, Any]]
both = pytest.mark.parametrize("config_of", [of_pinpipe, of_the_rest_proxy])


@both
def test_the_token_is_the_address_that_aws_would_sign(config_of: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(monkeypatch)
    assert config["bootstrap.servers"] == "b-1.example.com:9098"
    assert (config["security.protocol"], config["sasl.mechanisms"]) == ("SASL_SSL", "OAUTHBEARER")
    token, expires = config["oauth_cb"](None)
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    given = {name: value for name, [value] in parse_qs(url.query).items()}
    date = given["X-Amz-Date"]
    assert (url.scheme, url.netloc) == ("https", "kafka.eu-west-1.amazonaws.com")
    assert given["Action"] == "kafka-cluster:Connect"
    assert given["X-Amz-Credential"] == f"{KEY}/{date[:8]}/eu-west-1/kafka-cluster/aws4_request"
    assert given["X-Amz-Expires"] == "900"
    assert 890 < expires - time.time() <= 900
    signed = {name: value for name, value in given.items() if name not in ("X-Amz-Signature", "User-Agent")}
    query = "&".join(f"{name}={quote(signed[name], safe='')}" for name in sorted(signed))
    canonical = f"GET\n/\n{query}\nhost:{url.netloc}\n\nhost\n{EMPTY}"
    assert given["X-Amz-Signature"] == signature(SECRET, date, "eu-west-1", "kafka-cluster", canonical)


def test_locally_nobody_logs_in() -> None:
    assert msk.client_config(made(**LOCAL)) == {"bootstrap.servers": "127.0.0.1:9092"}
    assert "oauth_cb" not in rest_proxy.load().kafka_config()


def test_without_credentials_that_is_told_at_once() -> None:
    with pytest.raises(PinpipeError, match="no AWS credentials for MSK"):
        msk.client_config(made(**ON_AWS))


def test_the_rest_proxy_needs_the_clusters_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_AUTH", "msk_iam")
    with pytest.raises(SettingsError) as told:
        rest_proxy.load()
    assert list(told.value.lines) == ["KAFKA_AUTH=msk_iam needs AWS_REGION, the cluster's region"]


def test_java_clients_log_in_as_the_course_has_it(tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/ada-ec2-access-role"
    client, rest = (path.read_text() for path in client_properties.write(made(**ON_AWS), tmp_path, role))
    assert client.splitlines() == [
        "security.protocol=SASL_SSL",
        "sasl.mechanism=AWS_MSK_IAM",
        f'sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required awsRoleArn="{role}";',
        "sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    ]
    assert rest.splitlines() == [
        "id=ada-rest-proxy",
        "bootstrap.servers=b-1.example.com:9098",
        *(f"client.{line}" for line in client.splitlines()),
    ]


def test_java_clients_log_in_as_the_machine_when_no_role_is_named_and_not_at_all_locally() -> None:
    jaas = client_properties.login(made(**ON_AWS))["sasl.jaas.config"]
    assert jaas == "software.amazon.msk.auth.iam.IAMLoginModule required;"
    assert client_properties.login(made(**LOCAL)) == {"security.protocol": "PLAINTEXT"}
