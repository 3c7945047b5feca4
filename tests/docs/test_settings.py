"""Every setting is in an example file and in docs/settings.md, with its default; the examples do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from pinpipe import settings
from pinpipe.errors import SettingsError
from pinpipe.settings import ROOT, Settings
from services.rest_proxy.settings import Settings as RestProxy
from tests.support.targets import without_settings

pytestmark = pytest.mark.docs

LOCAL, AWS = ROOT / ".env.example", ROOT / ".env.aws.example"


def assigned(file: Path) -> dict[str, str]:
    lines = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def documented() -> dict[str, str]:
    """Setting to its default, as docs/settings.md has it."""
    found: dict[str, str] = {}
    for names, default in re.findall(
        r"^\| (`[A-Z_`, ]+`) \| ([^|]+) \|", (ROOT / "docs/settings.md").read_text(), re.M
    ):
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} is there twice"
            found[name] = default.strip("`")
    return found


def shown(default: object) -> str:
    """A default as the docs show it."""
    if default is None:
        return "empty"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return default.name if isinstance(default, Path) else str(default)


def test_every_setting_is_in_the_docs_with_its_default_and_no_other() -> None:
    ours = {name.upper(): shown(field.default) for name, field in Settings.model_fields.items()}
    of_proxy = {str(field.validation_alias): shown(field.default) for field in RestProxy.model_fields.values()}
    assert PydanticUndefined not in (*ours.values(), *of_proxy.values())
    of_dag = {name: value or "empty" for name, value in assigned(AWS).items() if name not in ours}
    assert documented() == {**of_proxy, **ours, **of_dag}


def test_every_variable_of_the_dag_is_in_the_example_for_aws() -> None:
    sources = [ROOT / "airflow/dags/pinterest_dag.py", ROOT / "pinpipe/databricks.py"]
    read = {name for file in sources for name in re.findall(r'"((?:DATABRICKS|PIPELINE)_\w+)"', file.read_text())}
    assert len(read) >= 5
    assert read <= assigned(AWS).keys()


def load(monkeypatch: pytest.MonkeyPatch, file: Path, text: str) -> Settings:
    without_settings(monkeypatch)
    file.write_text(text)
    monkeypatch.setenv("PIN_ENV_FILE", str(file))
    return settings.load()


def filled_in() -> str:
    """The example for AWS with a person's own values."""
    text = AWS.read_text()
    for name, value in (("PIN_USER_ID", "ada"), ("AWS_REGION", "eu-west-1"), ("API_ALLOWED_CIDR", "203.0.113.7/32")):
        assert f"\n{name}=\n" in text
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    return text.replace("HOST", "host.example.com").replace("CLUSTER", "ada.x1").replace("REGION.ama", "eu-west-1.ama")


def test_the_example_for_aws_behind_the_local_one_is_aws_once_it_is_filled_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded = load(monkeypatch, tmp_path / "env", LOCAL.read_text() + filled_in())
    assert not loaded.local
    assert loaded.bucket == "user-ada-bucket"
    assert loaded.api_signed
    assert loaded.aws_access_key_id is None


@pytest.mark.parametrize(
    "name", ["PIN_USER_ID", "KAFKA_AUTH", "MYSQL_URL", "KAFKA_BOOTSTRAP_SERVERS", "REST_PROXY_URL", "CONNECT_URL"]
)
def test_a_line_that_is_left_out_of_it_is_told_by_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = "\n".join(line for line in filled_in().splitlines() if not line.startswith(f"{name}="))
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load(monkeypatch, tmp_path / "env", LOCAL.read_text() + left)
