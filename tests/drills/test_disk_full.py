"""The disk under the broker runs full while records come in: refused in time with a reason, nothing acknowledged is
lost, and it goes on by itself when there is room again.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.support.drills import RECOVERY_SECONDS, Result, record
from tests.support.kafka import Broker
from tests.support.rest_proxy import Load, ProxyProcess, stored, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

SMALL, LARGE = "40m", "400m"


def mount(folder: Path, *options: str) -> None:
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"a small disk can be mounted by root alone: {done.stderr}"


def test_a_full_disk_under_the_broker_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk, "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs")
    try:
        broker = Broker(disk / "kafka")
        with broker, ProxyProcess(tmp_path, broker.bootstrap, PRODUCE_TIMEOUT_SECONDS="3") as proxy:
            topic = broker.create_topic("filled")
            load = Load(proxy, topic, fill=5000)
            wait_for(lambda: load.errors, 120, "records to be refused")
            reached = len(load.acknowledged)
            assert "No space left on device" in (broker.folder / "broker.log").read_text(errors="replace")
            time.sleep(5)
            memory = proxy.memory()
            mount(disk, "-o", f"remount,size={LARGE}")
            started = time.monotonic()
            broker.kill()  # it has ended, or stands still without a log folder; supervisord starts one that ended
            broker.start()
            wait_for(lambda: len(load.acknowledged) > reached + 200, RECOVERY_SECONDS, "records to flow again")
            seconds = round(time.monotonic() - started, 1)
            load.stop()
            found = stored(broker, topic)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    lost = len(load.acknowledged.items() - found.items())
    twice = len(found) - len(set(found.values()))
    note = f'while it was full: "{min(load.errors, key=len)}"; {memory // 2**20} MB in the REST proxy'
    record(Result("the disk under Kafka full", 1, len(found), lost, twice, [seconds], note))
    assert (lost, twice) == (0, 0)
    assert memory < 200 * 2**20
