"""The columns of ``format("kinesis")``, in Databricks' order; pyarrow is imported when first needed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DDL = (
    "partitionKey string, data binary, stream string, shardId string, sequenceNumber string, "
    "approximateArrivalTimestamp timestamp"
)
"""``stream`` is the name or the ARN, as the option gave it; ``data`` is what the producer put, undecoded."""


@cache
def arrow() -> pa.Schema:
    """The same for Arrow: Spark takes record batches of exactly these types."""
    import pyarrow as pa

    return pa.schema([
        ("partitionKey", pa.string()),
        ("data", pa.binary()),
        ("stream", pa.string()),
        ("shardId", pa.string()),
        ("sequenceNumber", pa.string()),
        ("approximateArrivalTimestamp", pa.timestamp("us", tz="UTC")),
    ])  # fmt: skip
