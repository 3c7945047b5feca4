"""Where reading begins: the option ``initialPosition``, and positions inside a shard."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark_kinesis import java_dates
from pyspark_kinesis.errors import OptionError


@dataclass(frozen=True)
class TrimHorizon:
    """The oldest record that Kinesis still keeps."""


@dataclass(frozen=True)
class AtTimestamp:
    """The first record that arrived at ``millis`` (since 1970) or later."""

    millis: int


@dataclass(frozen=True)
class Latest:
    """What arrives from now on. It becomes an ``AtTimestamp`` as soon as a query starts."""


@dataclass(frozen=True)
class AfterSequence:
    """The first record behind this sequence number."""

    sequence: str


Initial = TrimHorizon | AtTimestamp | Latest
Position = TrimHorizon | AtTimestamp | AfterSequence


def parse(text: str) -> Initial:
    """The value of ``initialPosition``. ``OptionError`` says what it may be."""
    match text.strip().lower():
        case "trim_horizon" | "earliest":
            return TrimHorizon()
        case "latest":
            return Latest()
    try:
        given = json.loads(text)
        moment = given["at_timestamp"]
        unknown = set(given) - {"at_timestamp", "format"}
        if unknown or not isinstance(moment, str) or not isinstance(given.get("format", ""), str):
            raise ValueError(text)
    except (ValueError, TypeError, KeyError) as error:
        raise OptionError(
            f"initialPosition is {text!r}: it may be latest, trim_horizon, earliest, or "
            '{"at_timestamp": "06/25/2020 10:23:45 PDT", "format": "MM/dd/yyyy HH:mm:ss ZZZ"}'
        ) from error
    try:
        return AtTimestamp(_millis(java_dates.parse(moment, given["format"]) if "format" in given else _iso(moment)))
    except ValueError as error:
        raise OptionError(f"initialPosition: {error}") from error


def _iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"at_timestamp is {text!r}: without a format it must be ISO 8601") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
