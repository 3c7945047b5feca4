"""Drives a stack of the tests' own by the command line, as a person would.

The stack is the native one, or with ``PIN_STACK=compose`` that of the compose file, where the commands run in the
page's container; the ports on this machine are the same.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.connect import wait_until

ROOT = Path(__file__).resolve().parents[2]
PINPIPE = ROOT / ".venv" / "bin" / "pinpipe"
HOME = ROOT / ".pinpipe" / "test"
COMPOSED = os.environ.get("PIN_STACK") == "compose"
COMPOSE_ENV = HOME / "compose.env"
POSTS = 500
"""What the containers send at their start."""

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
    "DASHBOARD_PORT": 21718,
}
OTHER_STREAM_PORT = PORTS["STREAM_PORT"] + 1
"""For a stream job of a test's own, beside the stack's."""


@dataclass(frozen=True)
class Pipeline:
    """One user's pipeline on the tests' stack: its own topics, bucket, API, connector and tables."""

    user: str
    variables: Mapping[str, str] = field(default_factory=dict)
    env_file: Path = HOME / "stack.env"

    @property
    def command(self) -> list[str]:
        """The words before a command's own."""
        if not COMPOSED:
            return [str(PINPIPE)]
        given = [word for name, value in self.variables.items() for word in ("-e", f"{name}={value}")]
        where = ["docker", "compose", "--project-directory", str(ROOT), "--env-file", str(COMPOSE_ENV)]
        return [*where, "exec", "-T", "-e", f"PIN_USER_ID={self.user}", *given, "dashboard", "pinpipe"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PIN_ENV_FILE": str(self.env_file), "PIN_USER_ID": self.user, **self.variables}

    def with_(self, **variables: str) -> Pipeline:
        """The same with other settings."""
        return replace(self, variables={**self.variables, **variables})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once."""
        return subprocess.Popen(
            [*self.command, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def try_(self, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, however it ends."""
        command = [*self.command, *arguments]
        return subprocess.run(
            command, env=self.environment, text=True, capture_output=True, timeout=seconds, check=False
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

        if self.settings().connect_url:
            wait_for_sink(self.settings())
        else:  # MSK Connect tells nobody how far it is
            wait_until(self._all_in_lake, "all records of the topics are in the lake", seconds=300, every=5)

    def in_topics(self) -> int:
        """How many records the three topics hold."""
        from pinpipe import kafka
        from pinpipe.settings import TABLES

        settings = self.settings()
        return sum(map(kafka.size, kafka.watermarks(settings, *map(settings.topic, TABLES)).values()))

    def _all_in_lake(self) -> bool:
        return all(counts["topic"] == counts["lake"] for counts in self.json("status")["batch"].values())

    def settings(self) -> Any:
        """The settings that the commands see."""
        from dotenv import dotenv_values

        from pinpipe.settings import Settings

        values = {name.lower(): value for name, value in dotenv_values(self.env_file).items() if value is not None}
        values["pin_user_id"] = self.user
        values |= {name.lower(): value for name, value in self.variables.items()}
        return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def write_compose_env_file() -> None:
    """Make the settings of the tests' containers."""
    ports = "".join(f"{name}={port}\n" for name, port in PORTS.items())
    COMPOSE_ENV.write_text(f"COMPOSE_PROJECT_NAME=pinpipe-test\nPIN_POSTS={POSTS}\n{ports}")


def write_env_file() -> None:
    """Make the tests' settings file out of ``.env.example``."""
    replaced = {**{name: str(port) for name, port in PORTS.items()}, "PIN_HOME": str(HOME)}
    lines = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        name = line.partition("=")[0]
        lines.append(f"{name}={replaced[name]}" if name in replaced else line)
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "stack.env").write_text("\n".join(lines) + "\n")
