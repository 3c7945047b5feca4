"""supervisord runs the parts: its configuration is made from the table of parts and the settings in force."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xmlrpc.client import Fault, ServerProxy  # nosec B411  # our own supervisord's socket, which is its owner's alone

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pinpipe.errors import PartDown, SetupMissing
from pinpipe.settings import ROOT, Settings, env_file
from pinpipe.stack import orphans
from pinpipe.stack.parts import PARTS, Part
from pinpipe.stack.probes import answers

TOOLS = ROOT / ".pinpipe"
"""What set-up made: jars, the plugin, MySQL, LocalStack's packages. One for all stacks of this checkout."""

READY_SECONDS = 150
"""How long the parts may take until all answer."""

_OF_A_USER = {
    "PIN_USER_ID", "PIN_TABLES_PATH", "PIN_CHECKPOINT_PATH", "PIN_FLUSH_SIZE", "PIN_ROTATE_MS", "PIN_STREAM_MODE",
}  # fmt: skip

_HEAD = """\
[supervisord]
logfile={home}/logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={home}/run/supervisord.pid
childlogdir={home}/logs

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{part.name}]
command={part.command}
directory={home}
environment={environment}
autostart=false
autorestart=true
startsecs=1
startretries=10
stopwaitsecs={part.stop_seconds}
stopasgroup={stop_as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={home}/logs/{part.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True)
class State:
    """What supervisord says of a part: its state (RUNNING, STOPPED, FATAL …) and process id, 0 when there is none."""

    name: str
    state: str
    pid: int


class Stack:
    """The native stack of one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.pin_home

    # files

    @property
    def _socket(self) -> Path:
        socket = self.home / "run" / "supervisord.sock"
        if len(bytes(socket)) < 100:  # the system's limit for a socket's path is 107 bytes
            return socket
        return Path(tempfile.gettempdir()) / f"pinpipe-{hashlib.sha256(bytes(socket)).hexdigest()[:16]}.sock"

    def log(self, name: str) -> Path:
        """The log of a part."""
        return self.home / "logs" / f"{name}.log"

    def spark_token(self) -> str:
        """The token of the stack's Spark Connect server."""
        return self._secret("spark.token")

    def spark_token_to_send(self) -> str | None:
        """The token, where the settings lead to the stack's own server, on loopback; another server never sees it."""
        local = urlsplit(self.settings.spark_remote or "").hostname == "localhost"
        return self.spark_token() if local else None

    def airflow_password(self) -> str:
        """The password of Airflow's user ``admin``: that of the settings, or one of this stack's own."""
        given = self.settings.pin_airflow_password
        return given.get_secret_value() if given else self._secret("airflow.password")

    def _secret(self, name: str) -> str:
        """A secret of this stack, made once into a file that only its owner can read."""
        file = self.home / "run" / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(32))
        return file.read_text()

    # whom LocalStack, which forgets everything when it dies, held something of

    @property
    def _provisioned(self) -> Path:
        return self.home / "run" / "provisioned"

    def note_provisioned(self, held: bool = True) -> None:
        """Note whether LocalStack holds something of this user, for when it is started again after a death."""
        note = self._provisioned / f"{self.settings.pin_user_id}.json"
        if not held:
            note.unlink(missing_ok=True)
            return
        self._provisioned.mkdir(parents=True, exist_ok=True)
        values = {name: value for name, value in self.settings.environment().items() if name in _OF_A_USER}
        note.write_text(json.dumps(values))

    def provisioned(self) -> list[dict[str, str]]:
        """The variables of each user that was noted."""
        return [json.loads(file.read_text()) for file in sorted(self._provisioned.glob("*.json"))]

    def _environment(self, part: Part) -> dict[str, str]:
        mysqld = TOOLS / "tools" / "mysqld.path"
        if not mysqld.exists():
            raise SetupMissing("the parts are not installed yet: run 'make setup'")
        # whose pipeline it is does not concern the parts: several users can share them, and none restarts them
        values = self.settings.environment()
        shared = values if part.of_user else {name: values[name] for name in values if name not in _OF_A_USER}
        return shared | {
            "PIN_ROOT": str(ROOT),
            "PIN_TOOLS": str(TOOLS),
            "PIN_ENV_FILE": str(env_file().absolute()),
            "PIN_PYTHON": sys.executable,
            "PIN_LOCALSTACK_PYTHON": str(ROOT / ".venv-localstack" / "bin" / "python"),
            "PIN_AIRFLOW_PYTHON": str(ROOT / ".venv-airflow" / "bin" / "python"),
            "PIN_AIRFLOW_PASSWORD": self.airflow_password(),
            "PIN_AIRFLOW_KEY": self._secret("airflow.key"),
            "MYSQLD": mysqld.read_text().strip(),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self.spark_token(),
        }

    def _write_configuration(self) -> Path:
        for folder in ("logs", "run", "data"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)

        def environment(part: Part) -> str:
            values = self._environment(part)
            quoted = ((name, value.replace("%", "%%").replace('"', '\\"')) for name, value in values.items())
            return ",".join(f'{name}="{value}"' for name, value in quoted)

        file = self.home / "run" / "supervisord.conf"
        file.touch(mode=0o600)  # it holds the settings, passwords among them
        file.write_text(
            _HEAD.format(home=self.home, socket=self._socket)
            + "".join(
                _PROGRAM.format(
                    part=part,
                    home=self.home,
                    environment=environment(part),
                    stop_as_group=str(not part.stops_children).lower(),
                )
                for part in PARTS
            )
        )
        return file

    # supervisord

    def _rpc(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport  # not in Airflow's environment, which asks for secrets alone

        return ServerProxy("http://127.0.0.1", SupervisorTransport(None, None, f"unix://{self._socket}")).supervisor

    @property
    def running(self) -> bool:
        """Whether this stack's supervisord answers. One that is about to end is waited for."""
        try:
            return bool(self._rpc().getState()["statename"] == "RUNNING")
        except Fault:  # its answer to every question while it shuts down
            self._wait_until_gone()
            return False
        except OSError:
            return False

    def states(self) -> dict[str, State]:
        """What supervisord says of each part; empty when it does not run."""
        if not self.running:
            return {}
        return {
            info["name"]: State(info["name"], info["statename"], info["pid"])
            for info in self._rpc().getAllProcessInfo()
        }

    def start(self, names: Iterable[str]) -> None:
        """Start those parts that do not run, without waiting for them. Changed settings restart the parts that run."""
        configuration = self._write_configuration()
        if self.running:
            self._apply_changes()
        else:
            supervisord = Path(sys.executable).parent / "supervisord"
            subprocess.run([supervisord, "-c", configuration], check=True, cwd=self.home)
            self._wait(lambda: self.running, 10, lambda: self._told("supervisord does not start", "supervisord"))
        rpc = self._rpc()
        for name in names:
            if rpc.getProcessInfo(name)["statename"] not in ("RUNNING", "STARTING"):
                rpc.startProcess(name, False)

    def wait(self, names: Iterable[str], report: Callable[[str], None] = lambda name: None) -> None:
        """Wait until each of these parts, which were started, answers; ``report`` is told each name as it does.

        Raises :class:`PartDown` with the last lines of the log of the first part that gave up or did not answer in
        time.
        """
        rpc = self._rpc()
        waiting = list(names)
        starts: dict[str, set[int]] = {name: set() for name in waiting}

        def all_answer() -> bool:
            for name, up in answers(self.settings, waiting).items():
                if up:
                    waiting.remove(name)
                    report(name)
                    continue
                process = rpc.getProcessInfo(name)
                starts[name].add(process["pid"])
                # a part that ends some seconds after each start is RUNNING for supervisord every time
                if process["statename"] == "FATAL" or len(starts[name] - {0}) > 3:
                    raise self._told(f"{name} does not start", name)
            return not waiting

        self._wait(
            all_answer,
            READY_SECONDS,
            lambda: self._told(f"{waiting[0]} did not answer within {READY_SECONDS} s", waiting[0]),
        )

    def _apply_changes(self) -> None:
        """What ``supervisorctl update`` does: parts whose configuration changed are stopped and taken anew."""
        rpc = self._rpc()
        [(added, changed, removed)] = rpc.reloadConfig()
        for name in (*changed, *removed):
            rpc.stopProcessGroup(name)
            rpc.removeProcessGroup(name)
        for name in (*added, *changed):
            rpc.addProcessGroup(name)

    def _wait(self, done: Callable[[], bool], seconds: float, failure: Callable[[], PartDown]) -> None:
        wait = Retrying(
            stop=stop_after_delay(seconds),
            wait=wait_fixed(0.25),
            retry=retry_if_result(lambda result: not result),
        )
        try:
            wait(done)
        except RetryError:
            raise failure() from None

    def _told(self, message: str, name: str) -> PartDown:
        lines = self.log(name).read_text(errors="replace").splitlines()[-3:] if self.log(name).exists() else []
        return PartDown(
            "\n".join([f"{message}; its log is {self.log(name)}", *(f"    {line[:200]}" for line in lines)])
        )

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop parts, or all of them and supervisord itself; their data stays."""
        names = None if names is None else list(names)
        if names is None or "localstack" in names:
            shutil.rmtree(self._provisioned, ignore_errors=True)  # no death: who starts it again provisions
        if not self.running:
            if names is None:
                orphans.end(self.home)
            return
        rpc = self._rpc()
        if names is not None:
            for name in names:
                try:
                    rpc.stopProcess(name)
                except Fault as fault:
                    if "NOT_RUNNING" not in fault.faultString:
                        raise
            return
        rpc.stopAllProcesses()
        rpc.shutdown()
        self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        self._wait(
            lambda: not self._socket.exists(),
            60,
            lambda: self._told("supervisord does not stop", "supervisord"),
        )
