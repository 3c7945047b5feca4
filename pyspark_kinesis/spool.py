"""Pages between their fetch and the commit of their batch: on local disk as Arrow files, or in memory."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Protocol

from pyspark_kinesis.errors import SpoolError

if TYPE_CHECKING:
    import pyarrow as pa

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_IN_MEMORY = 256 << 20
"""The most that pages take in memory, whatever fetchBufferSize says."""
_OF_ONE_APPLICATION = re.compile(r"(blockmgr|spark|executor)-[0-9a-f-]{36}")
_SHARE_OF_DISK = 4
"""At most a quarter of what is free on the disk when a query starts."""


class NoRoomError(Exception):
    """The disk is full for now; room comes when batches are committed."""


@dataclass(frozen=True)
class StoredPage:
    """A page where it was put: a file's path, or the Arrow stream's bytes."""

    place: str | bytes
    nbytes: int


class Store(Protocol):
    """Takes pages and gives them back."""

    limit: int

    def put(self, batch: pa.RecordBatch) -> StoredPage: ...

    def drop(self, page: StoredPage) -> None: ...

    @property
    def used(self) -> int: ...

    def close(self) -> None: ...


def load(place: str | bytes) -> pa.RecordBatch:
    """The record batch at a place; files are mapped, not read. ``OSError`` when a file is not there (any more)."""
    import pyarrow as pa

    source = pa.memory_map(place) if isinstance(place, str) else pa.py_buffer(place)
    return pa.ipc.open_stream(source).read_next_batch()


class MemoryStore:
    """Pages as bytes, which travel to the tasks inside their partitions: for executors on other machines."""

    def __init__(self, limit: int) -> None:
        self.limit = min(limit, _IN_MEMORY)
        self._used = 0
        self._lock = threading.Lock()

    def put(self, batch: pa.RecordBatch) -> StoredPage:
        data = _serialized(batch).to_pybytes()
        with self._lock:
            self._used += len(data)
        return StoredPage(data, len(data))

    def drop(self, page: StoredPage) -> None:
        with self._lock:
            self._used -= page.nbytes

    @property
    def used(self) -> int:
        return self._used

    def close(self) -> None:
        """Nothing is left to do: the pages go with their last reader."""


class DiskStore:
    """Pages as files below ``<base>/pyspark-kinesis-<user>``, in a folder that is locked while this process lives.

    The lock goes with the process, also on kill -9, so that the next query sweeps the folders of dead ones.
    """

    def __init__(self, limit: int, base: str | None = None) -> None:
        """``SpoolError`` when no folder can be made there."""
        root = folder(base)
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _guard(root):
                _sweep(root)
                self.path = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
                self._lock_file = _locked(self.path)
            self.limit = min(limit, max(shutil.disk_usage(root).free // _SHARE_OF_DISK, 1))
        except OSError as error:
            raise SpoolError(f"no folder for fetched pages in {root}: {error}; set the option spoolDir") from error
        self._used = 0
        self._number = 0
        self._lock = threading.Lock()
        _OPEN.add(self)
        _close_at_sigterm()

    def put(self, batch: pa.RecordBatch) -> StoredPage:
        """``NoRoomError`` when the disk is full while pages of ours can still go, ``SpoolError`` when none can."""
        data = _serialized(batch)
        with self._lock:
            self._number += 1
            path = self.path / f"{self._number}.arrow"
        try:
            path.write_bytes(data)
        except OSError as error:
            path.unlink(missing_ok=True)
            if error.errno in _FULL and self._used > 0:
                raise NoRoomError(str(error)) from error
            raise SpoolError(
                f"a page of {data.size} bytes can't be written to {self.path.parent} ({error.strerror}): "
                "free some room, or set the option spoolDir to another disk; a restart goes on where it was"
            ) from error
        with self._lock:
            self._used += data.size
        return StoredPage(str(path), data.size)

    def drop(self, page: StoredPage) -> None:
        with self._lock:
            self._used -= page.nbytes
        Path(str(page.place)).unlink(missing_ok=True)

    @property
    def used(self) -> int:
        return self._used

    def close(self) -> None:
        """Remove everything; twice is fine."""
        for _ in range(3):  # a fetcher may just put its last page
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
        self._lock_file.close()
        _OPEN.discard(self)


def folder(base: str | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the folders of this user's queries lie: in ``base``, Spark's local folder, or the system's for such.

    What Spark tells is a folder of one application, which the next one would not find to sweep: it goes above that.
    """
    local = environment.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    root = Path(base or local or tempfile.gettempdir())
    while not base and _OF_ONE_APPLICATION.fullmatch(root.name):
        root = root.parent
    return root / f"pyspark-kinesis-{os.getuid()}"


_OPEN: set[DiskStore] = set()


def _close_at_sigterm() -> None:
    """Spark ends the process of a query that stops by SIGTERM, and calls nothing before."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return

    def end(number: int, frame: FrameType | None) -> None:
        for store in list(_OPEN):
            store.close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)


def _serialized(batch: pa.RecordBatch) -> pa.Buffer:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


@contextmanager
def _guard(root: Path) -> Iterator[None]:
    """One process at a time makes or sweeps folders, so that none is swept between its making and its lock."""
    with (root / ".lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _locked(path: Path) -> IO[str]:
    lock = (path / ".lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock


def _sweep(root: Path) -> None:
    """Remove the folders whose process is gone."""
    for path in root.iterdir():
        if not path.is_dir():
            continue
        try:
            lock = _locked(path)
        except OSError:
            continue  # its process lives
        with lock:
            shutil.rmtree(path, ignore_errors=True)
