"""Parts whose supervisord was killed: they go on, hold ports and data, and nobody starts them again when they die."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

STOP_SECONDS = 20.0
"""How long they may take to stop by themselves: as long as the slowest part may under supervisord."""


def left(home: Path) -> list[psutil.Process]:
    """The processes of the stack below ``home`` that no supervisord is above."""
    return [process for process in _of_the_stack(home) if not _is_supervised(process)]


def end(home: Path) -> list[str]:
    """Ask them to stop, kill those that do not; return the names of those that were there."""
    processes = left(home)
    names = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            names.append(f"{process.name()} ({process.pid})")
            process.terminate()
    _, alive = psutil.wait_procs(processes, STOP_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, STOP_SECONDS)
    return names


def _of_the_stack(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # another user's, or one that has just ended
        # only supervisord gives a process both
        if environment.get("PIN_HOME") == str(home) and "PIN_AIRFLOW_KEY" in environment:
            yield process


def _is_supervised(process: psutil.Process) -> bool:
    try:
        return any("supervisord" in " ".join(parent.cmdline()) for parent in process.parents())
    except psutil.Error:
        return True
