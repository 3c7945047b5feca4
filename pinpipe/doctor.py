"""Looks for what would go wrong before anything starts, each with its fix: tools, set-up, ports, memory, cores, disk,
what an old run left, variables that would send it to AWS.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

import psutil
from dotenv import dotenv_values

from pinpipe.errors import SettingsError
from pinpipe.settings import ROOT, Settings, env_file, load
from pinpipe.stack import PARTS, Part, Stack, orphans
from pinpipe.stack.supervise import TOOLS
from pinpipe.target import DUMMY_KEYS

DISK_MB = 4_000
"""What set-up and a full demo take on the disk, rounded up."""
CORES = 2
PACKAGES = ("pyspark", "delta-spark", "deltalake", "confluent-kafka", "boto3", "duckdb", "marimo")


@dataclass(frozen=True)
class Finding:
    """Something that is or will be in the way: what, and what to do about it."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}" if self.fix else self.what


def look_over() -> list[Finding]:
    """Everything that is in the way of the whole stack, with the settings in force or in spite of them."""
    about_aws = towards_aws(os.environ, dotenv_values(env_file()))
    try:
        settings = load()
    except SettingsError as error:
        refused = (line.partition(": ") for line in str(error).splitlines())
        return [*tools(), *cores(), *set_up(), *(Finding(what, fix) for what, _, fix in refused), *about_aws]
    return [*tools(), *cores(), *examine(settings), *leftovers(settings), *about_aws]


def examine(settings: Settings, parts: tuple[Part, ...] = PARTS) -> list[Finding]:
    """Everything that keeps ``parts`` from starting."""
    return [*set_up(), *ports(settings, parts), *resources(parts)]


def tools() -> list[Finding]:
    """The tools that set-up needs and that are missing or too old."""
    told = subprocess.run(
        [ROOT / "services" / "python" / "check.sh", sys.executable], capture_output=True, text=True, check=False
    ).stderr
    lines = (line.removeprefix("setup: ").rpartition(": ") for line in told.splitlines() if line.startswith("setup: "))
    return [Finding(what, fix) for what, _, fix in lines]


def set_up() -> list[Finding]:
    """What set-up should have made and is not there."""
    wanted = (TOOLS / "jars" / "kafka", TOOLS / "jars" / "spark", TOOLS / "connect-plugins" / "pinpipe-s3-sink",
              TOOLS / "tools" / "mysqld.path", TOOLS / "localstack-packages", ROOT / ".venv-localstack",
              TOOLS / "airflow")  # fmt: skip
    missing = [path.relative_to(ROOT) for path in wanted if not path.exists()]
    return [Finding(f"set-up has not made {', '.join(map(str, missing))}", "run 'make setup'")] if missing else []


def ports(settings: Settings, parts: tuple[Part, ...]) -> list[Finding]:
    """Ports that another process listens on. Parts of this stack that run already use their own."""
    running = {name for name, state in Stack(settings).states().items() if state.pid}
    findings = []
    for part in parts:
        if part.name in running:
            continue
        for name in part.ports:
            port = int(getattr(settings, name))
            if _free(port):
                continue
            findings.append(
                Finding(
                    f"port {port}, for {part.name}, is in use by {_owner(port)}",
                    f"stop that process, or set {name.upper()} to a free port in .env",
                )
            )
    return findings


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # as the servers do it: a port whose last connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # another user's process, or one that has just ended
    return "another process"


def resources(parts: tuple[Part, ...]) -> list[Finding]:
    """Memory and disk against what the parts take."""
    findings = []
    needed = sum(part.memory_mb for part in parts)
    available = psutil.virtual_memory().available // 2**20
    if available < needed * 0.7:
        findings.append(
            Finding(f"{available} MB of memory are free, the parts take {needed} MB", "close other programs")
        )
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < DISK_MB:
        findings.append(Finding(f"{free} MB of disk are free below {ROOT}", f"make room for {DISK_MB} MB"))
    return findings


def cores() -> list[Finding]:
    """Too few cores: everything starts, and takes its time."""
    if (there := psutil.cpu_count() or 1) >= CORES:
        return []
    return [Finding(f"{there} core is there for ten processes", f"give this machine {CORES} cores or more")]


def leftovers(settings: Settings) -> list[Finding]:
    """Processes of the parts of an earlier run, whose supervisord is gone: they hold ports and data."""
    return [
        Finding(
            f"process {process.pid} ({process.name()}) is left of an old run",
            "'pinpipe up' and 'pinpipe down' end it",
        )
        for process in orphans.left(settings.pin_home)
    ]


def towards_aws(environment: Mapping[str, str], file: Mapping[str, str | None]) -> list[Finding]:
    """What of the environment would send the local stack's commands to AWS; ``file`` is what ``.env`` says.

    Nothing, when the file itself means AWS.
    """
    if not file:
        return [Finding("there is no .env, and without AWS_ENDPOINT_URL everything is AWS", "run 'make setup'")]
    if not file.get("AWS_ENDPOINT_URL"):
        return []
    found = []
    if environment.get("AWS_ENDPOINT_URL") == "":
        found.append("AWS_ENDPOINT_URL is empty in the environment, which hides .env's and means AWS")
    found += [
        f"{name} is set, and AWS clients take that profile's account"
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
        if environment.get(name)
    ]
    found += [
        f"{name} in the environment hides .env's and looks like a real one"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if environment.get(name) and environment[name] not in DUMMY_KEYS | {file.get(name)}
    ]
    findings = [Finding(what, f"run 'unset {what.split()[0]}'") for what in found]
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REST_PROXY_URL", "CONNECT_URL", "MYSQL_URL"):
        value = environment.get(name) or file.get(name) or ""
        hosts = [urlsplit(one if "//" in one else f"//{one}").hostname or "" for one in value.split(",")]
        if any(host.endswith((".amazonaws.com", ".amazonaws.com.cn")) for host in hosts):
            findings.append(Finding(f"{name} is an address on AWS, beside a local AWS_ENDPOINT_URL", "correct one"))
    return findings


def facts() -> dict[str, str]:
    """What the machine and set-up are: names and values, for a person and for a report."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(ROOT)
    return {
        "pinpipe": version("pinpipe"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "java": _first_line("java", "-version"),
        "node": _first_line("node", "--version"),
        **{f".venv-{name}": _venv_python(name) for name in ("localstack", "airflow")},
        **{name: version(name) for name in PACKAGES},
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory.available // 2**20} of {memory.total // 2**20} MB are free",
        "disk": f"{disk.free // 2**20} of {disk.total // 2**20} MB are free below {ROOT}",
    }


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "not there"
    return ((done.stdout or done.stderr).splitlines() or ["says nothing"])[0]


def _venv_python(name: str) -> str:
    """The Python version of one of the project's other environments."""
    made = dotenv_values(ROOT / f".venv-{name}" / "pyvenv.cfg")
    return f"Python {made['version_info']}" if "version_info" in made else "not there"
