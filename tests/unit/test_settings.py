"""Settings are read once, checked together, and refused all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinpipe import settings
from pinpipe.aws import AwsAccess
from pinpipe.errors import SettingsError
from pinpipe.settings import ROOT, Settings

pytestmark = pytest.mark.unit

LOCAL = {"aws_endpoint_url": "http://127.0.0.1:4566", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ON_AWS = {
    "pin_user_id": "ada",
    "kafka_auth": "msk_iam",
    "mysql_url": "mysql://u:p@db.example.com/pinterest_data",
    "kafka_bootstrap_servers": "b-1.example.com:9098",
    "rest_proxy_url": "http://proxy.example.com:8082",
}


def made(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def load(monkeypatch: pytest.MonkeyPatch, file: Path, text: str) -> Settings:
    file.write_text(text)
    monkeypatch.setenv("PIN_ENV_FILE", str(file))
    return settings.load()


def test_the_example_works_unedited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN_ENV_FILE", str(ROOT / ".env.example"))
    loaded = settings.load()
    assert loaded.local
    assert loaded.aws_endpoint_url == "http://127.0.0.1:4566"
    assert loaded.pin_home == ROOT / ".pinpipe"
    assert loaded.tables_path == "s3a://user-demo-bucket/delta"


def test_the_example_lists_every_setting_and_no_other() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_addresses_follow_the_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text().replace("LOCALSTACK_PORT=4566", "LOCALSTACK_PORT=5566")
    assert load(monkeypatch, tmp_path / "env", text).aws_endpoint_url == "http://127.0.0.1:5566"


def test_all_wrong_settings_are_told_at_once_with_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "AWS_ENDPOINT_URL=http://127.0.0.1:4566\nPIN_USER_ID=A\nPIN_FLUSH_SIZE=0\nMYSQL_PORT=99999\n"
    with pytest.raises(SettingsError) as error:
        load(monkeypatch, tmp_path / "env", text)
    told = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in told] == ["PIN_USER_ID", "PIN_FLUSH_SIZE", "MYSQL_PORT"]


def test_a_secret_is_not_repeated_in_an_error_nor_in_the_repr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    access = AwsAccess.of(made(**LOCAL | {"aws_secret_access_key": "hush-hush"}))
    assert "hush-hush" not in repr(access) + repr(made(**LOCAL | {"aws_secret_access_key": "hush-hush"}))
    assert "hush" not in repr(made(**LOCAL, mysql_url="mysql://u:hush@h/s"))


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_endpoint_means_aws(empty: str | None) -> None:
    assert not made(aws_endpoint_url=empty, **ON_AWS).local


@pytest.mark.parametrize("name", ON_AWS)
def test_a_setting_that_is_still_local_is_refused_on_aws(name: str) -> None:
    left_out = {key: value for key, value in ON_AWS.items() if key != name}
    with pytest.raises(ValueError, match=name.upper()):
        made(**left_out)


def test_a_dummy_key_is_refused_on_aws() -> None:
    with pytest.raises(ValueError, match="AWS_ACCESS_KEY_ID"):
        made(**ON_AWS, aws_access_key_id="test", aws_secret_access_key="test")


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4566", "ftp://x", "https://s3.eu-west-1.amazonaws.com"])
def test_an_endpoint_that_cannot_be_one_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL"):
        made(aws_endpoint_url=endpoint)


def test_every_projection_points_to_the_endpoint_when_it_is_set() -> None:
    access = AwsAccess.of(made(**LOCAL))
    assert access.s3().meta.endpoint_url == "http://127.0.0.1:4566"
    assert access.s3a()["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:4566"
    assert access.sink()["store.url"] == "http://127.0.0.1:4566"
    assert access.delta_rs()["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_no_projection_names_an_endpoint_or_a_key_on_aws_with_a_role() -> None:
    access = AwsAccess.of(made(**ON_AWS))
    assert access.s3().meta.endpoint_url == "https://s3.us-east-1.amazonaws.com" or "amazonaws.com" in str(
        access.s3().meta.endpoint_url
    )
    assert access.s3a() == {"spark.hadoop.fs.s3a.endpoint.region": "us-east-1"}
    assert access.sink() == {"s3.region": "us-east-1"}
    assert access.delta_rs() == {"AWS_REGION": "us-east-1"}


def test_the_sinks_keys_are_names_that_the_worker_resolves() -> None:
    sink = AwsAccess.of(made(**LOCAL)).sink()
    assert sink["aws.secret.access.key"] == "${env:AWS_SECRET_ACCESS_KEY}"
    assert "test" not in sink.values()
