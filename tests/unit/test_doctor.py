"""What would send the local stack to AWS is found and named with its fix; what is as it must be is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pinpipe import doctor
from pinpipe.settings import ROOT
from tests.support.targets import LOCAL, made

pytestmark = pytest.mark.unit

ENV = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AWS_ENDPOINT_URL", "", "AWS_ENDPOINT_URL is empty in the environment"),
        ("AWS_PROFILE", "work", "AWS_PROFILE is set"),
        ("AWS_DEFAULT_PROFILE", "work", "AWS_DEFAULT_PROFILE is set"),
        ("AWS_ACCESS_KEY_ID", "a-real-one", "AWS_ACCESS_KEY_ID in the environment hides .env's"),
        ("AWS_SECRET_ACCESS_KEY", "a-real-one", "AWS_SECRET_ACCESS_KEY in the environment hides .env's"),
        ("AWS_SESSION_TOKEN", "a-real-one", "AWS_SESSION_TOKEN in the environment hides .env's"),
    ],
)
def test_a_variable_that_leads_to_aws_is_told_and_how_to_unset_it(variable: str, value: str, told: str) -> None:
    [finding] = doctor.towards_aws({"PATH": "/bin", **ENV, variable: value}, ENV)
    assert finding.what.startswith(told)
    assert finding.fix == f"run 'unset {variable}'"
    assert "a-real-one" not in str(finding)


def test_an_address_on_aws_beside_the_local_stack_is_told() -> None:
    [finding] = doctor.towards_aws({"KAFKA_BOOTSTRAP_SERVERS": "b-1.pin.kafka.us-east-1.amazonaws.com:9098"}, ENV)
    assert finding.what.startswith("KAFKA_BOOTSTRAP_SERVERS is an address on AWS")


def test_what_env_says_itself_is_no_finding() -> None:
    assert doctor.towards_aws(ENV, ENV) == []
    assert doctor.towards_aws({"AWS_PROFILE": "work"}, {**ENV, "AWS_ENDPOINT_URL": ""}) == []  # AWS is meant


def test_without_an_env_file_everything_is_aws() -> None:
    [finding] = doctor.towards_aws({}, {})
    assert finding.fix == "run 'make setup'"


def test_a_process_that_outlived_its_supervisord_is_told_until_it_ends(tmp_path: Path) -> None:
    settings = made(**LOCAL, pin_home=tmp_path)
    environment = {**os.environ, "PIN_HOME": str(tmp_path), "PIN_AIRFLOW_KEY": "x"}
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as part:
        assert part.stdout
        part.stdout.readline()  # it is this program by now, with its environment
        [finding] = doctor.leftovers(settings)
        part.kill()
    assert finding.what.startswith(f"process {part.pid} (python")
    assert finding.fix == "'pinpipe up' and 'pinpipe down' end it"
    assert doctor.leftovers(settings) == []


def test_an_old_java_and_a_missing_maven_are_told_with_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A java of our own: an old one can't be had here."""
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    for name in ("sh", "sed", "head"):
        (tmp_path / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.what.split()[0]: finding for finding in doctor.tools()}
    assert set(findings) == {"Java", "Maven", "Node", "npm"}
    assert findings["Java"].what == "Java 17 or newer is needed (found: 11)"
    assert findings["Java"].fix.endswith("run 'sudo apt-get install openjdk-17-jdk-headless'")
    assert findings["Maven"].fix.endswith("run 'sudo apt-get install maven'")


def test_it_says_what_is_wrong_with_settings_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / ".env.example").read_text().replace("MYSQL_PORT=3306", "MYSQL_PORT=99999")
    (tmp_path / "env").write_text(text)
    monkeypatch.setenv("PIN_ENV_FILE", str(tmp_path / "env"))
    assert any(finding.what == "MYSQL_PORT" for finding in doctor.look_over())
