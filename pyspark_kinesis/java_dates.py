"""Dates in the patterns of Java's ``DateTimeFormatter``, as far as a starting point needs them.

Letters: y M d H h a m s S E, zones z V Z X x, 'quoted text', ''. Anything else is refused by name. Source:
https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/format/DateTimeFormatter.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# the abbreviations that mean one thing in Java's English texts
_ABBREVIATIONS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_OFFSET = r"[+-]\d{2}(?::?\d{2}){0,2}"
_ZONE = rf"(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?{_OFFSET}|[A-Z]{{3}}|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)"


def parse(text: str, pattern: str) -> datetime:
    """The moment that ``text`` names; without a zone in the pattern it is UTC.

    ``ValueError`` names a letter that is not supported, a text that does not fit, or a date that does not exist.
    """
    match = re.fullmatch(_expression(pattern), text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} does not fit the format {pattern!r}")
    part = {name: value for name, value in match.groupdict().items() if value is not None}
    if not {"year", "month", "day"} <= part.keys():
        raise ValueError(f"the format {pattern!r} needs a year, a month and a day")
    moment = datetime(_year(part["year"]), _month(part["month"]), int(part["day"]), tzinfo=zone(part.get("zone", "Z")))
    fraction = int(part.get("fraction", "0").ljust(6, "0")[:6])
    try:
        return moment.replace(
            hour=_hour(part), minute=int(part.get("minute", 0)), second=int(part.get("second", 0)), microsecond=fraction
        )
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from error


def zone(text: str) -> tzinfo:
    """A zone by its offset (+01:00, -0700, Z), its name (Europe/London) or an American abbreviation (PDT)."""
    upper = text.upper()
    if upper in ("Z", "UTC", "GMT"):
        return UTC
    if upper in _ABBREVIATIONS:
        return timezone(timedelta(hours=_ABBREVIATIONS[upper]))
    if re.fullmatch(rf"(?:UTC|GMT)?{_OFFSET}", upper):
        sign = -1 if "-" in upper else 1
        digits = re.sub(r"\D", "", upper).ljust(6, "0")
        return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6])))
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"the time zone {text!r} is not known: write an offset like +01:00") from error


def _year(text: str) -> int:
    return 2000 + int(text) if len(text) == 2 else int(text)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(place for place, name in enumerate(_MONTHS, 1) if name.startswith(text.lower()))


def _hour(part: dict[str, str]) -> int:
    if "half" not in part:
        return int(part.get("hour", 0))
    hour = int(part.get("clock", 12))
    if not 1 <= hour <= 12:
        raise ValueError(f"hour {hour} of a half day must be in 1..12")
    return hour % 12 + (12 if part["half"].lower() == "pm" else 0)


def _expression(pattern: str) -> str:
    """The pattern as a regular expression with named groups."""
    out = []
    for token in re.finditer(r"'((?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|.", pattern, re.DOTALL):
        if token["letter"]:
            out.append(_field(token["letter"], len(token[0]), pattern))
        elif token[0] == "'":
            raise ValueError(f"the format {pattern!r} has a quote without its end")
        elif token[0].startswith("'"):
            out.append(re.escape(token[1].replace("''", "'") or "'"))
        elif token[0] in "[]{}#":
            raise ValueError(f"{token[0]!r} in the format {pattern!r} is not supported")
        else:
            out.append(re.escape(token[0]))
    expression = "".join(out)
    for name in re.findall(r"\?P<(\w+)>", expression):
        if expression.count(f"?P<{name}>") > 1:
            raise ValueError(f"the format {pattern!r} gives the {name} twice")
    return expression


def _field(letter: str, count: int, pattern: str) -> str:
    field = _FIELDS.get(letter)
    if field is None:
        known = " ".join(sorted(_FIELDS, key=str.lower))
        raise ValueError(f"{letter * count!r} in the format {pattern!r} is not supported: use {known}")
    return field(count)


def _digits(name: str) -> Callable[[int], str]:
    return lambda count: rf"(?P<{name}>\d{{{count},2}})" if count <= 2 else rf"(?P<{name}>\d{{{count}}})"


def _names(name: str, names: tuple[str, ...]) -> Callable[[int], str]:
    def expression(count: int) -> str:
        choice = "|".join(text if count > 3 else text[:3] for text in names)
        return f"(?P<{name}>{choice})" if name else f"(?:{choice})"

    return expression


def _year_field(count: int) -> str:
    return r"(?P<year>\d{2})" if count == 2 else r"(?P<year>\d{4})"


def _month_field(count: int) -> str:
    return _digits("month")(count) if count <= 2 else _names("month", _MONTHS)(count)


_FIELDS: dict[str, Callable[[int], str]] = {
    "y": _year_field,
    "u": _year_field,
    "M": _month_field,
    "d": _digits("day"),
    "H": _digits("hour"),
    "h": _digits("clock"),
    "a": lambda count: "(?P<half>am|pm)",
    "m": _digits("minute"),
    "s": _digits("second"),
    "S": lambda count: rf"(?P<fraction>\d{{{count}}})",
    "E": _names("", _DAYS),
    # Databricks' own example reads PDT by ZZZ, so that every zone letter takes every spelling
    "z": lambda count: _ZONE, "V": lambda count: _ZONE, "Z": lambda count: _ZONE,
    "X": lambda count: _ZONE, "x": lambda count: _ZONE,
}  # fmt: skip
