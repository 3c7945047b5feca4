"""The stack started otherwise: on a clock that jumps an hour ahead and back, and with secrets that would be seen.

tests/support/clock.c stands between the parts and the clock: the time of day is off by what a file says, other clocks
go on. All parts run on it, so the stack is started anew; LocalStack forgets, and the lake fills again from the topics.
"""

from __future__ import annotations

import secrets
import struct
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pinpipe.stack import Stack
from tests.support.drills import Coordinate, Posting, account, chance, ended, record, wait_until_flowing
from tests.support.pipeline import HOME, PORTS, ROOT, Pipeline

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1200)]

JUMPS = (3600, -3600, 0)
"""How many seconds the clock is off, one after the other."""
ENDPOINT = f"http://127.0.0.1:{PORTS['LOCALSTACK_PORT']}"


@dataclass(frozen=True)
class Clock:
    """The time of day of all parts, off by the seconds in a file."""

    file: Path

    def shift(self, seconds: int) -> None:
        with self.file.open("r+b" if self.file.exists() else "wb") as opened:
            opened.write(struct.pack("=q", seconds))


@dataclass(frozen=True)
class Otherwise:
    """A user of the stack as it was started, its clock, and the secrets."""

    pipeline: Pipeline
    clock: Clock
    hidden: tuple[str, ...]


@pytest.fixture(scope="module")
def otherwise(stack: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Otherwise]:
    folder = tmp_path_factory.mktemp("clock")
    library, clock = folder / "clock.so", Clock(folder / "seconds")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/clock.c"], check=True)
    clock.shift(0)
    key, password = secrets.token_hex(20), secrets.token_hex(12)
    changed = {
        "LD_PRELOAD": str(library),
        "PIN_CLOCK": str(clock.file),
        "AWS_SECRET_ACCESS_KEY": key,
        "PIN_SEND_KEYS_TO": ENDPOINT,
        "MYSQL_URL": f"mysql://pinpipe:{password}@127.0.0.1:{PORTS['MYSQL_PORT']}/pinterest_data",
    }
    parts = [name for name, state in Stack(stack.settings()).states().items() if state.pid]
    stack.run("down")
    for log in (HOME / "logs").glob("*.log*"):
        log.unlink()
    try:
        stack.with_(**changed).run("up", *parts)
        pipeline = Pipeline("otherwise").with_(**changed)
        pipeline.run("seed", "--rows", "1500")
        pipeline.run("provision")
        tokens = Stack(stack.settings())
        yield Otherwise(pipeline, clock, (key, password, tokens.spark_token(), tokens.airflow_password()))
    finally:
        stack.run("down")
        stack.run("up", *parts)
        stack.run("provision")


def test_a_clock_that_jumps_loses_and_doubles_nothing(otherwise: Otherwise) -> None:
    pipeline, moments, seconds, ends = otherwise.pipeline, chance("clock"), [], []
    acknowledged: dict[Coordinate, int] = {}
    with Posting(pipeline, acknowledged) as posting:
        for jump in JUMPS:
            client = pipeline.start("batch")
            time.sleep(moments.uniform(5, 15))
            otherwise.clock.shift(jump)
            jumped = time.monotonic()
            wait_until_flowing(pipeline.settings(), posting)
            seconds.append(time.monotonic() - jumped)
            ends.append(ended(client))
    found = account(pipeline, acknowledged, tables=True)
    note = "an hour ahead, two back, one ahead; the batches that ran ended: " + ", ".join(ends)
    record(found.result("the clock jumps", len(JUMPS), seconds, note))
    found.check()


def test_no_secret_is_in_a_command_line_a_log_or_an_archive(otherwise: Otherwise, tmp_path: Path) -> None:
    pipeline, texts = otherwise.pipeline, []
    client = pipeline.start("post", "--count", "1000", "--batch-size", "5", "--to", "both")
    for _ in range(10):  # the commands that run beside it, too
        texts += [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        time.sleep(0.3)
    texts += client.communicate(timeout=300)
    assert client.returncode == 0
    texts += [pipeline.run(*command) for command in (("where",), ("topics",), ("logs", "-n", "1000"))]
    status = pipeline.try_("status")  # it complains: there is no stream job, and no batch was after these posts
    texts += [status.stdout, status.stderr]
    pipeline.run("diagnose", str(tmp_path / "report.tar.gz"))
    with tarfile.open(tmp_path / "report.tar.gz") as archive:
        files = [opened for entry in archive.getmembers() if (opened := archive.extractfile(entry))]
        texts += [file.read().decode() for file in files]
    texts += [file.read_text(errors="replace") for file in (HOME / "logs").rglob("*") if file.is_file()]
    assert len(texts) > 50
    assert sum(map(len, texts)) > 100_000
    assert not [text[:200] for text in texts for secret in otherwise.hidden if secret in text]
