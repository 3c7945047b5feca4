"""What a checkpoint holds: for each stream, where unlisted shards begin and what was read of each listed one.

As JSON, in a canonical order because Spark compares offsets as text::

    {"version": 1, "streams": {"pins": {"created": 1795243055993, "initial": "trim_horizon",
                                        "shards": {"shardId-000000000000": "4968…", "shardId-000000000001": "4968…!"}}}}

``initial`` is ``trim_horizon``, ``at:<ms>``, or ``latest:<ms>`` until the first batch has made that moment durable.
A shard's text is the last sequence number that is in a batch; ``!`` says that the shard is closed and read to its end.
``created`` is the stream's creation time, where it could be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyspark_kinesis.errors import OffsetError
from pyspark_kinesis.position import AfterSequence, AtTimestamp, Position, TrimHorizon

VERSION = 1


@dataclass(frozen=True)
class ShardOffset:
    """What was read of one shard: up to and with ``sequence`` ("" for nothing); ``closed``: there is no more."""

    sequence: str = ""
    closed: bool = False


@dataclass(frozen=True)
class StreamOffset:
    """What was read of one stream; ``pinned`` is False while ``initial`` is a moment that no checkpoint holds yet."""

    initial: TrimHorizon | AtTimestamp
    shards: Mapping[str, ShardOffset]
    created: int | None = None
    pinned: bool = True

    def position(self, shard_id: str) -> Position:
        """Where reading of a shard goes on."""
        sequence = self.shards.get(shard_id, ShardOffset()).sequence
        return AfterSequence(sequence) if sequence else self.initial

    def closed(self) -> frozenset[str]:
        """The shards that were read to their end."""
        return frozenset(shard_id for shard_id, shard in self.shards.items() if shard.closed)


Offset = Mapping[str, StreamOffset]
"""By the stream's name or ARN, as the option gives it."""


def pin(offset: Offset) -> Offset:
    """The same offset, with every start fixed."""
    return {name: replace(stream, pinned=True) for name, stream in offset.items()}


def to_json(offset: Offset) -> dict[str, Any]:
    """The offset as Spark stores it."""
    streams: dict[str, Any] = {}
    for name, stream in sorted(offset.items()):
        entry: dict[str, Any] = {} if stream.created is None else {"created": stream.created}
        entry["initial"] = _start(stream)
        entry["shards"] = {key: shard.sequence + "!" * shard.closed for key, shard in sorted(stream.shards.items())}
        streams[name] = entry
    return {"version": VERSION, "streams": streams}


def from_json(stored: Mapping[str, Any]) -> Offset:
    """An offset out of a checkpoint. ``OffsetError`` when it is of another source or of a newer version."""
    version = stored.get("version")
    if version != VERSION:
        raise OffsetError(
            f"the checkpoint holds a Kinesis offset of version {version!r}, this source writes {VERSION}: "
            "use the release that wrote it, or a new checkpointLocation"
        )
    try:
        return {name: _stream(entry) for name, entry in stored["streams"].items()}
    except (KeyError, AttributeError, ValueError) as error:
        raise OffsetError(f"the checkpoint's Kinesis offset is damaged: {error}") from error


def _stream(entry: Mapping[str, Any]) -> StreamOffset:
    kind, _, millis = entry["initial"].partition(":")
    if kind not in ("trim_horizon", "at", "latest"):
        raise ValueError(f"initial is {entry['initial']!r}")
    return StreamOffset(
        initial=TrimHorizon() if kind == "trim_horizon" else AtTimestamp(int(millis)),
        shards={key: ShardOffset(text.rstrip("!"), text.endswith("!")) for key, text in entry["shards"].items()},
        created=entry.get("created"),
        pinned=kind != "latest",
    )


def _start(stream: StreamOffset) -> str:
    if isinstance(stream.initial, TrimHorizon):
        return "trim_horizon"
    return f"{'at' if stream.pinned else 'latest'}:{stream.initial.millis}"
