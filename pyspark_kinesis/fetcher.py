"""One thread a shard: reads ahead of the batches, into the store."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.pace import Pace
from pyspark_kinesis.shards import Shard
from pyspark_kinesis.spool import NoRoomError, Store, StoredPage
from pyspark_kinesis.wire import Page

_FULL_PAUSE = 0.02


@dataclass
class FetchedPage:
    """A page in the store and how much of it was handed out; its rows stay on disk, only these words in memory."""

    stored: StoredPage
    rows: int
    nbytes: int
    last: str
    """The sequence number of its last record."""
    newest_ms: int
    """The latest arrival time in it."""
    taken: int = 0


class ShardFetcher:
    """A shard that is being read. All fields but ``cursor`` are read and written under ``changed``."""

    def __init__(
        self,
        cursor: ShardCursor,
        store: Store,
        pace: Pace,
        changed: threading.Condition,
        on_end: Callable[[str, tuple[Shard, ...]], None],
    ) -> None:
        self.stream = cursor.stream
        self.shard_id = cursor.shard_id
        self.pages: deque[FetchedPage] = deque()
        self.ended = False
        self.ended_at = float("inf")
        self.caught_up_at = float("-inf")
        """When the last fetch began that found nothing and was told to be at the end (monotonic seconds)."""
        self.cut = False
        """Whether the oldest page left is beyond what the run is meant to read."""
        self.millis_behind = -1
        self.error: BaseException | None = None
        self._cursor = cursor
        self._store = store
        self._pace = pace
        self._changed = changed
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kinesis-{self.shard_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self.ended:
                if self._store.used >= self._store.limit and self.pages:
                    self._stop.wait(_FULL_PAUSE)
                    continue
                begun = time.monotonic()
                page = self._cursor.read(self._stop)
                if not self._keep(page, begun):
                    return
                now = time.monotonic()
                wait = self._pace.wait(
                    took=now - begun, rows=page.rows, full=page.rows >= self._cursor.limit, nbytes=page.nbytes,
                    millis_behind=page.millis_behind, throttled=page.throttled, now=now,
                )  # fmt: skip
                if wait > 0:
                    self._stop.wait(wait)
        except BaseException as error:  # whatever it is, the query is told; a thread has nobody else to tell
            if not self._stop.is_set():
                with self._changed:
                    self.error = error
                    self._changed.notify_all()

    def _keep(self, page: Page, begun: float) -> bool:
        """Put a page where the batches find it. False: the reading was stopped while the disk was full."""
        fetched = None
        if page.batch is not None:
            stored = self._stored(page)
            if stored is None:
                return False
            fetched = FetchedPage(stored, page.rows, page.nbytes, page.last, page.newest_ms)
        with self._changed:
            if fetched is not None:
                self.pages.append(fetched)
            self.millis_behind = page.millis_behind
            if page.caught_up:
                self.caught_up_at = begun
            if self._cursor.ended:
                self.ended = True
                self.ended_at = time.monotonic()
                self._on_end(self.stream, page.children)
            if fetched is not None or self.ended or page.caught_up:
                self._changed.notify_all()
        return True

    def _stored(self, page: Page) -> StoredPage | None:
        while not self._stop.is_set():
            try:
                return self._store.put(page.batch)
            except NoRoomError:
                self._stop.wait(1.0)  # batches that are committed give room
        return None
