"""GetRecords' answer in CBOR, read a column at a time: arithmetic on whole columns, no Python object for each value.

The records of a page have the same keys in the same order, so the first one tells where to look in the others. Each
header is looked at and each record must end where the next one begins; a page that is not so is left to ``cbor2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Numbers = npt.NDArray[np.int64]

_NONE, _MAP, _MAP_TO_BREAK, _ARRAY, _ARRAY_TO_BREAK, _BREAK = 0x80, 0xA0, 0xBF, 0x80, 0x9F, 0xFF
_BYTES, _TEXT = 2, 3
_TIME = b"\xc1\x1b"
"""The tag of a time, and the head of a number of eight bytes."""
_FIELDS = {"Data": _BYTES, "PartitionKey": _TEXT, "SequenceNumber": _TEXT, "EncryptionType": _TEXT}


class _NotRegularError(Exception):
    """The page is not one that can be read in this way."""


@dataclass(frozen=True)
class Columns:
    """A page's records: texts, bytes, texts, and milliseconds since 1970."""

    keys: pa.Array
    data: pa.Array
    sequences: pa.Array
    arrived: Numbers


def read(payload: bytes) -> tuple[Columns, bytes] | None:
    """The records, and the answer without them, still in CBOR. None when there are none, or not in a regular form."""
    import numpy as np

    try:
        return _Page(payload, np.frombuffer(payload, np.uint8)).read()
    except (_NotRegularError, IndexError, ValueError):  # Arrow's own errors are ValueErrors
        return None


class _Page:
    def __init__(self, payload: bytes, raw: npt.NDArray[np.uint8]) -> None:
        self._payload = payload
        self._raw = raw

    def read(self) -> tuple[Columns, bytes]:
        import numpy as np

        at = self._payload.index(b"\x67Records") + 8
        first, count = self._array(at)
        names = self._names(first)
        if not {"Data", "PartitionKey", "SequenceNumber", "ApproximateArrivalTimestamp"} <= set(names):
            raise _NotRegularError
        starts = self._starts(first, names[0])
        if count not in (None, len(starts)):
            raise _NotRegularError
        here = starts + 1
        found: dict[str, Any] = {}
        for name in names:
            here = self._past(here, _head(name))
            if name == "ApproximateArrivalTimestamp":
                here = self._past(here, _TIME)
                found[name] = self._from(here, 8).view(">i8")[:, 0]
                here = here + 8
            else:
                begins, ends = self._bounds(here, _FIELDS.get(name))
                found[name] = begins, ends, _FIELDS[name]
                here = ends
        if self._raw[first] == _MAP_TO_BREAK:
            here = self._past(here, bytes([_BREAK]))
        if (here[:-1] != starts[1:]).any():
            raise _NotRegularError
        after = int(here[-1])
        if count is None:
            after = int(self._past(here[-1:], bytes([_BREAK]))[0])
        columns = Columns(
            keys=self._column(*found["PartitionKey"]),
            data=self._column(*found["Data"]),
            sequences=self._column(*found["SequenceNumber"]),
            arrived=found["ApproximateArrivalTimestamp"].astype(np.int64),
        )
        return columns, self._payload[:at] + bytes([_NONE]) + self._payload[after:]

    def _array(self, at: int) -> tuple[int, int | None]:
        """Where an array's first element is, and how many it has, where it says that."""
        head = self._payload[at]
        if head == _ARRAY_TO_BREAK:
            return at + 1, None
        kind, info = head & 0xE0, head & 0x1F
        if kind != _ARRAY or info > 26:
            raise _NotRegularError
        if info < 24:
            return at + 1, info
        size = 1 << (info - 24)
        return at + 1 + size, int.from_bytes(self._payload[at + 1 : at + 1 + size], "big")

    def _names(self, first: int) -> list[str]:
        """The keys of the first record, in their order."""
        import io

        import cbor2

        opening = self._payload[first]
        if opening != _MAP_TO_BREAK and not _MAP < opening < _MAP + 24:
            raise _NotRegularError
        stream = io.BytesIO(self._payload)
        stream.seek(first)
        return list(cbor2.CBORDecoder(stream, semantic_decoders={1: max}).decode())

    def _starts(self, first: int, name: str) -> Numbers:
        """Where the records begin: wherever there is what the first one begins with."""
        import numpy as np

        opening = self._payload[first : first + 1] + _head(name)
        begins = first + np.flatnonzero(self._raw[first : len(self._raw) - len(opening)] == opening[0])
        found: Numbers = begins[(self._from(begins, len(opening)) == np.frombuffer(opening, np.uint8)).all(axis=1)]
        return found

    def _from(self, here: Numbers, length: int) -> npt.NDArray[np.uint8]:
        """So many bytes from each of the places on, a row each."""
        import numpy as np

        return np.lib.stride_tricks.sliding_window_view(self._raw, length)[here]

    def _past(self, here: Numbers, wanted: bytes) -> Numbers:
        """Behind these bytes, which must be in each of the places."""
        import numpy as np

        if (self._from(here, len(wanted)) != np.frombuffer(wanted, np.uint8)).any():
            raise _NotRegularError
        return here + len(wanted)

    def _bounds(self, here: Numbers, kind: int | None) -> tuple[Numbers, Numbers]:
        """Begin and end of the text or bytes whose header is in each of the places."""
        import numpy as np

        heads = self._raw[here]
        info = (heads & 0x1F).astype(np.int64)
        if kind is None or (heads >> 5 != kind).any() or (info > 26).any():
            raise _NotRegularError
        size = np.where(info < 24, 0, 1 << np.maximum(info - 24, 0))
        length = info
        for width in (1, 2, 4):
            wide = size == width
            if wide.any():
                length[wide] = self._from(here[wide] + 1, width).view(f">u{width}")[:, 0]
        begins = here + 1 + size
        return begins, begins + length

    def _column(self, begins: Numbers, ends: Numbers, kind: int) -> pa.Array:
        """The values between these places, copied together by Arrow: every second one of what lies between them all."""
        import numpy as np
        import pyarrow as pa
        from pyarrow._compute import call_function  # pyarrow.compute makes 400 functions of it, which costs a start

        if ends[-1] > len(self._payload):
            raise _NotRegularError
        bounds = np.stack([begins, ends], axis=1).ravel().astype(np.int32)
        every_second = np.arange(0, len(bounds) - 1, 2, dtype=np.int32)

        def array(of: pa.DataType, length: int, *buffers: Any) -> pa.Array:
            return pa.Array.from_buffers(of, length, [None, *map(pa.py_buffer, buffers)])

        values = array(pa.string() if kind == _TEXT else pa.binary(), len(bounds) - 1, bounds, self._payload)
        column = call_function("take", [values, array(pa.int32(), len(begins), every_second)])
        column.validate(full=kind == _TEXT)  # Spark would take any bytes for text
        return column


def _head(name: str) -> bytes:
    """A key as it is written: all of Kinesis' have fewer than 256 letters."""
    text = name.encode()
    return (bytes([0x60 + len(text)]) if len(text) < 24 else bytes([0x78, len(text)])) + text
