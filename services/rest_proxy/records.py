"""Produce bodies to records, results to produce answers: no I/O.

A JSON record's key and value are kept as the bytes they came in (``msgspec.Raw``): checked for being JSON, never
decoded and never written anew, so numbers, key order and white space reach Kafka as the caller wrote them.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from services.rest_proxy.errors import BadRequest, InvalidPayload, TooLarge, Unprocessable
from services.rest_proxy.media import Format

T = TypeVar("T")
U = TypeVar("U")
_NULL = b"null"
_ABSENT = msgspec.Raw(_NULL)
MAX_PARTITION = 2**31 - 1
MAX_OFFSET = 2**63 - 2


class Record(msgspec.Struct, frozen=True, gc=False):
    """What one record sends to Kafka; ``None`` as value is a tombstone, as partition: the key decides."""

    key: bytes | None
    value: bytes | None
    partition: int | None


class Result(msgspec.Struct, frozen=True, gc=False):
    """One record's entry in the answer: either partition and offset, or the error's code and text."""

    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None
    error: str | None = None


class _Answer(msgspec.Struct, frozen=True, gc=False):
    offsets: Sequence[Result]
    key_schema_id: None = None
    value_schema_id: None = None


class _JsonRecord(msgspec.Struct, gc=False):
    key: msgspec.Raw = _ABSENT
    value: msgspec.Raw = _ABSENT
    partition: int | float | None = None


class _BinaryRecord(msgspec.Struct, gc=False):
    key: str | None = None
    value: str | None = None
    partition: int | float | None = None


class _JsonBody(msgspec.Struct, gc=False):
    records: list[_JsonRecord] | None = None


class _BinaryBody(msgspec.Struct, gc=False):
    records: list[_BinaryRecord] | None = None


_json_body = msgspec.json.Decoder(_JsonBody)
_binary_body = msgspec.json.Decoder(_BinaryBody)
_encoder = msgspec.json.Encoder()


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a request's JSON body.

    :raises InvalidPayload: when there is no body, or it is ``null``
    :raises BadRequest: when it is not UTF-8, not JSON, or JSON of another shape; the text says where
    """
    if body.strip() in (b"", _NULL):
        raise InvalidPayload
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look inside the strings it passes over as Raw
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8 (byte {error.start})") from None
    except msgspec.DecodeError as error:
        raise BadRequest(str(error)) from None
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply") from None


def parse(body: bytes, form: Format, most: int) -> list[Record]:
    """The records of a produce request's body, in order.

    :raises BadRequest: when the body is not such JSON, or a binary record is not base64
    :raises TooLarge: when it has over ``most`` records
    :raises Unprocessable: when there is no body or no record, or a partition is out of range
    """
    if form == "json":
        raw = _bounded(decode(_json_body, body).records, most)
        records = [
            Record(_value(item.key), _value(item.value), _partition(item.partition, i)) for i, item in enumerate(raw)
        ]
    else:
        texts = _bounded(decode(_binary_body, body).records, most)
        records = [
            Record(_base64(item.key, "key", i), _base64(item.value, "value", i), _partition(item.partition, i))
            for i, item in enumerate(texts)
        ]
    return records


def answer(results: Sequence[Result]) -> bytes:
    """The body of a produce answer."""
    return _encoder.encode(_Answer(results))


def whole(number: int | float, most: int, what: str) -> int:
    """A number that must be whole and not negative; ``3.0`` is whole, as JSON Schema has it.

    :raises Unprocessable: when it is not, or is larger than ``most``
    """
    if 0 <= number <= most and number == int(number):
        return int(number)
    raise Unprocessable(f"{what} must be a whole number between 0 and {most}")


def _bounded(items: list[U] | None, most: int) -> list[U]:
    if not items:
        raise Unprocessable("records must not be empty")
    if len(items) > most:
        raise TooLarge(f"a request may have {most} records")
    return items


def _partition(number: int | float | None, index: int) -> int | None:
    return None if number is None else whole(number, MAX_PARTITION, f"records[{index}].partition")


def _value(raw: msgspec.Raw) -> bytes | None:
    if raw is _ABSENT:
        return None
    data = bytes(raw)
    return None if data == _NULL else data


def _base64(text: str | None, field: str, index: int) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"records[{index}].{field} is not base64") from None
