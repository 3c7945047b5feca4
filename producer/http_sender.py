"""What senders by HTTP share: one connection, the retries, and the count of what became of each record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, ClassVar, TypedDict
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
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
from producer.tables import TableName

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FIRST_PATIENCE = 10.0  # a place that never answered is most likely not started, or the address is wrong

_IDLE_ROUNDS = 8  # a record that is refused so often, while its neighbours are taken, will not be taken


@dataclass(frozen=True)
class Failure:
    """Why a record was not taken, by its own part of an answer.

    ``uncertain``: it may be there all the same. ``throttled``: it is refused for now only.
    """

    reason: str
    uncertain: bool = False
    throttled: bool = False


class Options(TypedDict, total=False):
    """How long a sender goes on, in seconds, and as whom. :class:`HttpSender` says what each means."""

    patience: float
    timeout: tuple[float, float]
    longest_wait: float
    stop: Event | None
    auth: AuthBase | None


class HttpSender(ABC):
    """Sends one table's records to ``address``, over one pooled connection.

    Connection errors, time-outs, 429 and 5xx, and records that the place could not take, are tried again with growing,
    random waits (``longest_wait`` at most) for ``patience`` seconds (10 at most, until the place first answered); a
    record whose neighbours were taken has eight tries more, those not counted in which it was throttled. ``timeout``
    is how long one request may take to connect and to answer. All are seconds.

    Setting ``stop`` ends the retries after the request in flight, and what is not acknowledged by then has failed.
    Any other status raises :class:`~producer.senders.SendFailed` at once. ``auth`` signs each request.
    """

    RESULT: ClassVar[str]
    """What an answer holds one of for each record, in the answer's own word."""

    def __init__(
        self,
        address: str,
        table: TableName,
        *,
        patience: float = 60.0,
        timeout: tuple[float, float] = (5.0, 35.0),
        longest_wait: float = 5.0,
        stop: Event | None = None,
        auth: AuthBase | None = None,
    ) -> None:
        self.table: TableName = table
        self.address = address
        self._patience = patience
        self._timeout = timeout
        self._longest_wait = longest_wait
        self._stop = stop or Event()
        self._answered = False
        self._session = requests.Session()
        self._session.auth = auth
        # a proxy set for the outside must not get the requests to this machine
        self._session.trust_env = urlsplit(address).hostname not in _LOOPBACK
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    @abstractmethod
    def _post(self, batch: Batch) -> requests.Response:
        """Send the batch's pending records by one :meth:`_call`."""

    @abstractmethod
    def _results(self, answer: requests.Response, batch: Batch) -> list[Failure | None] | None:
        """What a 200 says of each pending record, in order, None for taken; None alone if it does not tell."""

    def _check(self, answer: requests.Response) -> None:
        """Raise :class:`Again` or :class:`Refused` unless the answer tells of each record."""
        status = f"answered {answer.status_code} {message(answer)}".rstrip()
        if answer.status_code >= 500:
            raise Again(status, uncertain=True)
        if answer.status_code == 429:
            raise Again(status)
        if answer.status_code != 200:
            raise Refused(f"{status}: check the address, and 'pinpipe status'")

    def _call(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        return self._session.request(
            method, url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, records: Sequence[Record]) -> Sent:
        """Send until each record is acknowledged or given up; see :class:`~producer.senders.Sender`."""
        if not records:
            return Sent()
        batch = Batch(records)
        patience = self._patience if self._answered else min(self._patience, _FIRST_PATIENCE)
        again = Retrying(
            retry=retry_if_exception_type(Again),
            stop=stop_after_delay(patience) | stop_when_event_set(self._stop) | _StopWhenIdle(batch),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_wait),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )
        try:
            again(self._attempt, batch)
        except Again as error:
            tries = again.statistics["attempt_number"]
            counts = batch.given_up(str(error))
            if counts.acknowledged or self._stop.is_set():
                return counts
            raise SendFailed(f"{self.address}: {error}, {tries} times: see 'pinpipe status'", counts) from None
        except Refused as error:
            raise SendFailed(f"{self.address}: {error}", batch.given_up(str(error))) from None
        return batch.given_up(None)

    def _attempt(self, batch: Batch) -> None:
        """One request with what is pending; raises :class:`Again` unless all of it is acknowledged now."""
        try:
            answer = self._post(batch)
            self._check(answer)
        except requests.RequestException as error:
            if _permanent(error):
                raise Refused(short(str(error))) from None
            if not _never_sent(error):
                batch.mark_uncertain()
            raise Again(_reason(error)) from None
        except Again as error:
            if error.uncertain:
                batch.mark_uncertain()
            raise
        self._answered = True
        results = self._results(answer, batch)
        if results is None or len(results) != len(batch.pending):
            batch.mark_uncertain()
            raise Refused(f"answered 200 without one {self.RESULT} for each of {len(batch.pending)} records")
        batch.take(results)


class Again(Exception):
    """This try did not place everything; another may. ``uncertain``: what it sent may be there all the same."""

    def __init__(self, reason: str, *, uncertain: bool = False) -> None:
        super().__init__(reason)
        self.uncertain = uncertain


class Refused(Exception):
    """No other try will do better."""


class Batch:
    """Records of one ``send``: which are pending, and which may have landed without our knowing."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._pending = list(range(len(records)))
        self._uncertain: set[int] = set()
        self.idle_rounds = 0
        """Answers in a row that acknowledged nothing, after others did."""

    @property
    def pending(self) -> list[Record]:
        return [self.records[i] for i in self._pending]

    def mark_uncertain(self) -> None:
        self._uncertain.update(self._pending)

    def take(self, results: Sequence[Failure | None]) -> None:
        """Take the acknowledged records out; raises :class:`Again` if some are left."""
        failed = [(i, result) for i, result in zip(self._pending, results, strict=True) if result]
        placed = len(self._pending) < len(self.records)
        idle = placed and len(failed) == len(self._pending) and not any(failure.throttled for _, failure in failed)
        self.idle_rounds = self.idle_rounds + 1 if idle else 0
        self._pending = [i for i, _ in failed]
        self._uncertain.update(i for i, failure in failed if failure.uncertain)
        if failed:
            raise Again(failed[0][1].reason)

    def given_up(self, error: str | None) -> Sent:
        failed = len(self._pending)
        return Sent(len(self.records) - failed, failed, len(self._uncertain), error if failed else None)


class _StopWhenIdle(stop_base):
    """Stop when a batch's last records are refused again and again, while the others were taken."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._batch.idle_rounds >= _IDLE_ROUNDS


def entries(answer: requests.Response, name: str) -> list[dict[str, Any]] | None:
    """The list of objects that an answer's JSON holds under a name; None if it does not."""
    try:
        found = answer.json()[name]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        return None
    return found


def message(answer: requests.Response) -> str:
    """What the answer says, in one short line: its JSON ``message``, or else its body."""
    try:
        found = answer.json()
        return short(str(found.get("message") or found) if isinstance(found, dict) else str(found))
    except ValueError:
        return short(answer.text)


def short(text: str) -> str:
    """A text in one line of 200 characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."


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
