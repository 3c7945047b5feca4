"""Which task reads what: exact ranges of sequence numbers, with the stored pages that hold them. Computes only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pyspark.sql.datasource import InputPartition

from pyspark_kinesis.offset import Offset, StreamOffset
from pyspark_kinesis.position import AfterSequence, Position

TASK_BYTES = 8 << 20
"""A task less is started for each of these: a small one costs more than it brings."""
MAX_TASKS = 8
"""The most tasks of a batch, where no option says it."""


@dataclass(frozen=True)
class Slice:
    """Rows of a stored page: ``place`` is a file's path or the page's bytes, ``last`` the last sequence number."""

    place: str | bytes
    first_row: int
    rows: int
    nbytes: int
    last: str


@dataclass(frozen=True)
class ShardRange:
    """The records of a shard behind ``start``, up to and with sequence number ``end``.

    ``slices`` hold exactly these records, or are empty where nothing was stored (any more).
    """

    stream: str
    shard_id: str
    start: Position
    end: str
    slices: tuple[Slice, ...] = ()

    @property
    def nbytes(self) -> int:
        return sum(piece.nbytes for piece in self.slices)


class KinesisPartition(InputPartition):
    """What one task reads, in this order."""

    def __init__(self, ranges: Sequence[ShardRange]) -> None:
        super().__init__(None)
        self.ranges = tuple(ranges)


def ranges(start: Offset, end: Offset) -> list[ShardRange]:
    """What lies between two offsets, by stream and shard. Works from the two alone, as a replay after a crash must."""
    found = []
    for stream, reached in sorted(end.items()):
        begun = start.get(stream) or StreamOffset(reached.initial, {})
        for shard_id, shard in sorted(reached.shards.items()):
            begin = begun.position(shard_id) if shard_id in begun.shards else reached.initial
            if shard.sequence and begin != AfterSequence(shard.sequence):
                found.append(ShardRange(stream, shard_id, begin, shard.sequence))
    return found


def pack(
    wanted: Iterable[ShardRange], *, max_partitions: int | None = None, shards_per_task: int | None = None
) -> list[KinesisPartition]:
    """Partitions of about the same size, in the order of the ranges; a small batch is one."""
    wanted = list(wanted)
    if not wanted:
        return []
    total = sum(each.nbytes for each in wanted)
    if all(each.slices for each in wanted):
        count = min(max_partitions or MAX_TASKS, -(-total // TASK_BYTES) or 1)
    else:  # nobody knows how much will be read
        count = min(max_partitions or MAX_TASKS, len(wanted))
    if shards_per_task is not None:
        count = -(-len(wanted) // shards_per_task)
    if not all(each.slices for each in wanted):
        return [KinesisPartition(part) for part in _by_number(wanted, count)]
    return [KinesisPartition(part) for part in _by_size(wanted, -(-total // count) or 1)]


def _by_number(wanted: Sequence[ShardRange], count: int) -> Iterator[Sequence[ShardRange]]:
    bounds = [len(wanted) * place // count for place in range(count + 1)]
    return (wanted[a:b] for a, b in pairwise(bounds) if b > a)


def _by_size(wanted: Iterable[ShardRange], size: int) -> Iterator[list[ShardRange]]:
    """Cut the ranges at page bounds, so that each part but the last has about ``size`` bytes."""
    part: list[ShardRange] = []
    room = size
    for each in wanted:
        begin, pieces = each.start, list[Slice]()
        for piece in each.slices:
            pieces.append(piece)
            room -= piece.nbytes
            if room <= 0:
                part.append(replace(each, start=begin, end=piece.last, slices=tuple(pieces)))
                yield part
                part, room, begin, pieces = [], size, AfterSequence(piece.last), []
        if pieces:
            part.append(replace(each, start=begin, slices=tuple(pieces)))
    if part:
        yield part
