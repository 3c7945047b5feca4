"""An archive for a report has the logs, and no secret in any spelling."""

from __future__ import annotations

import base64
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from pinpipe import diagnosis
from pinpipe.settings import Settings

pytestmark = pytest.mark.unit

SECRETS = {
    "key id": "AKIAIOSFODNN7EXAMPLE",
    "secret key": "wJalrXUtnFEMI/K7MDENG+bPxRfi=EXAMPLEKEY",
    "session": 'FwoG"ZXIvYXdzE\\slash',
    "password": "p@ss/w:rd ü",
    "spark": "5f0c" * 16,
    "airflow": "9a1d" * 16,
    "fernet": "77ee" * 16,
    "somebody's": "ghp_abcdefgh12345678",
    "short": "xyzzy",
}
STRANGERS = ["Bearer eyJhbGciOi.Jub3RvdXJz", "AKIAABCDEFGHIJKLMNOP", "hunter2secret"]
"""Secrets that nobody told pinpipe: they stand in logs alone, behind a name or in a form that gives them away."""


@pytest.fixture
def archive(tmp_path: Path) -> dict[str, str]:
    """Every file of the archive: name to text."""
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    (home / "logs" / "airflow" / "dag_id=demo_dag").mkdir(parents=True)
    for name, secret in (("spark.token", "spark"), ("airflow.password", "airflow"), ("airflow.key", "fernet")):
        (home / "run" / name).write_text(SECRETS[secret] + "\n")
    (home / "run" / "supervisord.conf").write_text("\n".join(SECRETS.values()))
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        pin_home=home,
        aws_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id=SECRETS["key id"],
        aws_secret_access_key=SECRETS["secret key"],
        aws_session_token=SECRETS["session"],
        pin_send_keys_to="http://127.0.0.1:1",
        mysql_url=f"mysql://ada:{quote(SECRETS['password'], safe='')}@127.0.0.1:1/pinterest_data",
        **dict.fromkeys(("kafka_bootstrap_servers",), "127.0.0.1:1"),
        **{f"{part}_url": "http://127.0.0.1:1" for part in ("rest_proxy", "connect", "stream", "airflow")},
    )
    lines = [f"{name} before {written} after" for name, secret in SECRETS.items() for written in spellings(secret)]
    lines += [f"Authorization: {STRANGERS[0]}", f"signed by {STRANGERS[1]}", f'"db.password": "{STRANGERS[2]}"']
    lines += [f"connecting to mysql://bob:{STRANGERS[2]}@db:3306/x", "the sink wrote 500 records"]
    (home / "logs" / "connect.log").write_text("\n".join(lines))
    (home / "logs" / "connect.log.1").write_text(f"older {SECRETS['secret key']}\n")
    (home / "logs" / "airflow" / "dag_id=demo_dag" / "attempt=1.log").write_text(SECRETS["airflow"])
    environment = {"GITHUB_TOKEN": SECRETS["somebody's"], "MY_API_KEY": SECRETS["short"], "HOME": "/home/ada"}
    target = tmp_path / "report.tar.gz"
    diagnosis.write(settings, environment, target)
    assert target.stat().st_mode & 0o077 == 0
    with tarfile.open(target) as opened:
        files = {entry.name: opened.extractfile(entry) for entry in opened.getmembers()}
        return {name: file.read().decode() for name, file in files.items() if file}


def spellings(secret: str) -> set[str]:
    coded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), quote(secret), coded, coded.rstrip("=")}


def test_no_secret_is_in_it(archive: dict[str, str]) -> None:
    whole = "\n".join([*archive, *archive.values()])
    for name, secret in SECRETS.items():
        for written in spellings(secret):
            assert written not in whole, name
    for secret in STRANGERS:
        assert secret.removeprefix("Bearer ") not in whole


def test_it_has_the_logs_the_versions_and_the_settings(archive: dict[str, str]) -> None:
    log = archive["report/logs/connect.log"].splitlines()
    assert log[-1] == "the sink wrote 500 records"
    assert "connecting to mysql://bob:***@db:3306/x" in log
    assert "secret key before *** after" in log
    assert archive["report/logs/connect.log.1"] == "older ***\n"
    assert archive["report/logs/airflow/dag_id=demo_dag/attempt=1.log"] == "***"
    settings = archive["report/settings.txt"].splitlines()
    assert "MYSQL_URL=mysql://ada:***@127.0.0.1:1/pinterest_data" in settings
    assert "PIN_USER_ID=demo" in settings
    assert "AWS_SECRET_ACCESS_KEY=***" in settings
    assert "pyspark: 4.2.0" in archive["report/versions.txt"]
    assert '"state": "down"' in archive["report/status.json"]
    assert archive["report/environment.txt"].splitlines() == ["GITHUB_TOKEN", "HOME", "MY_API_KEY"]
    assert not any("supervisord.conf" in name or "run/" in name for name in archive)
