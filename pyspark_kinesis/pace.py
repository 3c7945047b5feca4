"""How long a shard's next fetch waits. Computes only: the caller waits."""

from __future__ import annotations

from dataclasses import dataclass, field

_SHARE = 0.2
"""Kinesis grants five reads a second and shard, to all readers together."""
_POLITE_SECONDS = 10.0
_PATIENCE = 5
_GROWTH = 1.3
_STRETCH = 0.05  # between empty pages on the way to the records: sparse stretches take many
IDLE_PERIOD = 1.0
"""What an idle shard's period grows to, in seconds."""


@dataclass
class Pace:
    """The times of one shard's fetches, in seconds of one clock.

    Behind, pages follow each other as fast as they come, until Kinesis refuses one: then five a second for a while.
    Caught up, about ``min_period`` lies between two; after some empty pages it grows.
    """

    min_period: float
    max_rate: float | None = None
    _empty: int = field(default=0, init=False)
    _polite_until: float = field(default=float("-inf"), init=False)

    def wait(
        self, *, took: float, rows: int, full: bool, nbytes: int, millis_behind: int, throttled: int, now: float
    ) -> float:
        """Seconds until the next fetch, after one that ``took`` so long and brought so much.

        ``full``: it brought all it was asked for. Emulators say 0 behind too early, so that there may be more.
        """
        self._empty = 0 if rows else self._empty + 1
        if throttled:
            self._polite_until = now + _POLITE_SECONDS
        if full:
            period = 0.0
        elif millis_behind > 0:
            period = 0.0 if rows else _STRETCH
        else:
            grown = self.min_period * _GROWTH ** max(0, self._empty - _PATIENCE)
            period = _to_tick(now - took, min(grown, max(self.min_period, IDLE_PERIOD)))
        if now < self._polite_until:
            period = max(period, _SHARE)
        if self.max_rate:
            period = max(period, nbytes / self.max_rate)
        return max(0.0, period - took)


def _to_tick(begun: float, period: float) -> float:
    """About a period, from ``begun`` to a time that is the same for all shards.

    What they bring then comes together: as one batch, where each by itself would make one after the other.
    """
    return (round(begun / period) + 1) * period - begun
