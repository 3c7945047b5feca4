"""Fetched pages on disk and in memory: found by tasks, swept after a kill, and a disk that is full."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from pyspark_kinesis import spool
from pyspark_kinesis.errors import SpoolError
from pyspark_kinesis.spool import DiskStore, MemoryStore, NoRoomError, Store

pytestmark = pytest.mark.kinesis

BATCH = pa.record_batch({"n": pa.array(range(1000), pa.int64())})


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The disk refuses more, for real: the system's limit on a file's length."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_what_is_put_is_found_and_counted_until_it_is_dropped(kind: str, tmp_path: Path) -> None:
    store: Store = DiskStore(1 << 30, str(tmp_path)) if kind == "disk" else MemoryStore(1 << 30)
    first, second = store.put(BATCH), store.put(BATCH.slice(10, 5))
    assert spool.load(first.place).equals(BATCH)
    assert spool.load(second.place).column(0).to_pylist() == [10, 11, 12, 13, 14]
    assert store.used == first.nbytes + second.nbytes
    assert first.nbytes > 8000 > second.nbytes
    store.drop(first)
    assert store.used == second.nbytes
    store.close()


def test_a_dropped_file_is_gone_and_so_is_the_folder_of_a_closed_store(tmp_path: Path) -> None:
    store = DiskStore(1 << 30, str(tmp_path))
    page = store.put(BATCH)
    store.drop(page)
    with pytest.raises(FileNotFoundError):
        spool.load(page.place)
    store.put(BATCH)
    store.close()
    store.close()
    assert not store.path.exists()


def test_the_limit_is_the_options_or_a_quarter_of_the_disk(tmp_path: Path) -> None:
    assert DiskStore(1000, str(tmp_path)).limit == 1000
    assert 0 < DiskStore(1 << 60, str(tmp_path)).limit < 1 << 50
    assert MemoryStore(1 << 60).limit == 256 << 20


@contextmanager
def another_process(base: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process with a store of its own that holds a page, and its folder."""
    program = (
        f"import pyarrow as pa; from pyspark_kinesis.spool import DiskStore; s = DiskStore(9, {str(base)!r}); "
        "s.put(pa.record_batch({'n': pa.array([1])})); print(s.path, flush=True); input()"
    )
    # a pipe that stays open keeps the process
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        assert [path.name for path in folder.glob("*.arrow")] == ["1.arrow"]
        yield other, folder
        other.kill()


def test_the_folder_of_a_killed_driver_is_swept_and_a_living_ones_is_kept(tmp_path: Path) -> None:
    with another_process(tmp_path) as (other, left):
        mine = DiskStore(9, str(tmp_path))
        assert left.exists()
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        assert left.exists()
        DiskStore(9, str(tmp_path)).close()
        assert not left.exists()
        assert mine.path.exists()
        mine.close()


def test_a_process_that_spark_ends_takes_its_folder_along(tmp_path: Path) -> None:
    with another_process(tmp_path) as (other, folder):
        other.send_signal(signal.SIGTERM)
        assert other.wait(10) == -signal.SIGTERM
        assert not folder.exists()


def test_a_full_disk_is_told_in_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    store = DiskStore(1 << 30, str(tmp_path))
    with no_file_longer_than(4096), pytest.raises(SpoolError, match=r"can't be written to .*: free some room") as told:
        store.put(BATCH)
    assert "\n" not in str(told.value)
    assert "a restart goes on where it was" in str(told.value)
    assert list(store.path.glob("*.arrow")) == []
    store.close()


def test_a_disk_that_pages_of_ours_fill_is_waited_for(tmp_path: Path) -> None:
    store = DiskStore(1 << 30, str(tmp_path))
    store.put(BATCH.slice(0, 1))
    with no_file_longer_than(4096), pytest.raises(NoRoomError):
        store.put(BATCH)
    assert spool.load(store.put(BATCH).place).equals(BATCH)
    store.close()


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"no folder for fetched pages in .*; set the option spoolDir"):
        DiskStore(9, str(tmp_path / "file"))


APPLICATION = "0b6e2f6e-3f0c-4c37-9e0c-0a8c3f1f2d11"


@pytest.mark.parametrize(
    ("base", "local", "parent"),
    [
        ("/data", "/scratch", "/data"),
        (None, "/scratch,/other", "/scratch"),
        (None, f"/scratch/blockmgr-{APPLICATION}", "/scratch"),
        (None, f"/scratch/spark-{APPLICATION}/blockmgr-{APPLICATION}", "/scratch"),
        (None, "", tempfile.gettempdir()),
    ],
)
def test_the_folder_is_one_that_the_next_driver_finds(base: str | None, local: str, parent: str) -> None:
    assert spool.folder(base, {"SPARK_LOCAL_DIRS": local}).parent == Path(parent)
