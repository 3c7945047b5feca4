"""Reads one shard page by page from a position: iterators, their expiry, and positions that Kinesis has trimmed."""

from __future__ import annotations

import logging
import threading

from pyspark_kinesis.client import DEFAULT_RETENTION_MS, KinesisClient
from pyspark_kinesis.errors import DataLossError, ServiceError
from pyspark_kinesis.position import AfterSequence, Position, TrimHorizon
from pyspark_kinesis.wire import Page

log = logging.getLogger(__name__)

STUCK_PAGES = 3
"""So many empty pages in a row, as far behind as the stream keeps records, say that a position is trimmed."""
_EXPIRED_IN_A_ROW = 50


class ShardCursor:
    """The next page of a shard, and the next; ``position`` is where it stands, ``ended`` that there is no more."""

    def __init__(
        self,
        client: KinesisClient,
        stream: str,
        shard_id: str,
        position: Position,
        *,
        limit: int,
        fail_on_data_loss: bool,
    ) -> None:
        """Nothing is asked of Kinesis yet. ``limit``: records a page; ``fail_on_data_loss``: as the option says."""
        self.stream = stream
        self.shard_id = shard_id
        self.position = position
        self.ended = False
        self._client = client
        self.limit = limit
        self._fail_on_data_loss = fail_on_data_loss
        self._iterator: str | None = None
        self._stuck = 0

    def read(self, stop: threading.Event | None = None) -> Page:
        """The next page, which may be empty; the cursor stands behind it.

        ``DataLossError`` when the records at ``position`` are gone and that matters, ``ServiceError`` for the rest.
        """
        page = self._page(stop)
        self._iterator = page.next_iterator
        self.ended = page.next_iterator is None
        if page.rows:
            self.position = AfterSequence(page.last)
        self._watch_retention(page)
        return page

    def _page(self, stop: threading.Event | None) -> Page:
        for _ in range(_EXPIRED_IN_A_ROW):
            if self._iterator is None:
                self._iterator = self._new_iterator(stop)
            try:
                return self._client.get_records(self._iterator, self.limit, self.stream, self.shard_id, stop)
            except ServiceError as error:
                if error.code != "ExpiredIteratorException":
                    raise
                self._client.count("expired iterators")
                self._iterator = None  # the next one begins behind the last record that was read
        raise ServiceError(
            "ExpiredIteratorException", f"{_EXPIRED_IN_A_ROW} new iterators of {self._name} expired", 400
        )

    def _new_iterator(self, stop: threading.Event | None) -> str:
        try:
            return self._client.shard_iterator(self.stream, self.shard_id, self.position, stop)
        except ServiceError as error:
            if error.code != "InvalidArgumentException" or not isinstance(self.position, AfterSequence):
                raise
            self._lost(f"Kinesis does not know sequence number {self.position.sequence} ({error.message})")
            return self._client.shard_iterator(self.stream, self.shard_id, self.position, stop)

    def _watch_retention(self, page: Page) -> None:
        """A position older than the retention can answer with nothing but empty pages, for good."""
        resumed = isinstance(self.position, AfterSequence) and not page.rows and not self.ended
        # a day is the least that Kinesis keeps: the stream's own retention is asked for when it can matter
        stuck = resumed and page.millis_behind >= DEFAULT_RETENTION_MS
        if not stuck or page.millis_behind < self._client.describe(self.stream).retention_ms:
            self._stuck = 0
            return
        self._stuck += 1
        if self._stuck >= STUCK_PAGES:
            self._stuck = 0
            self._iterator = None
            self._lost(f"it is {page.millis_behind // 3_600_000} h behind, and the stream keeps no records so long")

    def _lost(self, why: str) -> None:
        """Records behind ``position`` are gone: fail, or go on at the oldest there is."""
        what = f"records of {self._name} behind {self._at} are gone: {why}"
        if self._fail_on_data_loss:
            raise DataLossError(f"{what}; set failOnDataLoss=false to go on without them")
        log.warning("%s; going on at the oldest record", what)
        self.position = TrimHorizon()

    @property
    def _name(self) -> str:
        return f"{self.stream}/{self.shard_id}"

    @property
    def _at(self) -> str:
        return self.position.sequence if isinstance(self.position, AfterSequence) else "the start"
