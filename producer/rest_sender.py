"""Sends records to a Kafka REST proxy (API v2), directly or behind the API gateway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.stop import stop_base
from urllib3.exceptions import NewConnectionError

from producer.senders import Record, SendFailed, Sent
from producer.tables import TABLES, TableName

_HEADERS = {
    "Content-Type": "application/vnd.kafka.json.v2+json",
    "Accept": "application/vnd.kafka.v2+json, application/json",
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FIRST_PATIENCE = 10.0  # a place that never answered is most likely not started, or the address is wrong

_IDLE_ROUNDS = 8  # a record that is refused so often, while its neighbours are taken, will not be taken


class RestSender:
    """Sends one table's records by ``POST {invoke_url}/topics/{topic}``, over one pooled connection.

    Connection errors, time-outs, 429 and 5xx, and records that the proxy could not place, are tried again with growing,
    random waits (``longest_wait`` at most) for ``patience`` seconds (10 at most, until the place first answered); a
    record whose neighbours were taken has eight tries more. ``timeout`` is how long one request may take to connect
    and to answer. All are seconds.

    Setting ``stop`` ends the retries after the request in flight, and what is not acknowledged by then has failed.
    Any other status raises :class:`~producer.senders.SendFailed` at once.
    """

    def __init__(
        self,
        invoke_url: str,
        topic: str,
        table: TableName,
        *,
        patience: float = 60.0,
        timeout: tuple[float, float] = (5.0, 35.0),
        longest_wait: float = 5.0,
        stop: Event | None = None,
    ) -> None:
        self.table: TableName = table
        self.address = f"{invoke_url.rstrip('/')}/topics/{topic}"
        self._patience = patience
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._stop = stop or Event()
        self._answered = False
        self._session = requests.Session()
        # a proxy set for the outside must not get the requests to this machine
        self._session.trust_env = urlsplit(invoke_url).hostname not in _LOOPBACK
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, records: Sequence[Record]) -> Sent:
        """Send until each record is acknowledged or given up; see :class:`~producer.senders.Sender`."""
        if not records:
            return Sent()
        batch = _Batch(records)
        patience = self._patience if self._answered else min(self._patience, _FIRST_PATIENCE)
        again = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_delay(patience) | stop_when_event_set(self._stop) | _StopWhenIdle(batch),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_wait),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )
        try:
            again(self._attempt, batch)
        except _Again as error:
            tries = again.statistics["attempt_number"]
            counts = batch.given_up(str(error))
            if counts.acknowledged or self._stop.is_set():
                return counts
            raise SendFailed(f"{self.address}: {error}, {tries} times: see 'pinpipe status'", counts) from None
        except _Refused as error:
            raise SendFailed(f"{self.address}: {error}", batch.given_up(str(error))) from None
        return batch.given_up(None)

    def _attempt(self, batch: _Batch) -> None:
        """One request with what is pending; raises :class:`_Again` unless all of it is acknowledged now."""
        try:
            answer = self._session.post(
                self.address, data=batch.body(), headers=_HEADERS, timeout=self._timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            if _permanent(error):
                raise _Refused(_short(str(error))) from None
            if not _never_sent(error):
                batch.mark_uncertain()
            raise _Again(_reason(error)) from None
        status = f"answered {answer.status_code} {_message(answer)}".rstrip()
        if answer.status_code >= 500:
            batch.mark_uncertain()
            raise _Again(status)
        if answer.status_code == 429:
            raise _Again(status)
        if answer.status_code != 200:
            raise _Refused(f"{status}: check the address, and 'pinpipe status'")
        self._answered = True
        batch.read(answer)


class _StopWhenIdle(stop_base):
    """Stop when a batch's last records are refused again and again, while the others were taken."""

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch

    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._batch.idle_rounds >= _IDLE_ROUNDS


class _Again(Exception):
    """This try did not place everything; another may."""


class _Refused(Exception):
    """No other try will do better."""


class _Batch:
    """Records of one ``send``: which are pending, and which may have landed without our knowing."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._pending = list(range(len(records)))
        self._uncertain: set[int] = set()
        self.idle_rounds = 0
        """Answers in a row that acknowledged nothing, after others did."""

    def body(self) -> bytes:
        records = [{"key": self._records[i].key, "value": self._records[i].value} for i in self._pending]
        return json.dumps({"records": records}, ensure_ascii=False, separators=(",", ":")).encode()

    def mark_uncertain(self) -> None:
        self._uncertain.update(self._pending)

    def read(self, answer: requests.Response) -> None:
        """Take the acknowledged records out, by each record's own ``error_code``."""
        offsets = _offsets(answer)
        if offsets is None or len(offsets) != len(self._pending):
            self.mark_uncertain()
            raise _Refused(f"answered 200 without one offset for each of {len(self._pending)} records")
        failed = [(i, entry) for i, entry in zip(self._pending, offsets, strict=True) if entry.get("error_code")]
        placed = len(self._pending) < len(self._records)
        self.idle_rounds = self.idle_rounds + 1 if placed and len(failed) == len(self._pending) else 0
        self._pending = [i for i, _ in failed]
        # Kafka's own time-out leaves it open whether the record is in the log
        self._uncertain.update(i for i, entry in failed if "timed out" in str(entry.get("error")).lower())
        if failed:
            code, error = failed[0][1]["error_code"], failed[0][1].get("error")
            raise _Again(f"a record was answered {code} {_short(str(error))}".rstrip())

    def given_up(self, error: str | None) -> Sent:
        failed = len(self._pending)
        return Sent(len(self._records) - failed, failed, len(self._uncertain), error if failed else None)


def rest_senders(
    invoke_url: str, user_id: str, *, stop: Event | None = None, patience: float = 60.0
) -> list[RestSender]:
    """The senders of the three tables, to the topics ``<UserId>.pin``, ``.geo`` and ``.user``."""
    return [RestSender(invoke_url, f"{user_id}.{table}", table, stop=stop, patience=patience) for table in TABLES]


def _offsets(answer: requests.Response) -> list[dict[str, Any]] | None:
    try:
        offsets = answer.json()["offsets"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(offsets, list) or not all(isinstance(entry, dict) for entry in offsets):
        return None
    return offsets


def _message(answer: requests.Response) -> str:
    """What the answer says, in one short line: its JSON ``message``, or else its body."""
    try:
        found = answer.json()
        return _short(str(found.get("message") or found) if isinstance(found, dict) else str(found))
    except ValueError:
        return _short(answer.text)


def _permanent(error: requests.RequestException) -> bool:
    """Whether the address itself is wrong, or the certificate."""
    wrong = (requests.exceptions.SSLError, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
    return isinstance(error, (*wrong, requests.exceptions.MissingSchema))


def _never_sent(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have landed."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    return isinstance(getattr(error.args[0] if error.args else None, "reason", None), NewConnectionError)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "did not answer in time"
    if _never_sent(error):
        return "refused the connection"
    return "broke the connection off"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."
