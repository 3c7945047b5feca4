"""Reads exact ranges: out of the stored pages, or, where these are gone, out of Kinesis once more."""

from __future__ import annotations

import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pyspark_kinesis import spool
from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.errors import DataLossError
from pyspark_kinesis.pace import Pace
from pyspark_kinesis.plan import ShardRange

if TYPE_CHECKING:
    import pyarrow as pa

    from pyspark_kinesis.options import Options
    from pyspark_kinesis.wire import Page

log = logging.getLogger(__name__)


def read(
    wanted: Iterable[ShardRange], options: Options, client: Callable[[], KinesisClient]
) -> Iterator[pa.RecordBatch]:
    """The records of the ranges, in their order. ``client`` is asked for only when Kinesis must be read."""
    for each in wanted:
        stored = _stored(each)
        yield from stored if stored is not None else again(each, options, client())


def again(wanted: ShardRange, options: Options, client: KinesisClient) -> Iterator[pa.RecordBatch]:
    """The records of a range out of Kinesis: the same ones as the first time, or ``DataLossError``."""
    cursor = ShardCursor(
        client, wanted.stream, wanted.shard_id, wanted.start,
        limit=options.max_records_per_fetch, fail_on_data_loss=options.fail_on_data_loss,
    )  # fmt: skip
    end = int(wanted.end)
    pacer = Pacer(options)
    while True:
        page = pacer.read(cursor)
        if page.batch is not None:
            keep = page.rows if int(page.last) <= end else _count_up_to(page.batch, end)
            if keep:
                yield page.batch.slice(0, keep)
                if _sequence(page.batch, keep - 1) == end:
                    return
            if keep < page.rows:
                break
        elif page.caught_up:
            break
        if cursor.ended:
            break
    what = f"record {wanted.end} of {wanted.stream}/{wanted.shard_id}, which a batch had, is gone"
    if options.fail_on_data_loss:
        raise DataLossError(f"{what}: the batch can't be read again; set failOnDataLoss=false to go on without it")
    log.warning("%s; the batch goes on without it", what)


class Pacer:
    """Reads pages with the same pauses as the fetchers, in a task."""

    def __init__(self, options: Options) -> None:
        self._pace = Pace(options.min_fetch_period, options.max_fetch_rate)
        self._next = time.monotonic()

    def read(self, cursor: ShardCursor) -> Page:
        """The next page, when its time has come."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        begun = time.monotonic()
        page = cursor.read()
        now = time.monotonic()
        self._next = now + self._pace.wait(
            took=now - begun, rows=page.rows, full=page.rows >= cursor.limit, nbytes=page.nbytes,
            millis_behind=page.millis_behind, throttled=page.throttled, now=now,
        )  # fmt: skip
        return page


def _stored(wanted: ShardRange) -> list[pa.RecordBatch] | None:
    """The slices' rows, all of them opened before the first is used; None when they are not on this machine."""
    if not wanted.slices:
        return None
    try:
        return [spool.load(piece.place).slice(piece.first_row, piece.rows) for piece in wanted.slices]
    except OSError:
        return None


def _count_up_to(batch: pa.RecordBatch, end: int) -> int:
    """How many of the batch's records have sequence numbers of at most ``end``, which are compared as numbers."""
    return bisect_right(range(batch.num_rows), end, key=lambda row: _sequence(batch, row))


def _sequence(batch: pa.RecordBatch, row: int) -> int:
    return int(batch.column("sequenceNumber")[row].as_py())
