"""What goes over the wire: requests as JSON or CBOR, and GetRecords' answers as Arrow, with no Python per record.

CBOR is what AWS's own Java clients speak; a page is smaller and several times faster to read than as JSON. Kinesis
tags arrival times as CBOR's epoch *seconds* but means milliseconds; kinesis-local sends them untagged, and the data
as base64 text. All of these are read.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark_kinesis import schema
from pyspark_kinesis.errors import ServiceError
from pyspark_kinesis.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa

JSON = "application/x-amz-json-1.1"
CBOR = "application/x-amz-cbor-1.1"

# An arrival time above this is in milliseconds: as seconds it would be the year 5138, as milliseconds it is 1973.
_SECONDS_END = 1e11


@dataclass(frozen=True)
class Page:
    """One answer of GetRecords. ``batch`` has the source's columns; it is None when the page is empty."""

    batch: pa.RecordBatch | None
    next_iterator: str | None
    """None: the shard is closed and this was its last page."""
    millis_behind: int
    """How far the page's end is behind the stream's, as Kinesis tells it; -1 when it did not."""
    children: tuple[Shard, ...] = ()
    throttled: int = 0
    """How often Kinesis refused the request before it answered."""

    @property
    def rows(self) -> int:
        return 0 if self.batch is None else int(self.batch.num_rows)

    @property
    def nbytes(self) -> int:
        return 0 if self.batch is None else int(self.batch.nbytes)

    @property
    def last(self) -> str:
        """The sequence number of the last record. Only for a page that has records."""
        assert self.batch is not None
        return str(self.batch.column("sequenceNumber")[-1].as_py())

    @property
    def newest_ms(self) -> int:
        """The latest arrival time, in milliseconds. Only for a page that has records."""
        assert self.batch is not None
        return int(arrived_ms(self.batch).max())


def arrived_ms(batch: pa.RecordBatch) -> Any:
    """The arrival times of a batch, a numpy array of milliseconds since 1970."""
    import pyarrow as pa

    return batch.column("approximateArrivalTimestamp").cast(pa.int64()).to_numpy() // 1000


def encode(body: dict[str, Any], content_type: str) -> bytes:
    """A request's body."""
    if content_type == CBOR:
        import cbor2

        return cbor2.dumps(body)
    import orjson

    return orjson.dumps(body)


def decode(payload: bytes, content_type: str) -> Any:
    """An answer's body. ``ServiceError`` (transient) when it was cut off or is no answer at all."""
    try:
        if content_type.startswith(CBOR):
            import cbor2

            # max(value, False) is the value: it leaves the tag out without a call into Python for each record
            return cbor2.loads(payload, semantic_decoders={1: max})
        import orjson

        return orjson.loads(payload)
    except (ValueError, EOFError) as error:
        raise ServiceError(
            "InternalFailure", f"the answer of {len(payload)} bytes is not readable: {error}", 0
        ) from error


def page(answer: dict[str, Any], stream: str, shard_id: str, throttled: int = 0) -> Page:
    """GetRecords' decoded answer. ``ServiceError`` when it lacks what every record has."""
    try:
        return Page(
            batch=_batch(answer["Records"], stream, shard_id),
            next_iterator=answer.get("NextShardIterator"),
            millis_behind=-1 if answer.get("MillisBehindLatest") is None else int(answer["MillisBehindLatest"]),
            children=tuple(Shard.child(child) for child in answer.get("ChildShards") or ()),
            throttled=throttled,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError("InternalFailure", f"GetRecords' answer makes no sense: {error!r}", 0) from error


def _batch(records: list[dict[str, Any]], stream: str, shard_id: str) -> pa.RecordBatch | None:
    if not records:
        return None
    import pyarrow as pa

    count = len(records)
    first = records[0]
    if isinstance(first["Data"], str):
        for record in records:
            record["Data"] = binascii.a2b_base64(record["Data"])
    arrived = pa.int64() if isinstance(first["ApproximateArrivalTimestamp"], int) else pa.float64()
    wanted = pa.struct(
        [
            ("PartitionKey", pa.string()),
            ("Data", pa.binary()),
            ("SequenceNumber", pa.string()),
            ("ApproximateArrivalTimestamp", arrived),
        ]
    )
    key, data, sequence, arrival = pa.array(records, wanted).flatten()
    if key.null_count or data.null_count or sequence.null_count or arrival.null_count:
        raise ValueError("a record without key, data, sequence number or arrival time")
    columns = [key, data, pa.repeat(stream, count), pa.repeat(shard_id, count), sequence, _micros(arrival)]
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow())


def _micros(arrival: pa.Array) -> pa.Array:
    """Arrival times, exact to the millisecond as Kinesis has them, as Spark's timestamps."""
    import numpy as np
    import pyarrow as pa

    times = arrival.to_numpy(zero_copy_only=False)
    millis = times if times[0] > _SECONDS_END else np.rint(times * 1000.0)
    return pa.array(millis.astype(np.int64) * 1000).cast(pa.timestamp("us", tz="UTC"))
