"""Drives a native stack of the tests' own by the command line, as a person would."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PINPIPE = ROOT / ".venv" / "bin" / "pinpipe"
HOME = ROOT / ".pinpipe" / "test"

# below the range from which the system takes ports for outgoing connections
PORTS = {
    "MYSQL_PORT": 21306,
    "KAFKA_PORT": 21092,
    "KAFKA_CONTROLLER_PORT": 21093,
    "CONNECT_PORT": 21083,
    "REST_PROXY_PORT": 21082,
    "LOCALSTACK_PORT": 21566,
    "SPARK_CONNECT_PORT": 21502,
    "STREAM_PORT": 21084,
    "AIRFLOW_PORT": 21080,
}


@dataclass(frozen=True)
class Pipeline:
    """One user's pipeline on the tests' stack: its own topics, bucket, API, connector and tables."""

    user: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PIN_ENV_FILE": str(HOME / "stack.env"), "PIN_USER_ID": self.user, **self.variables}

    def with_(self, **variables: str) -> Pipeline:
        """The same with other settings."""
        return replace(self, variables={**self.variables, **variables})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once."""
        return subprocess.Popen(
            [PINPIPE, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def try_(self, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however it ends."""
        return subprocess.run(
            [PINPIPE, *arguments], env=self.environment, text=True, capture_output=True, timeout=seconds, check=False
        )

    def run(self, *arguments: str, seconds: float = 600) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.try_(*arguments, seconds=seconds)
        assert done.returncode == 0, (
            f"pinpipe {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def wait_for_sink(self) -> None:
        """Wait until the sink has dealt with every record that is in the topics."""
        from pinpipe.cli.posts import wait_for_sink

        wait_for_sink(self.settings())

    def settings(self) -> Any:
        """The settings that the commands see."""
        from pinpipe.settings import Settings

        values = {name.lower(): value for name, value in env_values().items()} | {"pin_user_id": self.user}
        values |= {name.lower(): value for name, value in self.variables.items()}
        return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def env_values() -> dict[str, str]:
    """The tests' settings: the example's, on ports and in a folder of their own."""
    from dotenv import dotenv_values

    return {name: value or "" for name, value in dotenv_values(HOME / "stack.env").items()}


def write_env_file() -> None:
    """Make the tests' settings file out of ``.env.example``."""
    replaced = {**{name: str(port) for name, port in PORTS.items()}, "PIN_HOME": str(HOME)}
    lines = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        name = line.partition("=")[0]
        lines.append(f"{name}={replaced[name]}" if name in replaced else line)
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "stack.env").write_text("\n".join(lines) + "\n")
