"""What goes over the wire: requests as JSON or CBOR, and GetRecords' answers as Arrow, with no Python per record.

CBOR is what AWS's own Java clients speak; a page is smaller and several times faster to read than as JSON. Kinesis
tags arrival times as CBOR's epoch *seconds* but means milliseconds; kinesis-local sends them untagged, and the data
as base64 text. All of these are read.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pyspark_kinesis import cbor_page, schema
from pyspark_kinesis.cbor_page import Columns
from pyspark_kinesis.errors import ServiceError
from pyspark_kinesis.shards import Shard

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
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
    """How far the page's end is behind the stream's, as Kinesis tells it; -1 when it did not (as if at the end)."""
    children: tuple[Shard, ...] = ()
    throttled: int = 0
    """How often Kinesis refused the request before it answered."""

    @property
    def caught_up(self) -> bool:
        """Whether nothing is left behind it. A page with records is no proof: emulators say 0 too early."""
        return self.batch is None and self.millis_behind <= 0

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


def arrived_ms(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """The arrival times of a batch, in milliseconds since 1970."""
    import numpy as np

    column = batch.column("approximateArrivalTimestamp")
    # not to_numpy, which imports pandas and so costs every start of a query half a second
    micros = np.frombuffer(column.buffers()[1], np.int64, count=len(column), offset=column.offset * 8)
    return micros // 1000


def encode(body: dict[str, Any], content_type: str) -> bytes:
    """A request's body."""
    if content_type == CBOR:
        import cbor2

        return cbor2.dumps(body)
    import orjson

    return orjson.dumps(body)


def decode(payload: bytes, content_type: str) -> Any:
    """An answer's body. ``ServiceError`` (transient) when it was cut off or is no answer at all."""
    unreadable: tuple[type[Exception], ...] = (ValueError,)
    try:
        if content_type.startswith(CBOR):
            import cbor2

            unreadable = (cbor2.CBORError, ValueError)
            columns, payload = cbor_page.read(payload) or (None, payload)
            # max(value, False) is the value: it leaves the tag out without a call into Python for each record
            answer = cbor2.loads(payload, semantic_decoders={1: max})
            return answer if columns is None else {**answer, "Records": columns}
        import orjson

        return orjson.loads(payload)
    except unreadable as error:
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


def _batch(records: Columns | list[dict[str, Any]], stream: str, shard_id: str) -> pa.RecordBatch | None:
    """The records as Arrow, by way of buffers: ``pa.array`` would import pandas, half a second at every start."""
    if not records:
        return None
    import pyarrow as pa

    columns = records if isinstance(records, Columns) else _columns(records)
    count = len(columns.arrived)
    micros = pa.py_buffer(columns.arrived * 1000)
    arrays = [
        columns.keys,
        columns.data,
        _repeated(stream, count),
        _repeated(shard_id, count),
        columns.sequences,
        pa.Array.from_buffers(pa.timestamp("us", tz="UTC"), count, [None, micros]),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow())


def _columns(records: list[dict[str, Any]]) -> Columns:
    """Decoded records, by column."""
    import pyarrow as pa

    data = [*map(itemgetter("Data"), records)]
    if isinstance(data[0], str):
        data = [*map(binascii.a2b_base64, data)]
    keys, sequences = (
        _array(pa.string(), [*map(str.encode, map(itemgetter(name), records))])
        for name in ("PartitionKey", "SequenceNumber")
    )
    return Columns(keys, _array(pa.binary(), data), sequences, _times(records))


def _array(kind: pa.DataType, values: list[bytes]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    bounds = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=bounds[1:])
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(bounds), pa.py_buffer(b"".join(values))])


def _repeated(value: str, count: int) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    encoded = value.encode()
    bounds = np.arange(0, len(encoded) * count + 1, len(encoded), dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(bounds), pa.py_buffer(encoded * count))


def _times(records: list[dict[str, Any]]) -> npt.NDArray[np.int64]:
    """Arrival times, exact to the millisecond as Kinesis has them."""
    import numpy as np

    times = np.fromiter(map(itemgetter("ApproximateArrivalTimestamp"), records), np.float64, len(records))
    if not np.isfinite(times).all():
        raise ValueError("a record without its arrival time")
    return np.rint(times if times[0] > _SECONDS_END else times * 1000.0).astype(np.int64)
