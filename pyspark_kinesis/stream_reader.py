"""``spark.readStream``: what Spark asks of a streaming source, answered from the prefetcher."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import (
    ReadAllAvailable,
    ReadLimit,
    ReadMaxBytes,
    ReadMaxRows,
    SupportsTriggerAvailableNow,
)

from pyspark_kinesis import offset as offsets
from pyspark_kinesis import plan, ranges, spool, streams
from pyspark_kinesis.client import client_for
from pyspark_kinesis.handout import Limits
from pyspark_kinesis.offset import Offset
from pyspark_kinesis.options import Options
from pyspark_kinesis.plan import KinesisPartition
from pyspark_kinesis.position import Latest
from pyspark_kinesis.prefetch import Prefetcher
from pyspark_kinesis.streams import check_created

if TYPE_CHECKING:
    import pyarrow as pa

IDLE_WAIT = 0.2
"""How long Spark's question for news is held back when there is none: it would ask a hundred times a second."""
SETTLE = 0.03
"""The shards are read at the same moments: so long their pages may lie apart."""
FIRST_WAIT = 2.0
"""How long the first batch of a run waits for its first rows."""
GATHER = 0.5
"""How long a batch of a run that is to end waits to be full, or for all there is."""
_CHECK = 0.05


@dataclass(frozen=True)
class Target:
    """The end of a run that is to end: all that had arrived by then, in both clocks."""

    since: float
    """Monotonic seconds."""
    arrived_ms: int
    """Kinesis' clock."""


class KinesisStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """One lives as long as its query, in a process of its own, and plans; copies of it read, in the tasks.

    Spark makes more of them than it uses: making one does nothing yet.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._prefetcher: Prefetcher | None = None
        self._target: Target | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_options": self._options, "_prefetcher": None, "_target": None}

    # --- planning

    def initialOffset(self) -> dict[str, Any]:
        return offsets.to_json({stream: self._begin(stream) for stream in self._options.streams})

    def getDefaultReadLimit(self) -> ReadLimit:
        # a concrete one, so that ReadAllAvailable can only mean Trigger.Once
        if self._options.max_bytes_per_trigger is not None:
            return ReadMaxBytes(self._options.max_bytes_per_trigger)
        return ReadMaxRows(self._options.max_records_per_trigger)

    def prepareForTriggerAvailableNow(self) -> None:
        client = client_for(self._options.connection)
        client.list_shards(self._options.streams[0], self._options.max_shards_per_describe)
        # the answer's time is cut to the second
        self._target = Target(time.monotonic(), client.now_ms() + 1000)

    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:
        stored = offsets.from_json(start)
        begun = dict(stored)
        for stream in self._options.streams:  # one that the option did not name when the checkpoint was made
            if stream not in begun:
                begun[stream] = self._begin(stream)
        prefetcher = self._at(begun)
        if not all(state.pinned for state in begun.values()):
            prefetcher.offset = offsets.pin(begun)  # an empty first batch makes the moment durable
            return offsets.to_json(prefetcher.offset)
        prefetcher.commit(begun)  # Spark goes on from here: what was before is done
        self._move(prefetcher, limit)
        # not only what was taken moves it: a shard that is gone, a stream that was added
        return start if prefetcher.offset == stored else offsets.to_json(prefetcher.offset)

    def _move(self, prefetcher: Prefetcher, limit: ReadLimit) -> None:
        """Move the prefetcher's offset over what is there; in a run that is to end, wait for it."""
        limits = self._limits(limit)
        prefetcher.advance()
        if isinstance(limit, ReadAllAvailable):
            since = time.monotonic()
            while not (prefetcher.drained(since, in_store=True) or prefetcher.full):
                time.sleep(_CHECK)
                prefetcher.advance()
            prefetcher.take(limits)
        elif self._target is not None:
            self._gather(prefetcher, limits, self._target.since)
            while not (prefetcher.take(limits) or prefetcher.drained(self._target.since)):
                prefetcher.wait(_CHECK)
                prefetcher.advance()
        else:
            # Spark runs a first batch in any case: an empty one would only be in the way of what is being fetched
            fresh = not prefetcher.handed_out and not prefetcher.drained(prefetcher.since)
            deadline = time.monotonic() + (FIRST_WAIT if fresh else IDLE_WAIT)
            while not prefetcher.take(limits) and (left := deadline - time.monotonic()) > 0:
                if fresh and prefetcher.drained(prefetcher.since):
                    break
                prefetcher.wait(min(left, IDLE_WAIT))
                time.sleep(SETTLE)
                prefetcher.advance()

    def _gather(self, prefetcher: Prefetcher, limits: Limits, since: float) -> None:
        """Let a batch fill a little: one more costs more than the wait."""
        deadline = time.monotonic() + GATHER
        while time.monotonic() < deadline and not prefetcher.full:
            rows, nbytes = prefetcher.waiting()
            if rows >= limits.rows or nbytes >= limits.nbytes or prefetcher.drained(since, in_store=True):
                return
            time.sleep(_CHECK)
            prefetcher.advance()

    def _limits(self, limit: ReadLimit) -> Limits:
        arrived_ms = self._target.arrived_ms if self._target else None
        if isinstance(limit, ReadMaxRows):
            return Limits(rows=limit.max_rows, arrived_ms=arrived_ms)
        if isinstance(limit, ReadMaxBytes):
            return Limits(nbytes=limit.max_bytes, arrived_ms=arrived_ms)
        return Limits(arrived_ms=arrived_ms)

    def _at(self, begun: Offset) -> Prefetcher:
        """The prefetcher that stands at this offset: the one there is, unless a restart begins elsewhere."""
        if self._prefetcher is not None and self._prefetcher.offset == begun:
            return self._prefetcher
        self.stop()
        options = self._options
        make = spool.MemoryStore if options.inline else lambda limit: spool.DiskStore(limit, options.spool_dir)
        store: spool.Store = make(options.fetch_buffer_size)
        try:
            self._prefetcher = Prefetcher(options, client_for(options.connection), store, begun)
        except BaseException:
            store.close()
            raise
        return self._prefetcher

    def _begin(self, stream: str) -> offsets.StreamOffset:
        initial = self._options.initial or Latest()
        return streams.begin(client_for(self._options.connection), stream, initial, self._options)

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[InputPartition]:
        options, reached = self._options, offsets.from_json(end)
        wanted = plan.ranges(offsets.from_json(start), reached)
        if self._prefetcher is not None:
            wanted = [self._prefetcher.stored(each) for each in wanted]
        else:  # a restart: this batch was planned before, and will be read from Kinesis
            for stream in {each.stream for each in wanted}:
                check_created(client_for(options.connection), stream, reached[stream].created)
        return list(plan.pack(wanted, max_partitions=options.max_partitions, shards_per_task=options.shards_per_task))

    def commit(self, end: dict[str, Any]) -> None:
        if self._prefetcher is not None:
            self._prefetcher.commit(offsets.from_json(end))

    def reportLatestOffset(self) -> dict[str, Any] | None:
        if self._prefetcher is None:
            return None
        lag = self._prefetcher.lag()
        rows, nbytes = self._prefetcher.waiting()
        behind = [millis for shards in lag.values() for millis in shards.values()]
        return {
            "maxMillisBehindLatest": max(behind, default=0),
            "millisBehindLatest": lag,
            "prefetchedRecords": rows,
            "prefetchedBytes": nbytes,
            "calls": client_for(self._options.connection).counted(),
        }

    def stop(self) -> None:
        if self._prefetcher is not None:
            self._prefetcher.close()
            self._prefetcher = None

    # --- reading, in the tasks

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, KinesisPartition)
        return ranges.read(partition.ranges, self._options, lambda: client_for(self._options.connection))
