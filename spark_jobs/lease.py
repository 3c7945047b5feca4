"""One writer per table: a lease in the bucket, taken and renewed by conditional puts.

A second run respects a lease that lives; one that its owner no longer renews is taken over. With Spark Connect the
work of a killed client goes on in the server, so a lease names the sessions on the server, and who takes it over ends
them first. A run whose tasks are processes of their own shares one lease among them (:class:`Share`).
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
from dataclasses import asdict, dataclass
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
class Share:
    """A task's share in the lease of its whole run: ``run`` names the run, and is the same for each of its tasks.

    The run keeps the lease between two tasks: until :data:`SECONDS` after the last one, or until the task that is
    ``last`` ends. A task that starts again ends what its earlier try left on the server.
    """

    run: str
    task: str
    last: bool = False


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: process, its host and start (so that a pid used again is not taken for it), the Spark
    sessions on the server by task, and when the lease expires (seconds since the epoch).

    ``host`` is empty for a lease that the tasks of a run share: it lives as long as it is renewed.
    """

    owner: str
    host: str
    pid: int
    started: float
    sessions: dict[str, str]
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

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.host else self.owner


class Lease:
    """A lease on ``name``, held within the ``with`` block.

    ``session`` is this run's Spark session on the server, empty when there is none; ``take_over`` is called with each
    session of a dead holder before its lease is taken; ``wait`` is how many seconds to wait for one that lives;
    ``share`` makes it a task's part of its run's lease. Raises :class:`LeaseHeld` when another run keeps it.
    """

    def __init__(
        self,
        s3: S3Client,
        bucket: str,
        name: str,
        session: str,
        take_over: Callable[[str], None],
        wait: float = WAIT_SECONDS,
        share: Share | None = None,
    ) -> None:
        self._s3, self._bucket, self._key = s3, bucket, f"leases/{name}.json"
        self._name, self._take_over = name, take_over
        self._session, self._wait, self._share = session, wait, share
        self._owner = share.run if share else str(uuid.uuid4())
        self._task = share.task if share else ""
        self._stop = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._renew, name=f"lease {name}", daemon=True)

    def _held(self, sessions: dict[str, str], seconds: float = SECONDS) -> Holder:
        host, pid, started = ("", 0, 0.0)
        if not self._share:
            host, pid, started = socket.gethostname(), os.getpid(), psutil.Process().create_time()
        return Holder(self._owner, host, pid, started, sessions, time.time() + seconds)

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
            self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412):
                return False
            raise
        return True

    def __enter__(self) -> Lease:
        attempt = Retrying(
            stop=stop_after_delay(self._wait), wait=wait_fixed(1), retry=retry_if_result(lambda taken: not taken)
        )
        try:
            attempt(self._take)
        except RetryError:
            present = self._read()
            who = str(present[0]) if present else "another run"
            raise LeaseHeld(f"{who} writes {self._name}: wait until it is done") from None
        self._thread.start()
        return self

    def _take(self) -> bool:
        present = self._read()
        mine = {self._task: self._session}
        if present is None:
            return self._put(self._held(mine), None)
        holder, etag = present
        if holder.owner == self._owner:  # of the same run: beside the other tasks, in place of an earlier try
            left = [holder.sessions.get(self._task, "")]
            mine = {**holder.sessions, **mine}
        elif holder.dead:
            left = list(holder.sessions.values())
        else:
            return False
        for session in filter(None, left):
            self._take_over(session)
        return self._put(self._held(mine), etag)

    def _write(self, end: bool = False) -> bool:
        """Renew the lease, or give it back; False when it is this run's (or this try's) no more."""
        while present := self._read():
            holder, etag = present
            sessions = dict(holder.sessions)
            if holder.owner != self._owner or sessions.get(self._task) != self._session:
                return False
            seconds = SECONDS
            if end:
                del sessions[self._task]
                seconds = 0.0 if self._share is None or self._share.last else SECONDS
            if self._put(self._held(sessions, seconds), etag):
                return True  # else another task of the run was quicker: again
        return False

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                if not self._write():
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
            self._write(end=True)
