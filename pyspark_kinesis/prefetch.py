"""Reads ahead of the batches, in the process that plans them: one thread a shard, one that watches the topology."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, replace

from pyspark_kinesis import handout, shards
from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.errors import DataLossError, ServiceError
from pyspark_kinesis.fetcher import ShardFetcher
from pyspark_kinesis.handout import Limits
from pyspark_kinesis.offset import Offset, ShardOffset
from pyspark_kinesis.options import Options
from pyspark_kinesis.pace import Pace
from pyspark_kinesis.plan import ShardRange, Slice
from pyspark_kinesis.shards import Shard
from pyspark_kinesis.spool import Store, StoredPage
from pyspark_kinesis.streams import check_created, explained

log = logging.getLogger(__name__)

_Key = tuple[str, str]


@dataclass(frozen=True)
class _Batch:
    """What was handed out for one batch, kept until its commit: tasks may be asked to read it twice."""

    end: Offset
    handed: list[tuple[str, str, str]]
    pages: list[StoredPage]


class Prefetcher:
    """Goes on from an offset; ``take`` moves it. Can be made anew from an offset alone at any time."""

    def __init__(self, options: Options, client: KinesisClient, store: Store, start: Offset) -> None:
        """``StreamRecreatedError`` when a stream is not the checkpoint's, ``ServiceError`` when one is not there."""
        self.offset = start
        self.since = time.monotonic()
        """When it began (monotonic seconds)."""
        self.handed_out = False
        """Whether anything was taken yet."""
        self._options = options
        self._client = client
        self._store = store
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._relist = threading.Event()
        self._turn = 0
        self._fetchers: dict[_Key, ShardFetcher] = {}
        self._children: dict[str, dict[str, Shard]] = {stream: {} for stream in options.streams}
        self._listed: dict[str, dict[str, Shard]] = {}
        self._listed_at = float("-inf")
        self._error: BaseException | None = None
        self._handed: dict[tuple[str, str, str], list[Slice]] = {}
        self._batches: deque[_Batch] = deque()
        for stream in options.streams:
            try:
                check_created(client, stream, start[stream].created)
            except ServiceError as error:
                raise explained(error, client, {}, stream) from error
        self._list()
        self._watcher = threading.Thread(target=self._watch, name="kinesis-shards", daemon=True)
        self._watcher.start()

    # --- the topology

    def advance(self) -> None:
        """Begin the shards that may be begun. ``DataLossError`` when one is gone that was not read to its end."""
        with self._changed:
            self._raise_errors()
            for stream in self._options.streams:
                self._drop_gone(stream)
                listed = self._listed[stream]
                begun = {key[1] for key in self._fetchers if key[0] == stream}
                # all that an ended shard held is in finished batches when nothing of it is left to hand out
                empty = {
                    fetcher.shard_id
                    for fetcher in self._fetchers.values()
                    if fetcher.stream == stream and fetcher.ended and not fetcher.pages
                }
                finished = self.offset[stream].closed() | empty
                for shard in shards.startable(listed, finished, begun):
                    self._begin(stream, shard.shard_id)

    def _begin(self, stream: str, shard_id: str) -> None:
        cursor = ShardCursor(
            self._client,
            stream,
            shard_id,
            self.offset[stream].position(shard_id),
            limit=self._options.max_records_per_fetch,
            fail_on_data_loss=self._options.fail_on_data_loss,
            created=self.offset[stream].created,
        )
        pace = Pace(self._options.min_fetch_period, self._options.max_fetch_rate)
        fetcher = ShardFetcher(cursor, self._store, pace, self._changed, self._ended)
        self._fetchers[stream, shard_id] = fetcher
        fetcher.start()

    def _ended(self, stream: str, children: tuple[Shard, ...]) -> None:
        """A shard came to its end, under the lock: its children are known before the next listing shows them."""
        self._children[stream].update({child.shard_id: child for child in children})
        self._listed[stream] |= self._children[stream]
        self._relist.set()

    def _drop_gone(self, stream: str) -> None:
        state = self.offset[stream]
        # a shard that is being read tells its end by itself
        unfinished = [
            shard_id
            for shard_id, shard in state.shards.items()
            if not shard.closed and (stream, shard_id) not in self._fetchers
        ]
        lost = shards.gone(self._listed[stream], unfinished)
        if not lost:
            return
        what = f"shards {', '.join(lost)} of stream {stream} are gone and were not read to their end"
        if self._options.fail_on_data_loss:
            raise DataLossError(
                f"{what}: their retention is over, or the stream was created again; set failOnDataLoss=false to go on "
                "without them"
            )
        log.warning("%s; going on without them", what)
        left = {shard_id: shard for shard_id, shard in state.shards.items() if shard_id not in lost}
        self.offset = {**self.offset, stream: replace(state, shards=left)}

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                self._relist.wait(self._options.shard_fetch_interval)
                self._relist.clear()
                if not self._stop.is_set():
                    self._list()
        except BaseException as error:  # a thread can tell nobody but the next batch
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _list(self) -> None:
        at = time.monotonic()
        for stream in self._options.streams:
            found = self._client.list_shards(stream, self._options.max_shards_per_describe, self._stop)
            with self._changed:
                listed = {shard.shard_id: shard for shard in found}
                children = self._children[stream]
                for shard_id in listed.keys() & children.keys():
                    del children[shard_id]
                self._listed[stream] = listed | children
        with self._changed:
            self._listed_at = at
            self._changed.notify_all()

    # --- what was read

    def take(self, limits: Limits) -> bool:
        """Move ``offset`` over what is there; False when there is nothing new."""
        with self._changed:
            self._raise_errors()
            fetchers = [self._fetchers[key] for key in sorted(self._fetchers)]
            self._turn += 1
            turn = self._turn % len(fetchers) if fetchers else 0
            taken = handout.take(fetchers[turn:] + fetchers[:turn], limits)
            new = {name: dict(state.shards) for name, state in self.offset.items()}
            handed = {(*key, slices[-1].last): slices for key, slices in taken.slices.items()}
            for stream, shard_id, last in handed:
                new[stream][shard_id] = ShardOffset(last)
            for key, fetcher in list(self._fetchers.items()):
                if fetcher.ended and not fetcher.pages:
                    stream, shard_id = key
                    new[stream][shard_id] = replace(new[stream].get(shard_id, ShardOffset()), closed=True)
                    del self._fetchers[key]
            for stream in self._options.streams:  # a closed shard is forgotten when Kinesis has forgotten it
                for shard_id in [each for each, shard in new[stream].items() if shard.closed]:
                    if shard_id not in self._listed[stream]:
                        del new[stream][shard_id]
            before = self.offset
            self.offset = {name: replace(state, shards=new[name]) for name, state in before.items()}
            if handed:
                self.handed_out = True
                self._handed |= handed
                self._batches.append(_Batch(self.offset, list(handed), [page.stored for page in taken.pages]))
            return self.offset != before

    def wait(self, seconds: float) -> None:
        """Wait until there is something to take, or for so long."""
        with self._changed:
            self._changed.wait_for(self._news, seconds)

    def _news(self) -> bool:
        return self._failed() is not None or any(
            (fetcher.pages and not fetcher.cut) or (fetcher.ended and not fetcher.pages)
            for fetcher in self._fetchers.values()
        )

    def drained(self, since: float, in_store: bool = False) -> bool:
        """Whether all that had arrived at ``since`` (monotonic seconds) was taken, or with ``in_store`` is stored."""
        with self._changed:
            self._raise_errors()
            fetchers = list(self._fetchers.values())
            for stream in self._options.streams:
                begun = {fetcher.shard_id for fetcher in fetchers if fetcher.stream == stream}
                if shards.startable(self._listed[stream], self.offset[stream].closed(), begun):
                    return False
            last_end = max((fetcher.ended_at for fetcher in fetchers if fetcher.ended), default=since)
            if self._listed_at < max(since, last_end):
                self._relist.set()
                return False
            read = (fetcher.ended or fetcher.cut or fetcher.caught_up_at >= since for fetcher in fetchers)
            left = (bool(fetcher.pages) and not fetcher.cut and not in_store for fetcher in fetchers)
            return all(read) and not any(left)

    @property
    def full(self) -> bool:
        """Whether the store has no more room: what is there must be handed out first."""
        return self._store.used >= self._store.limit

    def stored(self, wanted: ShardRange) -> ShardRange:
        """The same range, with the slices that were handed out for it, if they are still known."""
        with self._changed:
            slices = self._handed.get((wanted.stream, wanted.shard_id, wanted.end), [])
        return replace(wanted, slices=tuple(slices))

    def commit(self, end: Offset) -> None:
        """The batches up to ``end`` are done: their pages go."""
        done: list[_Batch] = []
        with self._changed:
            if any(batch.end == end for batch in self._batches):
                while not done or done[-1].end != end:
                    done.append(self._batches.popleft())
            for batch in done:
                for key in batch.handed:
                    del self._handed[key]
        for batch in done:
            for page in batch.pages:
                self._store.drop(page)

    # --- its life

    def _failed(self) -> BaseException | None:
        errors = (fetcher.error for fetcher in self._fetchers.values() if fetcher.error is not None)
        return self._error or next(errors, None)

    def _raise_errors(self) -> None:
        error = self._failed()
        if isinstance(error, ServiceError):
            raise explained(error, self._client, {name: state.created for name, state in self.offset.items()})
        if error is not None:
            raise error

    def lag(self) -> dict[str, dict[str, int]]:
        """For each stream and shard being read, the milliseconds that its fetches are behind, -1 for unknown."""
        with self._changed:
            found: dict[str, dict[str, int]] = {stream: {} for stream in self._options.streams}
            for (stream, shard_id), fetcher in sorted(self._fetchers.items()):
                found[stream][shard_id] = fetcher.millis_behind
            return found

    def waiting(self) -> tuple[int, int]:
        """Rows and bytes that were fetched and not handed out yet."""
        with self._changed:
            pages = [page for fetcher in self._fetchers.values() for page in fetcher.pages]
        return sum(page.rows - page.taken for page in pages), sum(
            page.nbytes * (page.rows - page.taken) // page.rows for page in pages
        )

    def close(self) -> None:
        """Stop all threads and remove what is stored."""
        self._stop.set()
        self._relist.set()
        with self._changed:
            for fetcher in self._fetchers.values():
                fetcher.stop()
        self._store.close()
