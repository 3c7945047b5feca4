"""Answers of GetRecords as Arrow: the spellings of AWS and of the emulators, and answers that are none."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import cbor2
import orjson
import pytest

from pyspark_kinesis import schema, wire
from pyspark_kinesis.errors import ServiceError
from pyspark_kinesis.shards import Shard
from tests.support.fake_kinesis_wire import answer, as_cbor, as_json

pytestmark = pytest.mark.kinesis

ARRIVED = 1795243055.993
RECORDS = [(4961, ARRIVED, b"\x00\xff", "één"), (4977, ARRIVED + 1.007, b"", "b"), (4993, ARRIVED, b"xyz", "🙂")]
ROWS = [
    {
        "partitionKey": key,
        "data": data,
        "stream": "pins",
        "shardId": "shardId-0",
        "sequenceNumber": str(sequence),
        "approximateArrivalTimestamp": datetime(2026, 11, 21, 6, 37, second, micros, tzinfo=UTC),
    }
    for (sequence, _, data, key), (second, micros) in zip(RECORDS, [(35, 993_000), (37, 0), (35, 993_000)], strict=True)
]


def page(payload: bytes, kind: str) -> wire.Page:
    return wire.page(wire.decode(payload, kind), "pins", "shardId-0")


def spelled(kind: str) -> bytes:
    """As AWS spells it."""
    if kind == wire.CBOR:
        return answer([as_cbor(*record) for record in RECORDS], "next", 60_000, [], cbor=True)
    return answer([as_json(*record) for record in RECORDS], "next", 60_000, [], cbor=False)


def record(arrived: Any = ARRIVED, data: Any = b"xyz", **other: Any) -> dict[str, Any]:
    return {
        "PartitionKey": "k",
        "Data": data,
        "SequenceNumber": "49",
        "ApproximateArrivalTimestamp": arrived,
        **other,
    }


@pytest.mark.parametrize("kind", [wire.CBOR, wire.JSON])
def test_both_spellings_of_aws_give_the_same_rows(kind: str) -> None:
    found = page(spelled(kind), kind)
    assert found.batch is not None
    assert found.batch.schema == schema.arrow()
    assert found.batch.to_pylist() == ROWS
    found.batch.validate(full=True)
    assert (found.next_iterator, found.millis_behind, found.rows) == ("next", 60_000, 3)
    assert (found.last, found.newest_ms, found.caught_up) == ("4993", 1795243057000, False)


@pytest.mark.parametrize(
    "arrived",
    [1795243055993, cbor2.CBORTag(1, 1795243055.993), cbor2.CBORTag(1, 1795243055993)],
    ids=["plain milliseconds", "tagged seconds", "tagged milliseconds"],
)
@pytest.mark.parametrize("data", [b"xyz", base64.b64encode(b"xyz").decode()], ids=["bytes", "base64"])
def test_spellings_of_the_emulators_in_cbor(arrived: Any, data: Any) -> None:
    found = page(cbor2.dumps({"Records": [record(arrived, data)], "MillisBehindLatest": 0}), wire.CBOR)
    assert found.batch is not None
    assert found.batch.column("data").to_pylist() == [b"xyz"]
    assert wire.arrived_ms(found.batch).tolist() == [1795243055993]


def test_whole_seconds_among_fractions_are_read() -> None:
    rows = [record(1795243055, "eHl6"), record(1795243055.5, "eHl6")]
    found = page(orjson.dumps({"Records": rows, "MillisBehindLatest": 0}), wire.JSON)
    assert found.batch is not None
    assert wire.arrived_ms(found.batch).tolist() == [1795243055000, 1795243055500]


def test_arrival_times_of_a_slice_are_the_slices() -> None:
    batch = page(spelled(wire.CBOR), wire.CBOR).batch
    assert batch is not None
    assert wire.arrived_ms(batch.slice(1, 1)).tolist() == [1795243057000]


def test_the_last_page_of_a_closed_shard_names_its_children() -> None:
    child = {"ShardId": "shardId-1", "ParentShards": ["shardId-0"], "HashKeyRange": {}}
    found = page(cbor2.dumps({"Records": [], "MillisBehindLatest": 0, "ChildShards": [child]}), wire.CBOR)
    assert (found.batch, found.next_iterator, found.rows, found.nbytes) == (None, None, 0, 0)
    assert found.children == (Shard("shardId-1", ("shardId-0",)),)


@pytest.mark.parametrize(("behind", "caught_up"), [(0, True), (1, False), (None, True)])
def test_an_empty_page_is_the_end_only_where_nothing_is_behind_it(behind: int | None, caught_up: bool) -> None:
    body = {"Records": [], "NextShardIterator": "n"} | ({} if behind is None else {"MillisBehindLatest": behind})
    assert page(orjson.dumps(body), wire.JSON).caught_up is caught_up


def test_a_page_with_records_is_never_proof_of_the_end() -> None:
    assert not page(cbor2.dumps({"Records": [record()], "MillisBehindLatest": 0}), wire.CBOR).caught_up


@pytest.mark.parametrize("kind", [wire.CBOR, wire.JSON])
def test_an_answer_cut_anywhere_is_an_error_worth_asking_again(kind: str) -> None:
    payload = spelled(kind)
    for end in range(1, len(payload), 7):
        with pytest.raises(ServiceError, match="is not readable") as raised:
            wire.decode(payload[:end], kind)
        assert raised.value.transient


@pytest.mark.parametrize("field", ["PartitionKey", "Data", "SequenceNumber", "ApproximateArrivalTimestamp"])
def test_a_record_that_lacks_something_is_refused(field: str) -> None:
    for broken in (record(**{field: None}), {key: value for key, value in record().items() if key != field}):
        with pytest.raises(ServiceError, match="makes no sense"):
            wire.page({"Records": [record(), broken], "MillisBehindLatest": 0}, "pins", "shardId-0")


def test_requests_are_written_in_the_asked_spelling() -> None:
    body = {"ShardIterator": "AAA", "Limit": 5}
    assert cbor2.loads(wire.encode(body, wire.CBOR)) == body
    assert orjson.loads(wire.encode(body, wire.JSON)) == body


def test_reading_a_page_imports_nothing_that_slows_a_start() -> None:
    program = (
        "import sys; from pyspark_kinesis import spool, wire; "
        f"page = wire.page({{'Records': [{record()!r}], 'MillisBehindLatest': 0}}, 's', 'i'); "
        "assert page.last == '49' and page.newest_ms; "
        "assert spool.load(spool.MemoryStore(1).put(page.batch).place).slice(0, 1).num_rows == 1; "
        "print([name for name in ('pandas', 'boto3', 'botocore.client', 'pyspark.pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
