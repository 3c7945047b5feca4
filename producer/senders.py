"""What the emulator asks of a sender, whatever it sends to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from producer.errors import ProducerError
from producer.tables import TableName


@dataclass(frozen=True)
class Record:
    """One row on its way: the post's number, by which it is keyed, and the row as a JSON object."""

    key: int
    value: Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """What became of records: each is either acknowledged or failed.

    ``uncertain`` of them met an answer that left open whether they had landed (a time-out, a connection lost after
    the request, a 5xx), so that they may be there twice, or, if failed, once.
    """

    acknowledged: int = 0
    failed: int = 0
    uncertain: int = 0
    error: str | None = None
    """Why the first of the failed ones failed."""

    @property
    def sent(self) -> int:
        return self.acknowledged + self.failed

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            self.acknowledged + other.acknowledged,
            self.failed + other.failed,
            self.uncertain + other.uncertain,
            self.error or other.error,
        )


class Sender(Protocol):
    """Sends the records of one table to one place, and reads every record's own answer.

    ``send`` sends again what failed, and only that. It returns when each record is acknowledged or given up, and
    raises :class:`SendFailed` when the place took none of them. It is called by one thread at a time.
    """

    @property
    def table(self) -> TableName: ...

    @property
    def address(self) -> str: ...

    def send(self, records: Sequence[Record]) -> Sent: ...

    def close(self) -> None: ...


class SendFailed(ProducerError):
    """A place that took no record of a batch, after all retries; ``counts`` tells of this batch."""

    def __init__(self, message: str, counts: Sent) -> None:
        super().__init__(message)
        self.counts = counts
