"""Reads one shard page by page from a position: iterators, their expiry, and positions that Kinesis has trimmed."""

from __future__ import annotations

import logging
import threading

from pyspark_kinesis.client import DEFAULT_RETENTION_MS, KinesisClient
from pyspark_kinesis.errors import DataLossError, ServiceError
from pyspark_kinesis.position import AfterSequence, Position, TrimHorizon
from pyspark_kinesis.streams import check_created
from pyspark_kinesis.wire import Page

log = logging.getLogger(__name__)

STUCK_PAGES = 10
"""So many empty pages in a row, as far behind as the stream keeps records, say that a position is trimmed."""
EDGE_MS = 5 * 60 * 1000
"""Records that are so near to their end were read in time, but those before them may not have been."""
_NEW_ITERATORS = 20
# for an unknown sequence number AWS says the first, kinesis-local the second
_UNKNOWN = ("InvalidArgumentException", "ResourceNotFoundException")


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
        created: int | None = None,
    ) -> None:
        """Nothing is asked of Kinesis yet.

        ``limit``: records a page; ``fail_on_data_loss``: as the option says; ``created``: when the stream was, in
        milliseconds since 1970, so that one made anew is not taken for trimmed.
        """
        self.stream = stream
        self.shard_id = shard_id
        self.position = position
        self.ended = False
        self.limit = limit
        self._client = client
        self._fail_on_data_loss = fail_on_data_loss
        self._created = created
        self._iterator: str | None = None
        self._retention_ms: int | None = None
        self._stuck = 0
        self._at_edge = False

    def read(self, stop: threading.Event | None = None) -> Page:
        """The next page, which may be empty; the cursor stands behind it.

        ``DataLossError`` when the records at ``position`` are gone and that matters, ``StreamRecreatedError`` when
        the stream is another one now, ``ServiceError`` for the rest.
        """
        page = self._page(stop)
        self._iterator = page.next_iterator
        self.ended = page.next_iterator is None
        if page.rows:
            self.position = AfterSequence(page.last)
        self._watch_retention(page)
        return page

    def _page(self, stop: threading.Event | None) -> Page:
        for _ in range(_NEW_ITERATORS):
            try:
                if self._iterator is None:
                    self._iterator = self._client.shard_iterator(self.stream, self.shard_id, self.position, stop)
                return self._client.get_records(self._iterator, self.limit, self.stream, self.shard_id, stop)
            except ServiceError as error:
                if self._recover(error, stop):
                    return Page(None, None, 0)
        raise ServiceError(
            "ExpiredIteratorException", f"{_NEW_ITERATORS} new iterators of {self._name} were refused", 400
        )

    def _recover(self, error: ServiceError, stop: threading.Event | None) -> bool:
        """Make ready for a new iterator behind the last record that was read, or raise; True: the shard is gone."""
        if error.code == "ExpiredIteratorException":
            self._client.count("expired iterators")
        elif error.code not in _UNKNOWN:
            raise error
        elif error.code == "ResourceNotFoundException" and self._is_gone(stop):
            return True
        elif self._iterator is not None:  # it may be the iterator only; a stream made anew is found out here
            check_created(self._client, self.stream, self._created)
        elif isinstance(self.position, AfterSequence):
            self._lost(f"Kinesis does not know sequence number {self.position.sequence} ({error.message})")
        else:
            raise error
        self._iterator = None
        return False

    def _is_gone(self, stop: threading.Event | None) -> bool:
        """Whether the stream is there and the shard is not: then all its records went, and nothing is left to read."""
        if any(shard.shard_id == self.shard_id for shard in self._client.list_shards(self.stream, 1000, stop)):
            return False
        self._lost("the shard is not there any more")
        return True

    def _watch_retention(self, page: Page) -> None:
        """A position older than the retention can answer with nothing but empty pages, for good."""
        # a day is the least that Kinesis keeps: the stream's own retention is asked for when it can matter
        if self.ended or page.millis_behind < DEFAULT_RETENTION_MS - EDGE_MS:
            self._stuck = 0
            return
        if self._retention_ms is None:
            self._retention_ms = self._client.describe(self.stream).retention_ms
        if page.rows:
            self._stuck = 0
            self._warn_at_edge(page)
        elif page.millis_behind >= self._retention_ms and isinstance(self.position, AfterSequence):
            self._stuck += 1
            if self._stuck >= STUCK_PAGES:
                self._stuck = 0
                self._iterator = self._retention_ms = None
                self._lost(f"it is {page.millis_behind // 3_600_000} h behind, and the stream keeps no records so long")

    def _warn_at_edge(self, page: Page) -> None:
        if not self._at_edge and page.millis_behind >= (self._retention_ms or 0) - EDGE_MS:
            self._at_edge = True
            log.warning(
                "%s is read %d h behind, at the edge of what the stream keeps: older records may be gone unread; "
                "raise the stream's retention", self._name, page.millis_behind // 3_600_000,
            )  # fmt: skip

    def _lost(self, why: str) -> None:
        """Records behind ``position`` are gone: fail, or go on at the oldest there is."""
        check_created(self._client, self.stream, self._created)
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
