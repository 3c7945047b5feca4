"""How the fake Kinesis spells its answers, as AWS does: JSON with base64 and seconds, CBOR with tagged milliseconds."""

from __future__ import annotations

import base64
import json
from typing import Any

import cbor2

JSON, CBOR = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"
EPOCH_TAG = b"\xc1"  # AWS puts milliseconds behind it, where CBOR means seconds


def binary(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else base64.b64decode(data)


def as_json(sequence: int, arrived: float, data: bytes, key: str) -> bytes:
    record = {"SequenceNumber": str(sequence), "ApproximateArrivalTimestamp": arrived, "PartitionKey": key}
    return json.dumps(record | {"Data": base64.b64encode(data).decode()}).encode()


def as_cbor(sequence: int, arrived: float, data: bytes, key: str) -> bytes:
    record = cbor2.dumps({"SequenceNumber": str(sequence), "Data": data, "PartitionKey": key})
    time_of = cbor2.dumps("ApproximateArrivalTimestamp") + EPOCH_TAG + cbor2.dumps(round(arrived * 1000))
    return bytes([record[0] + 1]) + record[1:] + time_of


def answer(records: list[bytes], following: str | None, behind: int, children: list[Any], cbor: bool) -> bytes:
    rest: dict[str, Any] = {"MillisBehindLatest": behind}
    rest |= {"NextShardIterator": following} if following else {}
    rest |= {"ChildShards": children} if children else {}
    if not cbor:
        return b'{"Records":[' + b",".join(records) + b"]," + json.dumps(rest).encode()[1:]
    body = cbor2.dumps(rest)
    head = cbor2.dumps("Records") + b"\x9a" + len(records).to_bytes(4, "big")
    return bytes([body[0] + 1]) + head + b"".join(records) + body[1:]
