"""What the commands print: tables, progress, complaints."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def complain(text: str) -> None:
    """An error on stderr, as it is: no wrapping, so that a path in it can be copied."""
    for number, line in enumerate(text.splitlines()):
        err.print(f"pinpipe: {line}" if number == 0 else f"  {line}", markup=False, soft_wrap=True)


def say(text: str) -> None:
    """One line of what was done."""
    out.print(text, markup=False, soft_wrap=True)


@contextmanager
def progress(text: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar on stderr with one task; nothing at all without a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn() if total else TaskProgressColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    with bar:
        bar.add_task(text, total=total)
        yield bar


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], limit: int | None = None) -> None:
    """Print a table; with ``limit``, its first rows and how many more there are."""
    out.print(grid(title, columns, rows, limit))


def grid(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], limit: int | None = None) -> Group:
    """A table under its title, to be printed."""
    shown = Table(header_style="bold")
    for place, name in enumerate(columns):
        numeric = rows and isinstance(rows[0][place], int | float)
        shown.add_column(name, justify="right" if numeric else "left")
    for row in rows[:limit]:
        shown.add_row(*(_text(name, value) for name, value in zip(columns, row, strict=True)))
    more = f"… {len(rows) - limit} more rows\n" if limit is not None and len(rows) > limit else ""
    return Group(Text(title, style="bold"), shown, Text(more, style="dim"))


def _text(column: str, value: Any) -> str:
    """A value as a person reads it; texts of the data are never taken as markup."""
    if value is None:
        return "?"
    if isinstance(value, int) and not column.endswith("year"):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, float):
        return f"{value:,.1f}".replace(",", " ")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return escape(str(value))


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM set ``stop`` and let what is under way come to its end; a second ends it."""

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
