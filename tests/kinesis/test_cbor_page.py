"""Pages of CBOR read a column at a time: the same as one value at a time, or not at all."""

from __future__ import annotations

import random
from typing import Any

import cbor2
import pytest

from pyspark_kinesis import cbor_page, wire
from pyspark_kinesis.errors import ServiceError
from tests.support.fake_kinesis_wire import answer, as_cbor

pytestmark = pytest.mark.kinesis

SIZES = (0, 1, 23, 24, 255, 256, 65_535, 65_536)
"""Where the heads of texts and bytes change their form."""


def records(count: int = 40, seed: int = 1) -> list[tuple[int, float, bytes, str]]:
    chance = random.Random(seed)
    whole = as_cbor(4961, 1795243055.993, b"x", "k")  # what looks like a record, inside of one
    return [
        (
            10**55 + 7 * place,
            1795243055.0 + place / 1000,
            chance.choice([chance.randbytes(chance.choice(SIZES)), whole[place % 9 :], b"\x67Records\x81"]),
            chance.choice(["", "k", "één🙂", "l" * 23, "l" * 24, "l" * 256]),
        )
        for place in range(count)
    ]


def regular(given: list[tuple[int, float, bytes, str]]) -> bytes:
    return answer([as_cbor(*each) for each in given], "next", 7, [], cbor=True)


def to_break(payload: bytes) -> bytes:
    """The same page in the other form, as Jackson writes it: arrays and maps that end with a mark, and more keys."""
    page = cbor2.loads(payload, semantic_decoders={1: max})
    body = b""
    for each in page.pop("Records"):
        fields = [(name, cbor2.dumps(value)) for name, value in each.items()]
        fields[-1] = (fields[-1][0], b"\xc1\x1b" + each["ApproximateArrivalTimestamp"].to_bytes(8, "big"))
        fields.insert(2, ("EncryptionType", cbor2.dumps("KMS")))
        body += b"\xbf" + b"".join(cbor2.dumps(name) + value for name, value in fields) + b"\xff"
    rest = b"".join(cbor2.dumps(name) + cbor2.dumps(value) for name, value in page.items())
    return b"\xbf" + rest + cbor2.dumps("Records") + b"\x9f" + body + b"\xff" + b"\xff"


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    batch = wire.page(answer, "pins", "shardId-0").batch
    assert batch is not None
    batch.validate(full=True)
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


@pytest.mark.parametrize("form", [lambda payload: payload, to_break], ids=["counted", "to a break"])
def test_columns_have_the_values_that_cbor2_reads(form: Any) -> None:
    plain = [each for each in records() if b"SequenceNumber" not in each[2]]
    payload = form(regular(plain))
    found = cbor_page.read(payload)
    assert found is not None
    assert cbor2.loads(found[1]) == {"Records": [], "MillisBehindLatest": 7, "NextShardIterator": "next"}
    decoded = wire.decode(payload, wire.CBOR)
    assert isinstance(decoded["Records"], cbor_page.Columns)
    assert rows(decoded) == rows(cbor2.loads(payload, semantic_decoders={1: max}))
    assert [row["data"] for row in rows(decoded)] == [data for _, _, data, _ in plain]


def test_data_that_looks_like_records_is_read_all_the_same() -> None:
    given = records()
    assert any(b"SequenceNumber" in data for _, _, data, _ in given)
    found = rows(wire.decode(regular(given), wire.CBOR))
    assert [(row["data"], row["partitionKey"]) for row in found] == [(data, key) for _, _, data, key in given]


@pytest.mark.parametrize(
    "odd",
    [
        {"PartitionKey": "k", "Data": b"x", "SequenceNumber": "1", "ApproximateArrivalTimestamp": 5},
        {"SequenceNumber": "1", "Data": b"x", "ApproximateArrivalTimestamp": 5},
        {"SequenceNumber": "1", "Data": "eA==", "PartitionKey": "k", "ApproximateArrivalTimestamp": 5},
        {"SequenceNumber": "1", "Data": b"x", "PartitionKey": "k", "New": [1], "ApproximateArrivalTimestamp": 5},
        {},
        7,
    ],
)
def test_what_is_not_regular_is_left_to_cbor2(odd: Any) -> None:
    given = [as_cbor(*each) for each in records(3, seed=2)]
    for place in range(4):
        payload = answer([*given[:place], cbor2.dumps(odd), *given[place:]], "next", 7, [], cbor=True)
        assert cbor_page.read(payload) is None
        assert len(wire.decode(payload, wire.CBOR)["Records"]) == 4


def test_an_empty_page_has_no_columns() -> None:
    assert cbor_page.read(regular([])) is None
    assert wire.decode(regular([]), wire.CBOR)["Records"] == []


def test_a_page_that_is_cut_anywhere_is_no_page() -> None:
    payload = regular([(4961 + place, 1795243055.993, b"x" * place, "k") for place in range(3)])
    assert cbor_page.read(payload) is not None
    for end in range(len(payload)):
        with pytest.raises(ServiceError):
            wire.decode(payload[:end], wire.CBOR)


def test_a_text_that_is_none_is_refused() -> None:
    payload = regular([(4961, 1795243055.993, b"x", "key"), (4962, 1795243055.993, b"x", "key")])
    with pytest.raises(ServiceError):
        wire.decode(payload.replace(b"key", b"k\xff\xff", 1), wire.CBOR)
