"""Takes pages out of the fetchers for a batch: fair over the shards, within the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark_kinesis import spool, wire
from pyspark_kinesis.fetcher import FetchedPage, ShardFetcher
from pyspark_kinesis.plan import Slice

UNLIMITED = 1 << 62


@dataclass(frozen=True)
class Limits:
    """The most rows and bytes of a batch, and the latest arrival time that may be in it (milliseconds)."""

    rows: int = UNLIMITED
    nbytes: int = UNLIMITED
    arrived_ms: int | None = None


@dataclass
class Taken:
    """What a batch has: slices by (stream, shard id), and the pages of which nothing is left for the next one."""

    slices: dict[tuple[str, str], list[Slice]] = field(default_factory=dict)
    pages: list[FetchedPage] = field(default_factory=list)


def take(fetchers: Sequence[ShardFetcher], limits: Limits) -> Taken:
    """The next batch; the fetchers give away as much.

    Page by page in turns, so that one full shard does not hold up the others; at least one row if there is any.
    """
    taken = Taken()
    rows, nbytes = limits.rows, limits.nbytes
    waiting = [fetcher for fetcher in fetchers if fetcher.pages and not fetcher.cut]
    while waiting and rows > 0 and nbytes > 0:
        for fetcher in list(waiting):
            if rows <= 0 or nbytes <= 0:
                break
            page = fetcher.pages[0]
            piece = _next(fetcher, rows, nbytes, limits.arrived_ms)
            if piece is not None:
                taken.slices.setdefault((fetcher.stream, fetcher.shard_id), []).append(piece)
                taken.pages += [page] if page.taken == page.rows else []
                rows -= piece.rows
                nbytes -= piece.nbytes
            if fetcher.cut or not fetcher.pages:
                waiting.remove(fetcher)
    return taken


def _next(fetcher: ShardFetcher, rows: int, nbytes: int, arrived_ms: int | None) -> Slice | None:
    page = fetcher.pages[0]
    begin = page.taken
    fitting = max(1, nbytes * page.rows // max(1, page.nbytes))
    end = min(page.rows, begin + min(rows, fitting))
    if arrived_ms is not None and page.newest_ms > arrived_ms:
        early = _arrived_by(page, begin, end, arrived_ms)
        fetcher.cut = early < end
        end = early
    if end == begin:
        return None
    page.taken = end
    if end == page.rows:
        fetcher.pages.popleft()
    return Slice(page.stored.place, begin, end - begin, page.nbytes * (end - begin) // page.rows, _last(page, end))


def _arrived_by(page: FetchedPage, begin: int, end: int, arrived_ms: int) -> int:
    """The end of the rows from ``begin`` on that arrived by then; the first later one ends them."""
    arrived = wire.arrived_ms(spool.load(page.stored.place))[begin:end]
    late = (arrived > arrived_ms).nonzero()[0]
    return begin + int(late[0]) if len(late) else end


def _last(page: FetchedPage, end: int) -> str:
    if end == page.rows:
        return page.last
    return str(spool.load(page.stored.place).column("sequenceNumber")[end - 1].as_py())
