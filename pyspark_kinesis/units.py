"""Times and sizes as Spark and Databricks write them: ``400ms``, ``10s``, ``20gb``."""

from __future__ import annotations

import re

_SECONDS = {
    "us": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60,
    "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
_BYTES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def seconds(text: str) -> float:
    """A duration in seconds; a bare number is milliseconds, as in Spark. ``ValueError`` when it is none."""
    number, unit = _split(text)
    if unit and unit not in _SECONDS:
        raise ValueError(f"{text!r} is no duration: write it like 400ms, 10s or 5m")
    return number * _SECONDS[unit or "ms"]


def size(text: str) -> int:
    """A size in bytes, units being powers of 1024; a bare number is bytes. ``ValueError`` when it is none."""
    number, unit = _split(text)
    key = unit[:1] or "b"
    if key not in _BYTES or unit not in ("", "b", key, key + "b"):
        raise ValueError(f"{text!r} is no size: write it like 512kb, 64mb or 20gb")
    return int(number * _BYTES[key])


def _split(text: str) -> tuple[float, str]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a number with a unit")
    return float(match[1]), match[2]
