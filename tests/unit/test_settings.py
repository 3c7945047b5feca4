"""Settings are read once, checked together, and refused all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinpipe import settings
from pinpipe.aws import AwsAccess
from pinpipe.errors import SettingsError
from pinpipe.settings import ROOT, Settings
from tests.support.targets import LOCAL, ON_AWS, made, without_settings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    without_settings(monkeypatch)


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


def test_the_sinks_keys_are_names_that_the_worker_resolves() -> None:
    sink = AwsAccess.of(made(**LOCAL)).sink()
    assert sink["aws.secret.access.key"] == "${env:AWS_SECRET_ACCESS_KEY}"
    assert "test" not in sink.values()
