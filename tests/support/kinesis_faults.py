"""API Gateway's Kinesis methods, failing on demand: a fake, for faults that LocalStack can't be made to show.

The real path, through a real gateway into a real stream, is tested in ``tests/stack``.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from tests.support.rest_faults import Answer, Fault, FaultyProxy, faulty_proxy

THROTTLED = "ProvisionedThroughputExceededException"


def key_of(record: dict[str, Any]) -> str:
    """A record's partition key, in the spelling of /record or of /records."""
    key: str = record["PartitionKey"] if "PartitionKey" in record else record["partition-key"]
    return key


def keys(proxy: FaultyProxy) -> list[list[str]]:
    """The records' partition keys, request by request."""
    return [[key_of(record) for record in records] for _, _, records in proxy.requests]


def put(records: list[dict[str, Any]]) -> Answer:
    """What PutRecord or PutRecords answers when all is well."""
    taken = [{"SequenceNumber": f"4958{i}", "ShardId": "shardId-000000000000"} for i in range(len(records))]
    if "PartitionKey" in records[0]:
        return 200, taken[0]
    return 200, {"FailedRecordCount": 0, "Records": taken}


def refuse(*refused: str, code: str = THROTTLED, count: int | None = None) -> Fault:
    """PutRecords takes all records but those with these keys; ``count`` is the count it claims, if not the true one."""

    def fault(records: list[dict[str, Any]]) -> Answer:
        status, body = put(records)
        for place, record in enumerate(records):
            if key_of(record) in refused:
                body["Records"][place] = {"ErrorCode": code, "ErrorMessage": "Rate exceeded for shard"}
        failed = sum("ErrorCode" in entry for entry in body["Records"])
        return status, body | {"FailedRecordCount": failed if count is None else count}

    return fault


def error(name: str, status: int = 400) -> Fault:
    """The whole request is answered by an error of Kinesis."""
    return lambda records: (status, {"__type": name, "message": "no"})


def faulty_gateway() -> AbstractContextManager[FaultyProxy]:
    """A gateway that answers the first requests by its ``faults``, then takes all."""
    return faulty_proxy(taken=put)
