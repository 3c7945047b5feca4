"""What outlives a death: whom LocalStack held something of, and the parts of a supervisord that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pinpipe.stack import Stack, orphans
from tests.support.targets import LOCAL, made

pytestmark = pytest.mark.unit


def stack(home: Path, user: str) -> Stack:
    return Stack(made(**LOCAL, pin_home=home, pin_user_id=user, pin_flush_size=7))


def test_whoever_was_provisioned_is_noted_with_their_settings_until_a_stop_on_purpose(tmp_path: Path) -> None:
    ada, bob = stack(tmp_path, "ada"), stack(tmp_path, "bob")
    ada.note_provisioned()
    bob.note_provisioned()
    assert [(noted["PIN_USER_ID"], noted["PIN_FLUSH_SIZE"]) for noted in ada.provisioned()] == [
        ("ada", "7"),
        ("bob", "7"),
    ]
    assert not any("SECRET" in name for noted in ada.provisioned() for name in noted)
    ada.note_provisioned(held=False)
    assert [noted["PIN_USER_ID"] for noted in ada.provisioned()] == ["bob"]
    bob.stop(["mysql"])
    assert len(bob.provisioned()) == 1
    bob.stop(["localstack"])
    assert bob.provisioned() == []


def test_a_part_without_supervisord_is_ended_and_named_and_another_stacks_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    parts = []
    for home in (tmp_path, tmp_path / "other"):
        environment = {**os.environ, "PIN_HOME": str(home), "PIN_AIRFLOW_KEY": "x"}
        parts.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
    try:
        for part in parts:
            assert part.stdout
            part.stdout.readline()  # it is this program by now, with its environment
        [ended] = orphans.end(tmp_path)
        assert str(parts[0].pid) in ended
        assert parts[0].poll() is not None
        assert parts[1].poll() is None
        assert orphans.end(tmp_path) == []
    finally:
        for part in parts:
            part.kill()
            part.communicate()
