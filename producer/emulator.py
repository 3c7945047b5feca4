"""The emulator: takes posts out of the database in some order and hands their rows to the senders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from threading import Event
from typing import Protocol

from producer.errors import ProducerError
from producer.order import Draw
from producer.senders import Record, Sender, SendFailed, Sent
from producer.tables import Post, TableName, as_record


class Pace(StrEnum):
    """How fast posts leave: the course's way, one record a request after a pause, or in batches."""

    COURSE = "course"
    FAST = "fast"


class PostSource(Protocol):
    """Where posts come from; :class:`producer.database.Database` is one."""

    def fetch_posts(self, inds: Sequence[int]) -> list[Post]: ...


@dataclass(frozen=True)
class TargetReport:
    """What one sender did."""

    table: TableName
    address: str
    counts: Sent


@dataclass(frozen=True)
class Report:
    """What a run did, so far or in the end."""

    posts: int
    """Posts handed to the senders."""
    absent: int
    """Draws whose post was in no table."""
    targets: tuple[TargetReport, ...]
    seconds: float
    stopped: bool = False
    """Whether the run was asked to stop before its order came to an end."""
    totals: Sent = field(init=False)
    """The counts of all targets together."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "totals", sum((target.counts for target in self.targets), Sent()))


OnProgress = Callable[[Sequence[Post], Report], None]
"""Called after each batch with its posts and the report so far."""


class PostingFailed(ProducerError):
    """A run that ended early: one line that names the place; ``report`` tells what was done before."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


def post(
    source: PostSource,
    senders: Sequence[Sender],
    order: Iterable[Draw],
    *,
    batch_size: int = 500,
    pace: Pace = Pace.FAST,
    on_progress: OnProgress | None = None,
    stop: Event | None = None,
) -> Report:
    """Send posts in the given order until it ends or ``stop`` is set; requests in flight are always waited for.

    At the fast pace ``batch_size`` posts go in one ``send`` per table; at the course's pace one post, after its pause.
    The senders work side by side, and each gets its records in order. Give the senders the same ``stop``, so that
    it ends their retries too.

    A record that its target keeps refusing is counted as failed and the run goes on. Raises :class:`PostingFailed`
    when a target takes nothing any more or the source fails.
    """
    if batch_size < 1:
        raise ProducerError(f"batch size is {batch_size}: send at least 1 post at a time")
    run = _Run(source, senders, stop or Event())
    size = batch_size if pace is Pace.FAST else 1
    with ThreadPoolExecutor(max_workers=max(1, len(senders)), thread_name_prefix="send") as threads:
        try:
            for draws in _batches(order, size):
                if pace is Pace.COURSE:
                    run.stop.wait(sum(draw.pause for draw in draws))
                if run.stop.is_set():
                    return run.report(stopped=True)
                posts = run.send(draws, threads)
                if on_progress:
                    on_progress(posts, run.report())
        except ProducerError as error:
            raise PostingFailed(run.line(error), run.report()) from error
        except BaseException:
            run.stop.set()  # Ctrl-C without a handler: the threads' retries must not hold us up
            raise
    return run.report(stopped=run.stop.is_set() and run.report().totals.failed > 0)


class _Run:
    """One run's state: what each sender did so far."""

    def __init__(self, source: PostSource, senders: Sequence[Sender], stop: Event) -> None:
        self.stop = stop
        self._source = source
        self._senders = senders
        self._counts = [Sent() for _ in senders]
        self._posts = 0
        self._absent = 0
        self._start = time.monotonic()

    def send(self, draws: Sequence[Draw], threads: ThreadPoolExecutor) -> list[Post]:
        posts = self._source.fetch_posts([draw.ind for draw in draws])
        self._posts += len(posts)
        self._absent += len(draws) - len(posts)
        failures = []
        futures = [threads.submit(sender.send, _records(posts, sender.table)) for sender in self._senders]
        for i, future in enumerate(futures):  # wait for all of them, also when one fails: their counts must be right
            try:
                self._counts[i] += future.result()
            except SendFailed as error:
                self._counts[i] += error.counts
                failures.append(error)
        if failures:
            raise failures[0]
        return posts

    def report(self, stopped: bool = False) -> Report:
        return Report(
            posts=self._posts,
            absent=self._absent,
            targets=tuple(
                TargetReport(sender.table, sender.address, counts)
                for sender, counts in zip(self._senders, self._counts, strict=True)
            ),
            seconds=time.monotonic() - self._start,
            stopped=stopped,
        )

    def line(self, error: ProducerError) -> str:
        totals = self.report().totals
        return f"{error}; {totals.acknowledged:,} of {totals.sent:,} records were acknowledged"


def _batches(order: Iterable[Draw], size: int) -> Iterator[list[Draw]]:
    draws = iter(order)
    while batch := list(islice(draws, size)):
        yield batch


def _records(posts: Sequence[Post], table: TableName) -> list[Record]:
    rows = ((post.ind, post.row(table)) for post in posts)
    return [Record(ind, as_record(row)) for ind, row in rows if row is not None]
