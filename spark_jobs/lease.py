"""One writer per table: a lease in the bucket, taken and renewed by conditional puts.

A second run respects a lease that lives; one that its owner no longer renews is taken over. With Spark Connect the
work of a killed client goes on in the server, so a lease names the server's session, and who takes it over ends that
session first.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psutil
from botocore.exceptions import ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from spark_jobs.errors import LeaseHeld, LeaseLost

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SECONDS = 30.0
"""A lease that was not renewed for this long is dead."""
RENEW_SECONDS = 8.0
WAIT_SECONDS = 45.0
"""How long a run waits for a lease that lives: longer than a dead one takes to expire."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: host, process and its start (so that a pid used again is not taken for it), the Spark
    session on the server, and when the lease expires (seconds since the epoch)."""

    owner: str
    host: str
    pid: int
    started: float
    session: str
    expires: float

    @property
    def dead(self) -> bool:
        """Whether it has expired, or its process is known to be gone because it was one of this machine."""
        if self.expires < time.time():
            return True
        if self.host != socket.gethostname():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) > 1
        except psutil.NoSuchProcess:
            return True


class Lease:
    """A lease on ``name``, held within the ``with`` block.

    ``session`` is this run's Spark session on the server; ``take_over`` is called with a dead holder's session before
    its lease is taken; ``wait`` is how many seconds to wait for one that lives. Raises :class:`LeaseHeld` when another
    run keeps it.
    """

    def __init__(
        self,
        s3: S3Client,
        bucket: str,
        name: str,
        session: str,
        take_over: Callable[[str], None],
        wait: float = WAIT_SECONDS,
    ) -> None:
        self._s3, self._bucket, self._key = s3, bucket, f"leases/{name}.json"
        self._name, self._take_over = name, take_over
        self._session, self._wait = session, wait
        self._owner = str(uuid.uuid4())
        self._etag = ""
        self._stop = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._renew, name=f"lease {name}", daemon=True)

    def _me(self) -> Holder:
        return Holder(
            owner=self._owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            session=self._session,
            expires=time.time() + SECONDS,
        )

    def _read(self) -> tuple[Holder, str] | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return Holder(**json.load(answer["Body"])), answer["ETag"]

    def _put(self, holder: Holder, etag: str | None) -> bool:
        """Write a lease over the one with ``etag`` (None: over none); False when someone was quicker."""
        body = json.dumps(asdict(holder)).encode()
        condition: Any = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            answer = self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412):
                return False
            raise
        self._etag = answer["ETag"]
        return True

    def __enter__(self) -> Lease:
        attempt = Retrying(
            stop=stop_after_delay(self._wait), wait=wait_fixed(1), retry=retry_if_result(lambda taken: not taken)
        )
        try:
            attempt(self._take)
        except RetryError:
            present = self._read()
            who = f"process {present[0].pid} on {present[0].host}" if present else "another run"
            raise LeaseHeld(f"{who} writes {self._name}: wait until it is done") from None
        self._thread.start()
        return self

    def _take(self) -> bool:
        present = self._read()
        if present is None:
            return self._put(self._me(), None)
        holder, etag = present
        if not holder.dead:
            return False
        if holder.session:
            self._take_over(holder.session)
        return self._put(self._me(), etag)

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                if not self._put(self._me(), self._etag):
                    self._lost = True
                    return
            except Exception:  # S3 is away: the next try decides; expiry makes it safe for the others
                continue

    def check(self) -> None:
        """Raise :class:`LeaseLost` if another run has taken the lease; called before each write."""
        if self._lost:
            raise LeaseLost(f"the lease on {self._name} was taken over by another run: this one stops")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        if self._lost:
            return
        with suppress(Exception):  # it expires by itself; the run's own outcome is what matters
            self._put(replace(self._me(), session="", expires=0.0), self._etag)
