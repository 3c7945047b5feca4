"""A part's log is one text, however often it was rotated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pinpipe import logs

pytestmark = pytest.mark.unit


def test_the_end_of_a_log_reaches_into_its_older_files(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    assert logs.generations(log) == []
    log.write_text("five\nsix\n")
    (tmp_path / "kafka.log.1").write_text("three\nfour\n")
    (tmp_path / "kafka.log.10").write_text("one\n")
    (tmp_path / "kafka.log.2").write_text("two\n")
    (tmp_path / "kafka.log.old").write_text("no generation\n")
    assert logs.tail(log, 100) == (["one", "two", "three", "four", "five", "six"], 9)
    assert logs.tail(log, 3) == (["four", "five", "six"], 9)
    assert logs.tail(log, 0) == ([], 9)


def test_no_line_is_lost_or_cut_when_a_followed_log_is_rotated(tmp_path: Path) -> None:
    kafka, mysql = tmp_path / "kafka.log", tmp_path / "mysql.log"
    kafka.write_text("old\n")
    mysql.write_text("")

    def happenings() -> Iterator[None]:
        """What happens between two looks at the logs."""
        with kafka.open("a") as old:
            old.write("ha")
            old.flush()
            yield
            kafka.rename(tmp_path / "kafka.log.1")
            yield
            old.write("lf\nlast\n")
        kafka.write_text("first\n")
        mysql.write_text("ready\n")
        yield
        yield

    steps = happenings()
    told = []
    try:
        for log, line in logs.follow({kafka: 4, mysql: 0}, lambda: next(steps)):
            told.append((log.name, line))
    except RuntimeError:  # no more happenings: StopIteration inside a generator
        pass
    assert sorted(told[:3]) == [("kafka.log", "half"), ("kafka.log", "last"), ("mysql.log", "ready")]
    assert told[3:] == [("kafka.log", "first")]
