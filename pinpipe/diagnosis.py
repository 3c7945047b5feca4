"""One archive for a report: logs, versions, settings, status, what the doctor says; with the secrets out."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import requests
from pydantic import SecretStr

from pinpipe import doctor, logs
from pinpipe.settings import Settings
from pinpipe.target import DUMMY_KEYS

LOG_BYTES = 2_000_000
"""Of each log file its end, as much as this."""
TASK_LOGS = 60
"""Airflow writes a file per task: the newest of them."""

GONE = "***"
PUBLIC = DUMMY_KEYS | {"pinpipe", ""}
"""What .env.example has in place of secrets."""
SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY|_PAT$", re.IGNORECASE
)

_PATTERNS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), GONE),
    (re.compile(r"(://[^\s:/@]+):[^\s/@]+@"), rf"\1:{GONE}@"),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)[^\r\n\"']+"), rf"\1{GONE}"),
    (
        re.compile(r"(?i)([\w.-]*(?:secret|passw(?:or)?d|token|credential|signature)[\w.-]*[\"']?\s*[:=]\s*[\"']?)"
                   r"[^\s\"',;&]+"),
        rf"\1{GONE}",
    ),
)  # fmt: skip
"""What looks like a secret, whoever it is one of."""


def secrets(settings: Settings, environment: Mapping[str, str]) -> set[str]:
    """Every secret that is known here: of the settings, of the stack's own files, of the environment."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    password = urlsplit(settings.mysql_url.get_secret_value()).password or ""
    found -= {settings.mysql_url.get_secret_value()}
    found |= {password, unquote(password), settings.aws_access_key_id or ""}
    # a flag such as USE_TOKEN=1 is no secret, and without every 1 a report says nothing
    found |= {value for name, value in environment.items() if SECRET_NAME.search(name) and len(value) > 3}
    for file in (settings.pin_home / "run").glob("*"):
        if file.suffix in (".token", ".password", ".key"):
            found.add(file.read_text().strip())
    return found - PUBLIC


def without(text: str, known: Iterable[str]) -> str:
    """A text without the known secrets, however they are written down, and without what looks like one."""
    for secret in sorted(known, key=len, reverse=True):
        coded = base64.b64encode(secret.encode()).decode()
        for written in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], coded.rstrip("=")):
            text = text.replace(written, GONE)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def write(settings: Settings, environment: Mapping[str, str], file: Path) -> list[str]:
    """Write the archive and return the names of what is in it."""
    known = secrets(settings, environment)
    names = []
    # no file of the stack is copied: all go through ``without``
    with tarfile.open(file, "x:gz") as archive:
        for name, text in _texts(settings, environment):
            content = without(text, known).encode()
            entry = tarfile.TarInfo(f"{file.name.partition('.')[0]}/{without(name, known)}")
            entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(content))
            names.append(name)
    file.chmod(0o600)
    return names


def _texts(settings: Settings, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    from pinpipe.stack import Stack
    from pinpipe.status import gather

    yield "versions.txt", _lines(f"{name}: {value}" for name, value in doctor.facts().items())
    yield "doctor.txt", _lines(map(str, doctor.look_over()))
    values = settings.environment().items()
    yield "settings.txt", _lines(f"{n}={GONE if v and SECRET_NAME.search(n) else v}" for n, v in values)
    # names alone: what a variable of somebody else's holds is not ours to send
    yield "environment.txt", _lines(sorted(environment))
    yield "status.json", json.dumps(gather(settings).as_dict(), indent=2)
    yield "supervisord.txt", _lines(map(str, Stack(settings).states().values()))
    yield "connector.json", _connector(settings)
    folder = settings.pin_home / "logs"
    for log in sorted(folder.glob("*.log")):
        for file in logs.generations(log):
            yield f"logs/{file.name}", _end(file)
    tasks = [(path.stat().st_mtime, path) for path in (folder / "airflow").rglob("*") if path.is_file()]
    for _, file in sorted(tasks)[-TASK_LOGS:]:
        yield f"logs/{file.relative_to(folder)}", _end(file)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _end(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - LOG_BYTES))
        return opened.read().decode(errors="replace")


def _connector(settings: Settings) -> str:
    """What Kafka Connect says of the sink's tasks, failures with their traces among it."""
    try:
        return requests.get(f"{settings.connect_url}/connectors/{settings.connector}/status", timeout=5).text
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
