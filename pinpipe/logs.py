"""The parts' logs: one folder, a file per part, rotated by supervisord (``.log``, before it ``.log.1``, ``.log.2``)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO


def generations(log: Path) -> list[Path]:
    """A log's files, the oldest first; none, where there is no log yet."""
    rotated = (path for path in log.parent.glob(f"{log.name}.*") if path.suffix[1:].isdigit())
    older = sorted(rotated, key=lambda path: -int(path.suffix[1:]))
    return [*older, log] if log.exists() else older


def tail(log: Path, lines: int) -> tuple[list[str], int]:
    """The last lines of a log, over its files, and up to which byte of the newest file they go."""
    last: deque[str] = deque(maxlen=lines)
    read = 0
    for file in generations(log):
        content = file.read_bytes()
        read = len(content) if file == log else 0
        last.extend(content.decode(errors="replace").splitlines())
    return list(last), read


def follow(ends: Mapping[Path, int], wait: Callable[[], None]) -> Iterator[tuple[Path, str]]:
    """Every line that comes to some logs after these bytes, over rotations; calls ``wait`` when there is no more."""
    opened = {log: log.open("rb") for log in ends}
    for log, file in opened.items():
        file.seek(ends[log])
    unfinished = dict.fromkeys(ends, b"")
    while True:
        for log in ends:
            rotated = _rotated(log, opened[log])
            *lines, unfinished[log] = (unfinished[log] + opened[log].read()).split(b"\n")
            yield from ((log, line.decode(errors="replace")) for line in lines)
            if rotated:
                opened[log].close()
                opened[log] = log.open("rb")
        wait()


def _rotated(log: Path, file: BinaryIO) -> bool:
    """Whether another file is at the log's place by now; not, while there is none."""
    return log.exists() and not os.path.samestat(log.stat(), os.fstat(file.fileno()))
