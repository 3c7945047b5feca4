"""Content types: which body may come in, and which answer the caller accepts.

API v2 names the form of a body in its content type: ``application/vnd.kafka.<format>.v2+json`` for records, and
``application/vnd.kafka.v2+json`` for everything else.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from services.rest_proxy.errors import NotAcceptable, UnsupportedMediaType

Format = Literal["json", "binary"]

API = "application/vnd.kafka.v2+json"
JSON = "application/json"
RECORDS: dict[Format, str] = {
    "json": "application/vnd.kafka.json.v2+json",
    "binary": "application/vnd.kafka.binary.v2+json",
}
ANSWERS = (API, JSON)
"""What any route but a read can answer with, the preferred one first."""

_FORMATS: dict[str, Format] = {media_type: name for name, media_type in RECORDS.items()}
_SCHEMA_FORMATS = ("avro", "jsonschema", "protobuf")


def _bare(header: str) -> str:
    return header.partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def record_format(content_type: str) -> Format:
    """The format of the records in a produce request's body.

    :raises UnsupportedMediaType: for any other content type; the text says why Avro and its like are refused
    """
    media_type = _bare(content_type)
    if media_type in _FORMATS:
        return _FORMATS[media_type]
    for name in _SCHEMA_FORMATS:
        if media_type == f"application/vnd.kafka.{name}.v2+json":
            raise UnsupportedMediaType(
                f"{name} needs a schema registry, and this proxy has none; use {' or '.join(RECORDS.values())}"
            )
    raise UnsupportedMediaType


@lru_cache(maxsize=256)
def check_command(content_type: str) -> None:
    """Check the content type of a body that is no records: a subscription, offsets, a new consumer.

    :raises UnsupportedMediaType: for any type that is not API v2's
    """
    if _bare(content_type) not in (API, *_FORMATS):
        raise UnsupportedMediaType


@lru_cache(maxsize=512)
def negotiate(accept: str, offers: Sequence[str] = ANSWERS) -> str:
    """The first of ``offers`` with the highest weight in an ``Accept`` header (RFC 9110, 12.5.1).

    :raises NotAcceptable: when it accepts none of them
    """
    best, weight = "", 0.0
    for offer in offers:
        quality = _quality(accept, offer)
        if quality > weight:
            best, weight = offer, quality
    if not best:
        raise NotAcceptable
    return best


def _quality(accept: str, offer: str) -> float:
    """The weight an ``Accept`` header gives to one type: that of its most specific range that matches."""
    found, quality = -1, 0.0
    for item in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        kind = offer.partition("/")[0]
        specific = {"*/*": 0, f"{kind}/*": 1, offer: 2}.get(media_range, -1)
        if specific > found:
            found, quality = specific, _weight(parameters)
    return quality


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
