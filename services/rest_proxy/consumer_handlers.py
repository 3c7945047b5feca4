"""``/consumers/{group}…``: instances, their subscription, their records and their offsets."""

import re
import uuid
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from services.rest_proxy import media, topic_names
from services.rest_proxy.addresses import caller_base
from services.rest_proxy.body import BodyReader
from services.rest_proxy.consumer import Options, Position
from services.rest_proxy.consumers import Consumers
from services.rest_proxy.errors import (
    BadRequest,
    FormatMismatch,
    InvalidConsumer,
    NotAcceptable,
    PartitionNotFound,
    Unprocessable,
)
from services.rest_proxy.media import API, JSON, RECORDS, Format
from services.rest_proxy.metrics import Metrics
from services.rest_proxy.records import MAX_OFFSET, MAX_PARTITION, decode, whole
from services.rest_proxy.settings import Settings

_NAME = re.compile(r"[^\x00-\x1f\x7f/]{1,249}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MAX_TOPICS = 1000
_FORMATS: dict[str, Format] = {"json": "json", "binary": "binary"}
_COMMAND_OFFERS = (API, JSON, *RECORDS.values())


class _Create(msgspec.Struct):
    name: str | None = None
    format: str | None = None
    offset_reset: str | None = msgspec.field(default=None, name="auto.offset.reset")
    auto_commit: bool | str | None = msgspec.field(default=None, name="auto.commit.enable")


class _Subscription(msgspec.Struct):
    topics: list[str] | None = None
    topic_pattern: str | None = None


class _Offset(msgspec.Struct):
    topic: str
    partition: int | float
    offset: int | float
    metadata: str | None = None


class _Offsets(msgspec.Struct):
    offsets: list[_Offset]


class _Partition(msgspec.Struct):
    topic: str
    partition: int | float


class _Partitions(msgspec.Struct):
    partitions: list[_Partition]


_create = msgspec.json.Decoder(_Create)
_subscription = msgspec.json.Decoder(_Subscription)
_offsets = msgspec.json.Decoder(_Offsets)
_partitions = msgspec.json.Decoder(_Partitions)


class ConsumerHandlers:
    """Checks what the caller asks of an instance, asks it, and answers."""

    def __init__(self, reader: BodyReader, consumers: Consumers, metrics: Metrics, settings: Settings) -> None:
        self._reader = reader
        self._consumers = consumers
        self._metrics = metrics
        self._settings = settings

    async def create(self, request: web.Request) -> web.Response:
        """Make an instance; an empty body means one of format binary with a name made up here."""
        accepted = _accepted(request)
        body = await self._body(request)
        wanted = decode(_create, body) if body.strip() else _Create()
        options = _options(request.match_info["group"], wanted)
        await self._consumers.create(options)
        base = caller_base(request.headers, f"{self._settings.host}:{self._settings.port}")
        group, name = quote(options.group, safe=""), quote(options.name, safe="")
        answer = {"instance_id": options.name, "base_uri": f"{base}/consumers/{group}/instances/{name}"}
        return _json(answer, accepted)

    async def delete(self, request: web.Request) -> web.Response:
        """Close an instance."""
        await self._consumers.delete(*_key(request))
        return web.Response(status=204)

    async def subscribe(self, request: web.Request) -> web.Response:
        """Subscribe an instance to topics or to a pattern."""
        body = await self._body(request)
        self._consumers.format(*_key(request))
        wanted = decode(_subscription, body)
        if (wanted.topics is None) == (wanted.topic_pattern is None):
            raise Unprocessable("give either topics or topic_pattern")
        if wanted.topic_pattern is not None:
            pattern = topic_names.subscription_pattern(wanted.topic_pattern)
            await self._consumers.ask(*_key(request), lambda one: one.subscribe_pattern(pattern), self._limit)
        else:
            topics = wanted.topics or []
            if not 0 < len(topics) <= _MAX_TOPICS:
                raise Unprocessable(f"topics must have 1 to {_MAX_TOPICS} names")
            for topic in topics:
                if not topic_names.is_valid(topic):
                    raise Unprocessable(f"Invalid topics: [{topic[:249]}]")
            await self._consumers.ask(*_key(request), lambda one: one.subscribe(topics), self._limit)
        return web.Response(status=204)

    async def subscription(self, request: web.Request) -> web.Response:
        """What an instance is subscribed to."""
        accepted = _accepted(request)
        topics = await self._consumers.ask(*_key(request), lambda one: one.subscription(), self._limit)
        return _json({"topics": topics}, accepted)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """End an instance's subscription."""
        await self._consumers.ask(*_key(request), lambda one: one.unsubscribe(), self._limit)
        return web.Response(status=204)

    async def records(self, request: web.Request) -> web.Response:
        """Read on."""
        group, name = _key(request)
        form = self._consumers.format(group, name)
        media_type = _read_type(request.headers.get("Accept", "*/*"), form)
        milliseconds = _integer(request, "timeout")
        seconds = milliseconds / 1000 if milliseconds > 0 else self._settings.read_timeout
        seconds = min(seconds, self._settings.max_read_timeout)
        max_bytes = _integer(request, "max_bytes")
        size = self._settings.max_read_bytes
        size = min(max_bytes, size) if max_bytes > 0 else size
        limit = self._settings.max_read_timeout + self._limit
        records = await self._consumers.ask(group, name, lambda one: one.read(seconds, size), limit)
        self._metrics.records_consumed += len(records)
        return _json(records, media_type)

    async def commit(self, request: web.Request) -> web.Response:
        """Commit offsets; an empty body means everything read so far."""
        accepted = _accepted(request)
        body = await self._body(request)
        self._consumers.format(*_key(request))
        positions = None
        if body.strip():
            positions = [
                Position(
                    *_place(item.topic, item.partition),
                    whole(item.offset, MAX_OFFSET, "offset"),
                    item.metadata or "",
                )
                for item in decode(_offsets, body).offsets
            ]
        await self._consumers.ask(*_key(request), lambda one: one.commit(positions), self._limit)
        return _json([], accepted)

    async def committed(self, request: web.Request) -> web.Response:
        """The committed offsets of the partitions named in the body."""
        accepted = _accepted(request)
        body = await self._body(request)
        self._consumers.format(*_key(request))
        if not body.strip():
            raise PartitionNotFound("Name the partitions in the body.")
        asked = [_place(item.topic, item.partition) for item in decode(_partitions, body).partitions]
        found = await self._consumers.ask(*_key(request), lambda one: one.committed(asked), self._limit)
        return _json({"offsets": found}, accepted)

    @property
    def _limit(self) -> float:
        return self._settings.metadata_timeout * 2

    async def _body(self, request: web.Request) -> bytes:
        """The body of a command; its content type is checked where there is a body."""
        body = await self._reader.read(request)
        self._reader.release(len(body))  # it is small, or it is refused before anything is done with it
        if body.strip():
            media.check_command(request.headers.get("Content-Type", ""))
        return body


def _options(group: str, wanted: _Create) -> Options:
    name = wanted.name if wanted.name is not None else f"rest-consumer-{uuid.uuid4()}"
    for text, what in ((group, "group"), (name, "name")):
        if not _NAME.fullmatch(text):
            raise InvalidConsumer(f"{what} must have 1 to 249 characters, without / and control characters")
    form = _FORMATS.get((wanted.format or "binary").lower())
    if form is None:
        raise Unprocessable(f"Invalid format type. This proxy has {' and '.join(_FORMATS)}.")
    reset = wanted.offset_reset or "latest"
    if reset not in ("earliest", "latest", "none"):
        raise InvalidConsumer("auto.offset.reset must be earliest, latest or none")
    commit = {None: True, True: True, False: False, "true": True, "false": False}.get(wanted.auto_commit)
    if commit is None:
        raise InvalidConsumer("auto.commit.enable must be true or false")
    return Options(group, name, form, reset, commit)


def _key(request: web.Request) -> tuple[str, str]:
    return request.match_info["group"], request.match_info["instance"]


def _read_type(accept: str, form: Format) -> str:
    """The content type of a read; the plain types stand for whatever format the instance has."""
    try:
        return media.negotiate(accept, (RECORDS[form], API, JSON))
    except NotAcceptable:
        media.negotiate(accept, tuple(RECORDS.values()))
        raise FormatMismatch from None


def _accepted(request: web.Request) -> str:
    """What to answer a command with; a caller that asks for records' own types gets the plain one."""
    accepted = media.negotiate(request.headers.get("Accept", "*/*"), _COMMAND_OFFERS)
    return accepted if accepted in (API, JSON) else API


def _integer(request: web.Request, name: str) -> int:
    text = request.query.get(name)
    if text is None:
        return 0
    if not _INTEGER.fullmatch(text):
        raise BadRequest(f"{name} must be an integer")
    return int(text)


def _place(topic: str, partition: int | float) -> tuple[str, int]:
    if not topic_names.is_valid(topic):
        raise PartitionNotFound(f"Invalid topics: [{topic[:249]}]")
    return topic, whole(partition, MAX_PARTITION, "partition")


def _json(answer: Any, media_type: str) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), headers={"Content-Type": media_type})
