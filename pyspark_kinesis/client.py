"""The four calls of Kinesis that reading takes, signed by botocore, sent by urllib3, repeated by tenacity."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pyspark_kinesis import credentials, wire
from pyspark_kinesis.errors import CredentialsError, ServiceError
from pyspark_kinesis.options import Connection
from pyspark_kinesis.position import AfterSequence, AtTimestamp, Position
from pyspark_kinesis.shards import Shard

if TYPE_CHECKING:
    from tenacity import RetryCallState

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
"""How long a call that gets no answer, or a failure of the service, is repeated. Throttled calls are for good."""
DEFAULT_RETENTION_MS = 24 * 3600 * 1000
# what endpoints say that read JSON only: AWS's name for a body it can't read, HTTP's, and those of proxies
_NO_CBOR = frozenset({"SerializationException", "UnsupportedMediaType", "HTTP 400", "HTTP 406", "HTTP 415"})


@dataclass(frozen=True)
class StreamSummary:
    """What DescribeStreamSummary tells; ``created`` (milliseconds since 1970) is None where it is not allowed."""

    created: int | None = None
    retention_ms: int = DEFAULT_RETENTION_MS


class KinesisClient:
    """Calls one endpoint as one identity; many threads may share it."""

    def __init__(self, connection: Connection, retry_seconds: float = RETRY_SECONDS) -> None:
        """``OptionError`` or ``CredentialsError`` when nothing says where to call, or as whom. Calls nothing yet."""
        import urllib3
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        identity = credentials.resolve(connection)
        self._url = identity.url + "/"
        self._credentials = identity.credentials
        self._signer: Callable[[Any], Any] = lambda frozen: SigV4Auth(frozen, "kinesis", identity.region)
        self._request = AWSRequest
        self._pages = wire.CBOR if connection.cbor else wire.JSON
        self._http = urllib3.PoolManager(
            maxsize=64, retries=False, timeout=urllib3.Timeout(connect=5, read=30), ca_certs=_authorities(self._url)
        )
        self._no_answer = urllib3.exceptions.HTTPError
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._clock: tuple[int, float] | None = None

    def describe(self, stream: str) -> StreamSummary:
        """When the stream was created and how long it keeps records."""
        try:
            answer, _ = self._call("DescribeStreamSummary", _named(stream))
        except ServiceError as error:
            if error.code not in ("AccessDeniedException", "UnknownOperationException"):
                raise
            log.warning(
                "DescribeStreamSummary of %s is not allowed: if it is created again, that may show late", stream
            )
            return StreamSummary()
        summary = answer["StreamDescriptionSummary"]
        created = summary.get("StreamCreationTimestamp")
        return StreamSummary(
            created=None if created is None else round(created * 1000),
            retention_ms=int(summary.get("RetentionPeriodHours") or 24) * 3600 * 1000,
        )

    def list_shards(self, stream: str, at_once: int, stop: threading.Event | None = None) -> list[Shard]:
        """All shards that hold records or will, closed ones included."""
        shards: list[Shard] = []
        body: dict[str, Any] = {**_named(stream), "MaxResults": at_once}
        while True:
            answer, _ = self._call("ListShards", body, stop=stop)
            shards += map(Shard.listed, answer["Shards"])
            if not answer.get("NextToken"):
                return shards
            body = {"NextToken": answer["NextToken"], "MaxResults": at_once}

    def shard_iterator(
        self, stream: str, shard_id: str, position: Position, stop: threading.Event | None = None
    ) -> str:
        """An iterator for the first record at ``position``; it lives for five minutes."""
        body: dict[str, Any] = {**_named(stream), "ShardId": shard_id}
        match position:
            case AfterSequence(sequence):
                body |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
            case AtTimestamp(millis):
                body |= {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": millis / 1000}
            case _:
                body |= {"ShardIteratorType": "TRIM_HORIZON"}
        return str(self._call("GetShardIterator", body, stop=stop)[0]["ShardIterator"])

    def get_records(
        self, iterator: str, limit: int, stream: str, shard_id: str, stop: threading.Event | None = None
    ) -> wire.Page:
        """The next records of a shard, as Arrow."""
        body = {"ShardIterator": iterator, "Limit": limit}
        try:
            answer, throttled = self._call("GetRecords", body, self._pages, stop)
        except ServiceError as error:
            if self._pages == wire.JSON or error.code not in _NO_CBOR:
                raise
            log.warning("%s does not speak CBOR (%s): going on with JSON", self._url, error)
            self._pages = wire.JSON
            answer, throttled = self._call("GetRecords", body, self._pages, stop)
        return wire.page(answer, stream, shard_id, throttled)

    def now_ms(self) -> int:
        """Kinesis' own clock by the last answer: at most a second early and never late."""
        if self._clock is None:
            return int(time.time() * 1000) - 1000
        stamp, seen = self._clock
        return stamp + int((time.monotonic() - seen) * 1000)

    def count(self, what: str) -> None:
        """Count a call, or an event beside the calls."""
        with self._lock:
            self._counted[what] += 1

    def counted(self) -> dict[str, int]:
        """How many calls were made, throttled, repeated, and so on, since the start."""
        with self._lock:
            return dict(sorted(self._counted.items()))

    def _call(
        self, target: str, body: dict[str, Any], content_type: str = wire.JSON, stop: threading.Event | None = None
    ) -> tuple[Any, int]:
        """The answer, and how often it was refused before. ``ServiceError`` when it is none after all repeats."""
        from tenacity import Retrying, retry_if_exception, wait_fixed, wait_random_exponential

        refused = 0

        def give_up(state: RetryCallState) -> bool:
            late = not _refused(state) and (state.seconds_since_start or 0) > self._retry_seconds
            return late or (stop is not None and stop.is_set())

        def again(state: RetryCallState) -> None:
            nonlocal refused
            refused += _refused(state)
            self.count("throttled" if _refused(state) else "repeated")

        pause: Callable[[float], Any] = stop.wait if stop is not None else time.sleep
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ServiceError) and error.transient),
            # full jitter, and a floor: five reads a second is all that a shard grants
            wait=wait_random_exponential(multiplier=0.2, max=5) + wait_fixed(0.1),
            stop=give_up,
            before_sleep=again,
            sleep=pause,
            reraise=True,
        )
        return retrying(self._once, target, wire.encode(body, content_type), content_type), refused

    def _once(self, target: str, payload: bytes, content_type: str) -> Any:
        headers = {"X-Amz-Target": f"Kinesis_20131202.{target}", "Content-Type": content_type}
        request = self._request("POST", self._url, data=payload, headers=headers)
        self._signer(self._frozen()).add_auth(request)
        self.count(target)
        try:
            response = self._http.request("POST", self._url, body=payload, headers=dict(request.headers.items()))
        except self._no_answer as error:
            raise ServiceError("NoAnswer", f"no answer from {self._url}: {error}", 0) from error
        if stamp := response.headers.get("date"):
            self._clock = (int(parsedate_to_datetime(stamp).timestamp() * 1000), time.monotonic())
        kind = response.headers.get("content-type", "")
        if response.status != 200:
            raise _failure(response.status, response.data, kind, response.headers.get("x-amzn-errortype", ""))
        return wire.decode(response.data, kind)

    def _frozen(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            told = " ".join(str(error).split())
            raise CredentialsError(f"the AWS credentials could not be had or refreshed: {told}") from error


def client_for(connection: Connection) -> KinesisClient:
    """This process's client of a connection: Python workers serve many tasks."""
    key = (os.getpid(), connection)
    with _CLIENTS_LOCK:
        if key not in _CLIENTS:
            _CLIENTS[key] = KinesisClient(connection)
        return _CLIENTS[key]


_CLIENTS: dict[tuple[int, Connection], KinesisClient] = {}
_CLIENTS_LOCK = threading.Lock()


def _refused(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, ServiceError) and error.throttled


def _authorities(url: str) -> str | None:
    """The file of certificates that botocore would trust."""
    if not url.startswith("https:"):
        return None
    from botocore.httpsession import get_cert_path

    return os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True)


def _named(stream: str) -> dict[str, str]:
    return {"StreamARN" if stream.startswith("arn:") else "StreamName": stream}


def _failure(status: int, payload: bytes, kind: str, header: str) -> ServiceError:
    try:
        answer = wire.decode(payload, kind) if payload else {}
    except ServiceError:
        answer = {}
    answer = answer if isinstance(answer, dict) else {}
    code = str(answer.get("__type") or header or f"HTTP {status}").split("#")[-1].split(":")[0]
    return ServiceError(code, str(answer.get("message") or answer.get("Message") or ""), status)
