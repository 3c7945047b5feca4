"""`pytest -m aws` starts only with settings for AWS and the account that was named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import aws_leg
from tests.support.targets import LOCAL, ON_AWS, without_settings
from tests.support.templates import ROOT

pytestmark = pytest.mark.unit


def test_without_an_account_it_does_not_start() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PIN_AWS_ACCOUNT"}
    command = [sys.executable, "-m", "pytest", "-m", "aws", "tests/e2e/test_own_copy.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "PIN_AWS_ACCOUNT=123456789012" in done.stderr) == (pytest.ExitCode.USAGE_ERROR, True)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (LOCAL, "AWS_ENDPOINT_URL is http://127.0.0.1:4566"),
        (ON_AWS | {"pin_user_id": "demo"}, "PIN_USER_ID: 'demo' is for the local stack"),
        (ON_AWS, "no AWS credentials"),
    ],
)
def test_with_settings_that_are_not_of_aws_it_does_not_start(
    settings: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_settings(monkeypatch)
    for name in ("PIN_ENV_FILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PIN_AWS_ACCOUNT", "123456789012")
    for name, value in settings.items():
        monkeypatch.setenv(name.upper(), value)
    assert str(aws_leg.refusal()).startswith(told)
