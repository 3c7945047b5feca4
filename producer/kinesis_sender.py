"""Sends records to Kinesis through the API gateway's ``/streams`` methods."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import requests

from producer.http_sender import Again, Batch, Failure, HttpSender, Options, Refused, entries, message, short
from producer.senders import Record, SendFailed, Sent
from producer.tables import TABLES, TableName

MAX_RECORDS = 500
"""What one PutRecords takes, by Kinesis's own limit."""

_HEADERS = {"Content-Type": "application/json"}

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "KMSThrottlingException",
        "LimitExceededException",
        "ThrottlingException",
    }
)
_UNCERTAIN = frozenset({"InternalFailure", "InternalFailureException", "ServiceUnavailable"})
"""Error codes that leave it open whether the record is in the stream."""


class KinesisSender(HttpSender):
    """Sends one table's records to a stream, keyed by ``ind``; see :class:`~producer.http_sender.HttpSender`.

    A single record goes as the course sends it, an object by ``PUT {invoke_url}/streams/{stream}/record``; several go
    by ``/records``, up to 500 in a request, each a JSON text. Each record's own ``ErrorCode`` tells whether it was
    taken, never ``FailedRecordCount``, which LocalStack counts wrong.
    """

    RESULT = "result"

    def __init__(self, invoke_url: str, stream: str, table: TableName, **options: Unpack[Options]) -> None:
        super().__init__(f"{invoke_url.rstrip('/')}/streams/{stream}", table, **options)
        self._stream = stream

    def send(self, records: Sequence[Record]) -> Sent:
        """Send until each record is acknowledged or given up, 500 at a time."""
        counts = Sent()
        for start in range(0, len(records), MAX_RECORDS):
            try:
                counts += super().send(records[start : start + MAX_RECORDS])
            except SendFailed as error:
                counts += error.counts
                unsent = Sent(failed=len(records) - counts.sent)
                raise SendFailed(str(error), counts + unsent) from None
        return counts

    def _post(self, batch: Batch) -> requests.Response:
        path: str
        body: Mapping[str, Any]
        if len(batch.records) == 1:
            [record] = batch.pending
            path = "record"
            body = {"StreamName": self._stream, "Data": record.value, "PartitionKey": str(record.key)}
        else:
            path = "records"
            body = {
                "records": [{"data": _json(record.value), "partition-key": str(record.key)} for record in batch.pending]
            }
        return self._call("PUT", f"{self.address}/{path}", _json(body).encode(), _HEADERS)

    def _check(self, answer: requests.Response) -> None:
        # the course's API answers 200 for every error of Kinesis, ours keeps the status: the error's name decides
        error = _error(answer)
        if error in _THROTTLED:
            raise Again(f"answered {error} {message(answer)}")
        if error in _UNCERTAIN:
            raise Again(f"answered {error} {message(answer)}", uncertain=True)
        if error and answer.status_code in (200, 400):
            hint = "run 'pinpipe provision'" if error == "ResourceNotFoundException" else "see 'pinpipe status'"
            raise Refused(f"answered {error} {message(answer)}: {hint}")
        super()._check(answer)

    def _results(self, answer: requests.Response, batch: Batch) -> list[Failure | None] | None:
        results = entries(answer, "Records") if len(batch.records) > 1 else [_object(answer)]
        if results is None or not all(result.get("ErrorCode") or result.get("SequenceNumber") for result in results):
            return None
        return [_failure(result) for result in results]


def _failure(result: dict[str, Any]) -> Failure | None:
    code = result.get("ErrorCode")
    if not code:
        return None
    reason = f"a record was answered {code} {short(str(result.get('ErrorMessage') or ''))}".rstrip()
    return Failure(reason, uncertain=code in _UNCERTAIN, throttled=code in _THROTTLED)


def _object(answer: requests.Response) -> dict[str, Any]:
    """The JSON object that an answer is; an empty one if it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(answer: requests.Response) -> str | None:
    """The name of the AWS error that an answer tells of; None for none."""
    return str(_object(answer).get("__type", "")).rpartition("#")[2] or None


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def kinesis_senders(invoke_url: str, user_id: str, **options: Unpack[Options]) -> list[KinesisSender]:
    """The senders of the three tables, to the streams ``streaming-<UserId>-pin``, ``-geo`` and ``-user``."""
    return [KinesisSender(invoke_url, f"streaming-{user_id}-{table}", table, **options) for table in TABLES]
