"""The shards of a stream and the order in which they may be read: a parent before its children."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shard:
    """A shard and the shards it came from by a split (one) or a merge (two)."""

    shard_id: str
    parents: tuple[str, ...] = ()

    @classmethod
    def listed(cls, answer: Mapping[str, Any]) -> Shard:
        """A shard as ListShards tells it."""
        parents = (answer.get("ParentShardId"), answer.get("AdjacentParentShardId"))
        return cls(answer["ShardId"], tuple(parent for parent in parents if parent))

    @classmethod
    def child(cls, answer: Mapping[str, Any]) -> Shard:
        """A shard as the last page of a closed parent tells it."""
        return cls(answer["ShardId"], tuple(answer.get("ParentShards") or ()))


def startable(listed: Mapping[str, Shard], finished: Collection[str], begun: Collection[str]) -> list[Shard]:
    """The shards that may be begun now, by their ids.

    ``finished``: closed, and all of their records are in finished batches. ``begun``: being read already. A parent
    that is not listed any more has no records left and holds nothing up.
    """
    waiting = (
        shard for shard_id, shard in sorted(listed.items()) if shard_id not in finished and shard_id not in begun
    )
    return [shard for shard in waiting if all(parent in finished or parent not in listed for parent in shard.parents)]


def gone(listed: Mapping[str, Shard], unfinished: Iterable[str]) -> list[str]:
    """The shards whose reading is not finished and which are not there any more."""
    return sorted(shard_id for shard_id in unfinished if shard_id not in listed)
