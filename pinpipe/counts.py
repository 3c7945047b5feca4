"""The counts of every stage as values, and whether they add up: where two that must agree do not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pinpipe.stack.parts import BY_NAME


@dataclass(frozen=True)
class BatchCounts:
    """The batch path's counts of one table; None where the part that knows is down.

    ``source`` rows in MySQL; ``topic`` records in Kafka; ``lake`` different offsets in S3's objects; ``clean``,
    ``superseded`` and ``quarantined`` rows in Delta; ``dead_letters`` records the sink could not write;
    ``tombstones`` records with a null value; ``repeats`` records whose bytes equal an earlier one's, as the last batch
    run counted them; ``sink_lag`` records the sink has not dealt with yet.
    """

    source: int | None
    topic: int | None
    lake: int | None
    clean: int | None
    superseded: int | None
    quarantined: int | None
    dead_letters: int | None
    tombstones: int | None
    repeats: int | None
    sink_lag: int | None

    def problems(self) -> list[str]:
        """Where two numbers that must agree do not, and why that may be; nothing is said of unknown ones."""
        found = []
        arrived = total(self.lake, self.dead_letters, self.tombstones)
        if self.topic is not None and arrived is not None and self.topic != arrived:
            found.append(f"topic {self.topic} is not lake + dead letters + tombstones {arrived}: {self._why(arrived)}")
        settled = total(self.clean, self.superseded, self.quarantined)
        if self.lake is not None and settled is not None and self.lake != settled:
            why = (
                "records came after the last batch, run 'pinpipe batch'"
                if self.lake > settled
                else "objects were removed from the lake after they were loaded, or rows were counted twice; "
                "'pinpipe status --deep' reads the objects again"
            )
            found.append(f"lake {self.lake} is not clean + superseded + quarantined {settled}: {why}")
        return found

    def _why(self, arrived: int) -> str:
        """Why the topic is not what arrived from it."""
        missing = (self.topic or 0) - arrived
        if missing < 0:
            return "records came while it was counted, look again; or someone wrote to the bucket by hand"
        if self.sink_lag and self.sink_lag >= missing:
            return f"the sink is {self.sink_lag} behind, wait a moment or see 'pinpipe logs connect'"
        behind = f"the sink is {self.sink_lag} behind, and " if self.sink_lag else ""
        gone = missing - (self.sink_lag or 0)
        return (
            f"{behind}{gone} {'is' if gone == 1 else 'are'} nowhere; the sink lost them, or objects were removed by "
            "hand: 'pinpipe status --deep' reads the objects again"
        )


@dataclass(frozen=True)
class StreamCounts:
    """The streaming path's counts of one table; None where the part that knows is down.

    ``read`` records of the stream that were settled; ``clean``, ``superseded`` and ``quarantined`` rows in Delta;
    ``lag`` milliseconds that the stream job is behind the newest record.
    """

    read: int | None
    clean: int | None
    superseded: int | None
    quarantined: int | None
    lag: int | None

    def problems(self) -> list[str]:
        """Where two numbers that must agree do not. A micro-batch under way is between them for a moment."""
        kept = total(self.clean, self.superseded, self.quarantined)
        if self.read is None or kept is None or self.read == kept:
            return []
        why = (
            "a micro-batch is under way, look again"
            if kept > self.read
            else "rows are missing, see 'pinpipe logs stream'"
        )
        return [f"stream {self.read} is not clean + superseded + quarantined {kept}: {why}"]


@dataclass(frozen=True)
class DagState:
    """When the daily job's DAG ran last (ISO 8601) and how that ended; None where Airflow is down or it never ran."""

    last_run: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class PartState:
    """A part: its state, its address and the memory of its processes in MB.

    The state is ``up`` (answers), ``silent`` (its process runs and does not answer: it starts, or hangs) or ``down``.
    """

    state: str
    address: str
    memory_mb: int | None


@dataclass(frozen=True)
class Status:
    """All counts. ``as_dict`` is what ``pinpipe status --json`` prints.

    ``untold`` is, by part, why a part that answers its probe did not tell a count.
    """

    batch: Mapping[str, BatchCounts]
    stream: Mapping[str, StreamCounts]
    dag: DagState
    parts: Mapping[str, PartState]
    untold: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "batch": {table: asdict(counts) for table, counts in self.batch.items()},
            "stream": {table: asdict(counts) for table, counts in self.stream.items()},
            "dag": asdict(self.dag),
            "parts": {name: asdict(part) for name, part in self.parts.items()},
            "problems": self.problems(),
        }

    def missed(self) -> list[str]:
        """The parts that do not answer and should: those that can be left out together are not missed while none of
        their group runs.
        """
        groups = {"", *(BY_NAME[name].group for name, part in self.parts.items() if part.memory_mb is not None)}
        return [name for name, part in self.parts.items() if part.state != "up" and BY_NAME[name].group in groups]

    def problems(self) -> list[str]:
        """Every disagreement of the counts and every part that did not tell its own, a line each."""
        paths: tuple[Mapping[str, BatchCounts | StreamCounts], ...] = (self.batch, self.stream)
        told = [f"{table}: {problem}" for path in paths for table, counts in path.items()
                for problem in counts.problems()]  # fmt: skip
        return told + [f"{part} answers, but does not tell all: {why}" for part, why in self.untold.items()]


def total(*counts: int | None) -> int | None:
    """The sum of counts; None when one of them is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


COUNTS = tuple(field.name for field in fields(BatchCounts))
"""The names of the batch path's counts, in the order in which they are shown."""
