"""Texts from a file as values of the tables' column types. Pure; a text that does not fit raises ``ValueError``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_TEXT_BYTES = 65_535  # what MySQL's TEXT holds
_INT = range(-(2**31), 2**31)  # MySQL's INT
_FLOAT = 3.4028235e38  # the largest of MySQL's FLOAT


def to_text(value: Any) -> str:
    """A text as it is. Anything that is no text, such as a JSON number, is refused."""
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a text")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{_shown(value)} holds half a surrogate pair, which is no character") from None
    if size > _TEXT_BYTES:
        raise ValueError(f"{_shown(value)} is longer than {_TEXT_BYTES:,} bytes")
    return value


def to_int(value: Any) -> int:
    """A whole number, or its digits as text, as far as MySQL's INT holds it."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is not a whole number")
    if value not in _INT:
        raise ValueError(f"{value} does not fit MySQL's INT")
    return value


def to_float(value: Any) -> float:
    """A number, or its digits as text, as far as MySQL's FLOAT holds it."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)) or "_" in str(value):
            raise ValueError  # float() takes 1_5 as Python does, which no export means
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{_shown(value)} is not a number") from None
    if not math.isfinite(number) or abs(number) > _FLOAT:
        raise ValueError(f"{_shown(value)} does not fit MySQL's FLOAT")
    return number


def to_datetime(value: Any) -> datetime:
    """A moment in ISO form, ``2020-08-28T03:52:47`` or with a blank for the ``T``, in UTC.

    One with a zone is converted to UTC. MySQL's DATETIME holds whole seconds: a fraction is cut off.
    """
    try:
        if not isinstance(value, str):
            raise ValueError
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(f"{_shown(value)} is not a moment such as 2020-08-28T03:52:47") from None
    if moment.year < 1000:
        raise ValueError(f"{_shown(value)} is before the year 1000, MySQL's first")
    return moment.replace(microsecond=0)


CONVERTERS: dict[type, Callable[[Any], Any]] = {str: to_text, int: to_int, float: to_float, datetime: to_datetime}
"""The function that reads a value of each column type."""


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
