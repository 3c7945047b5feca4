"""The streams of the fake Kinesis: shards, records, sequence numbers, positions. Computes only."""

from __future__ import annotations

import bisect
import hashlib
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

HASH_END = 2**128
PAGE_BYTES = 10 * 1024 * 1024
RETENTION_MS = 24 * 3600 * 1000


class Refusal(Exception):
    """An error of Kinesis: its name, its text and HTTP's status."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


@dataclass
class Shard:
    """One shard; the lists run in parallel, a record each."""

    number: int
    low: int
    high: int
    parents: tuple[str, ...] = ()
    sequences: list[int] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    fragments: list[bytes | None] = field(default_factory=list)
    """The records as they go over the wire, made once."""
    trimmed_to: int = 0
    ending: int | None = None
    counter: int = 0

    def __post_init__(self) -> None:
        self.starting = self.next_sequence()

    @property
    def id(self) -> str:
        return f"shardId-{self.number:012d}"

    def next_sequence(self) -> int:
        """Of Kinesis' length, ascending, with gaps, and other ones in a stream of the same name made later."""
        self.counter += 1
        start = 49600000000000000000000000000000000000000000000000000000
        return start + int(time.time() * 1000) * 10**22 + self.number * 10**16 + self.counter * 16 + 2

    def describe(self) -> dict[str, Any]:
        sequences = {"StartingSequenceNumber": str(self.starting)}
        if self.ending is not None:
            sequences["EndingSequenceNumber"] = str(self.ending)
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "ShardId": self.id,
            "HashKeyRange": {"StartingHashKey": str(self.low), "EndingHashKey": str(self.high)},
            "SequenceNumberRange": sequences,
            **dict(zip(names, self.parents, strict=False)),
        }

    def trim(self, count: int) -> None:
        """Forget the oldest records, as Kinesis does when their retention is over."""
        self.trimmed_to = self.sequences[count - 1]
        for column in (self.sequences, self.arrived, self.keys, self.data, self.fragments):
            del column[:count]

    def age(self, seconds: float) -> None:
        """Let all records have arrived so much earlier."""
        self.arrived = [round(arrived - seconds, 3) for arrived in self.arrived]
        self.fragments = [None] * len(self.arrived)

    def after(self, sequence: int) -> int:
        """The place of the first record behind a sequence number."""
        return bisect.bisect_right(self.sequences, sequence)

    def page(self, place: int, limit: int) -> int:
        """The end of a page that begins at ``place``."""
        end, size = place, 0
        while end < len(self.sequences) and end - place < limit:
            size += len(self.data[end]) + len(self.keys[end])
            if size > PAGE_BYTES and end > place:
                break
            end += 1
        return end


class Stream:
    """A stream and its shards, closed ones included."""

    def __init__(self, name: str, shards: int) -> None:
        self.name = name
        self.created = round(time.time(), 3)
        self.shards: dict[str, Shard] = {}
        bounds = [HASH_END * place // shards for place in range(shards + 1)]
        for low, high in pairwise(bounds):
            self._add(low, high - 1)

    def _add(self, low: int, high: int, *parents: str) -> None:
        shard = Shard(max((each.number for each in self.shards.values()), default=-1) + 1, low, high, parents)
        self.shards[shard.id] = shard

    def shard(self, shard_id: str) -> Shard:
        if shard_id not in self.shards:
            raise Refusal("ResourceNotFoundException", f"Shard {shard_id} in stream {self.name} does not exist")
        return self.shards[shard_id]

    def _open(self, shard_id: str) -> Shard:
        shard = self.shard(shard_id)
        if shard.ending is not None:
            raise Refusal("ResourceNotFoundException", f"Shard {shard_id} is closed")
        return shard

    def split(self, shard_id: str, at: int) -> None:
        shard = self._open(shard_id)
        if not shard.low < at <= shard.high:
            raise Refusal("InvalidArgumentException", f"{at} is no hash key inside {shard_id}")
        shard.ending = shard.next_sequence()
        self._add(shard.low, at - 1, shard_id)
        self._add(at, shard.high, shard_id)

    def merge(self, first: str, second: str) -> None:
        one, two = self._open(first), self._open(second)
        if two.high + 1 == one.low:
            one, two = two, one
        if one.high + 1 != two.low:
            raise Refusal("InvalidArgumentException", f"{first} and {second} are not adjacent")
        one.ending, two.ending = one.next_sequence(), two.next_sequence()
        self._add(one.low, two.high, first, second)

    def put(self, key: str, data: bytes, explicit: str | None) -> dict[str, str]:
        place = int(explicit) if explicit else int(hashlib.md5(key.encode()).hexdigest(), 16)
        shard = next(each for each in self.shards.values() if each.ending is None and each.low <= place <= each.high)
        sequence = shard.next_sequence()
        shard.sequences.append(sequence)
        shard.arrived.append(round(time.time(), 3))
        shard.keys.append(key)
        shard.data.append(data)
        shard.fragments.append(None)
        return {"ShardId": shard.id, "SequenceNumber": str(sequence)}

    def children(self, shard_id: str) -> list[dict[str, Any]]:
        return [
            {"ShardId": each.id, "ParentShards": list(each.parents), "HashKeyRange": each.describe()["HashKeyRange"]}
            for each in self.shards.values()
            if shard_id in each.parents
        ]
