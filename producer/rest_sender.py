"""Sends records to a Kafka REST proxy (API v2), directly or behind the API gateway."""

from __future__ import annotations

import json
from typing import Any, Unpack

import requests

from producer.http_sender import Batch, Failure, HttpSender, Options, entries, short
from producer.tables import TABLES, TableName

_HEADERS = {
    "Content-Type": "application/vnd.kafka.json.v2+json",
    "Accept": "application/vnd.kafka.v2+json, application/json",
}


class RestSender(HttpSender):
    """Sends one table's records by ``POST {invoke_url}/topics/{topic}``; see :class:`~producer.http_sender.HttpSender`.

    Each record's own ``error_code`` tells whether it was taken.
    """

    RESULT = "offset"

    def __init__(self, invoke_url: str, topic: str, table: TableName, **options: Unpack[Options]) -> None:
        super().__init__(f"{invoke_url.rstrip('/')}/topics/{topic}", table, **options)

    def _post(self, batch: Batch) -> requests.Response:
        records = [{"key": record.key, "value": record.value} for record in batch.pending]
        body = json.dumps({"records": records}, ensure_ascii=False, separators=(",", ":")).encode()
        return self._call("POST", self.address, body, _HEADERS)

    def _results(self, answer: requests.Response, batch: Batch) -> list[Failure | None] | None:
        offsets = entries(answer, "offsets")
        return None if offsets is None else [_failure(entry) for entry in offsets]


def _failure(entry: dict[str, Any]) -> Failure | None:
    if not entry.get("error_code"):
        return None
    error = str(entry.get("error"))
    return Failure(
        f"a record was answered {entry['error_code']} {short(error)}".rstrip(),
        # Kafka's own time-out leaves it open whether the record is in the log
        uncertain="timed out" in error.lower(),
    )


def rest_senders(invoke_url: str, user_id: str, **options: Unpack[Options]) -> list[RestSender]:
    """The senders of the three tables, to the topics ``<UserId>.pin``, ``.geo`` and ``.user``."""
    return [RestSender(invoke_url, f"{user_id}.{table}", table, **options) for table in TABLES]
