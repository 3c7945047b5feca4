"""The reader under faults, without Spark: nothing is lost or doubled, memory and disk are bounded, errors are clear."""

from __future__ import annotations

import random
import resource
import time
from pathlib import Path

import psutil
import pytest

from pyspark_kinesis.errors import DataLossError, SpoolError, StreamRecreatedError
from pyspark_kinesis.spool import DiskStore
from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_protocol import Run
from tests.support.kinesis_queries import wait_for

pytestmark = pytest.mark.kinesis


def numbers(begin: int, end: int) -> list[str]:
    return [str(number) for number in range(begin, end)]


def test_with_all_faults_at_once_restarts_and_resharding_each_record_comes_once_and_in_order(
    kinesis: FakeKinesis, stream: str
) -> None:
    seed = 20261121
    chance = random.Random(seed)
    kinesis.faults(
        throttled=0.08,
        expired=0.1,
        empty=0.15,
        failed=0.03,
        cut=0.05,
        iterator_seconds=1.0,
        no_children=True,
        seed=seed,
    )
    before = kinesis.counts()
    kinesis.create(stream, 2)
    open_shards, following, put, start = [0, 1], 2, 0, None
    read: list[tuple[str, str]] = []
    for _ in range(8):
        with Run(kinesis, stream, start, maxRecordsPerTrigger="90", maxRecordsPerFetch="40") as run:
            for _ in range(4):
                kinesis.put(stream, numbers(put, put + 60))
                put += 60
                run.batch()
            start = run.start
            replayed = run.plan() if chance.random() < 0.6 else None
            first = run.rows(replayed) if replayed else []
        if replayed:  # it died with a batch planned, which is read from Kinesis again
            with Run(kinesis, stream, start) as again:
                assert sorted(again.rows(replayed)) == sorted(first)
                start = replayed
        read += [row for rows in run.batches for row in rows] + first
        shard = chance.choice(open_shards)
        kinesis.split(stream, shard)
        open_shards = [each for each in open_shards if each != shard] + [following, following + 1]
        following += 2
    with Run(kinesis, stream, start) as run:
        run.drain()
        read += [row for rows in run.batches for row in rows]
    assert sorted(int(text) for _, text in read) == list(range(put))
    by_shard: dict[str, list[int]] = {}
    for shard_id, text in read:
        by_shard.setdefault(shard_id, []).append(int(text))
    assert len(by_shard) >= 10
    assert all(texts == sorted(texts) for texts in by_shard.values())
    shown = {fault: count - before.get(fault, 0) for fault, count in kinesis.counts().items()}
    assert all(shown[f"fault {fault}"] > 0 for fault in ("throttled", "expired", "empty", "failed", "cut"))
    assert put == 1920


def test_within_amazons_limits_of_reads_a_backlog_is_drained_and_idle_reading_is_never_refused(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 2)
    kinesis.fill(stream, 2000, b"x" * 200)
    kinesis.faults(limits=True)
    with Run(kinesis, stream, maxRecordsPerFetch="100", minFetchPeriod="400ms") as run:
        run.read(2000)
        assert len(run.texts) == 2000
        time.sleep(1)
        refused = kinesis.counts()["refused"]
        assert refused > 0  # it did run into them
        time.sleep(2)
        assert kinesis.counts()["refused"] == refused


@pytest.mark.parametrize("mode", ["spool", "inline"])
def test_a_consumer_that_can_not_keep_up_grows_neither_what_is_kept_nor_the_memory(
    kinesis: FakeKinesis, stream: str, tmp_path: Path, mode: str
) -> None:
    kinesis.create(stream, 2)
    kinesis.fill(stream, 16_000, b"x" * 5000)
    page = 250 * 5150
    with Run(
        kinesis, stream, fetchBufferSize="4mb", spoolDir=tmp_path, planMode=mode, maxRecordsPerFetch="250",
        maxRecordsPerTrigger="500",
    ) as run:  # fmt: skip
        run.read(1)
        time.sleep(1.5)
        told = run.reader.reportLatestOffset()
        assert told is not None
        kept = told["prefetchedBytes"]
        on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
        assert 1 << 20 < kept <= (4 << 20) + 2 * page
        assert on_disk == 0 if mode == "inline" else kept <= on_disk <= (4 << 20) + 2 * page
        asked = kinesis.counts()["GetRecords"]
        time.sleep(0.5)
        assert kinesis.counts()["GetRecords"] == asked
        memory, rows = psutil.Process().memory_full_info().uss, len(run.texts)
        while rows < 16_000:
            rows += len(run.batch() or [])
            run.batches.clear()
        assert rows == 16_000
        assert psutil.Process().memory_full_info().uss - memory < 20 << 20  # of 80 MB that passed


# --- the disk


def test_a_full_disk_is_a_clear_error_and_a_restart_goes_on(kinesis: FakeKinesis, stream: str, tmp_path: Path) -> None:
    kinesis.create(stream)
    kinesis.fill(stream, 500, b"x" * 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))  # what the disk takes, for real
    try:
        with Run(kinesis, stream, spoolDir=tmp_path) as run, pytest.raises(SpoolError, match="free some room"):
            run.read(500)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Run(kinesis, stream, run.start, spoolDir=tmp_path) as run:
        run.drain()
        assert len(run.texts) == 500


def test_a_disk_that_is_full_of_a_batch_goes_on_when_that_is_done(
    kinesis: FakeKinesis, stream: str, tmp_path: Path
) -> None:
    """Spark commits a batch when there is a next one: what waits for room must not wait for that."""
    kinesis.create(stream)
    kinesis.put(stream, ["first"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Run(kinesis, stream, spoolDir=tmp_path) as run:
        end = run.plan()
        assert end is not None
        assert [text for _, text in run.rows(end)] == ["first"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
        try:
            kinesis.fill(stream, 500, b"x" * 1000)
            time.sleep(1)
            run.start = end  # the batch is done; no commit is called
            with pytest.raises(SpoolError, match="free some room"):
                run.until(lambda: False, seconds=10)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_pages_that_someone_removed_are_read_again(kinesis: FakeKinesis, stream: str, tmp_path: Path) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 30))
    with Run(kinesis, stream, spoolDir=tmp_path) as run:
        end = run.plan()
        assert end is not None
        for path in tmp_path.rglob("*.arrow"):
            path.unlink()
        assert [text for _, text in run.rows(end)] == numbers(0, 30)


def test_the_next_query_sweeps_what_a_killed_one_left(kinesis: FakeKinesis, stream: str, tmp_path: Path) -> None:
    left = DiskStore(1, str(tmp_path))
    left._lock_file.close()  # as when its process died
    (left.path / "1.arrow").write_bytes(b"x")
    kinesis.create(stream)
    with Run(kinesis, stream, spoolDir=tmp_path) as run:
        run.plan()
        assert not left.path.exists()


# --- what is gone


def test_a_stream_made_anew_is_told_while_it_is_read_and_at_a_restart(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 20))
    with Run(kinesis, stream, maxRecordsPerTrigger="10") as run:
        run.batch()
        planned = run.plan()
        assert planned is not None
        kinesis.recreate(stream)
        kinesis.put(stream, numbers(20, 40))
        with pytest.raises(StreamRecreatedError, match=f"stream {stream} was deleted and created again"):
            run.until(lambda: False)
    with Run(kinesis, stream, run.start) as again:
        with pytest.raises(StreamRecreatedError, match="start with a new checkpointLocation"):
            again.plan()
        with pytest.raises(StreamRecreatedError):
            again.rows(planned)


def test_a_stream_that_goes_while_it_is_read_is_told(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, ["one"])
    with Run(kinesis, stream) as run:
        run.read(1)
        kinesis.call("DeleteStream", StreamName=stream)
        with pytest.raises(Exception, match=f"there is no stream {stream} in this region"):
            run.until(lambda: False)


@pytest.mark.parametrize("restarted", [True, False], ids=["at a restart", "while it is read"])
def test_a_shard_that_is_gone_unread_is_told_or_left_out(kinesis: FakeKinesis, stream: str, restarted: bool) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, numbers(0, 20))
    strict, lenient = (Run(kinesis, stream, failOnDataLoss=fail) for fail in ("true", "false"))
    with strict, lenient:
        strict.read(20)
        lenient.read(20)
        kinesis.faults(throttled=1.0)  # whoever reads in between that the shard has ended has lost nothing
        kinesis.split(stream, 0)
        kinesis.forget_shard(stream, 0)
        kinesis.faults()
        if not restarted:
            with pytest.raises(DataLossError, match="set failOnDataLoss=false to go on without"):
                strict.until(lambda: False)
            kinesis.put(stream, numbers(20, 40))
            lenient.read(40)
    if restarted:
        kinesis.put(stream, numbers(20, 40))
        with (
            Run(kinesis, stream, strict.start) as run,
            pytest.raises(DataLossError, match=r"shards shardId-0+ of"),
        ):
            run.batch()
        with Run(kinesis, stream, lenient.start, failOnDataLoss="false") as run:
            run.drain()
            assert sorted(map(int, run.texts)) == list(range(20, 40))
            assert "shardId-000000000000" not in run.start["streams"][stream]["shards"]


@pytest.mark.parametrize("kind", ["refused", "stuck"])
def test_a_restart_behind_the_retention_is_told_or_goes_on_at_the_oldest(
    kinesis: FakeKinesis, stream: str, kind: str
) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 10))
    with Run(kinesis, stream) as run:
        run.read(10)
    kinesis.put(stream, numbers(10, 50))
    kinesis.trim(stream, 0, 30)
    kinesis.faults(trimmed=kind)
    with Run(kinesis, stream, run.start) as strict, pytest.raises(DataLossError, match="are gone"):
        strict.read(1)
    with Run(kinesis, stream, run.start, failOnDataLoss="false") as lenient:
        lenient.read(20)
        assert lenient.texts == numbers(30, 50)


def test_without_the_right_to_describe_everything_works_but_a_stream_made_anew_is_lost_data(
    kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.faults(no_describe=True)
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 20))
    with Run(kinesis, stream) as run:
        run.drain()
        assert run.texts == numbers(0, 20)
        assert "created" not in run.start["streams"][stream]
    kinesis.recreate(stream)
    with Run(kinesis, stream, run.start) as again, pytest.raises(DataLossError, match="does not know sequence number"):
        again.until(lambda: False)


def test_a_service_that_is_away_for_a_moment_is_waited_for(kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream)
    kinesis.put(stream, numbers(0, 10))
    with Run(kinesis, stream) as run:
        run.read(10)
        kinesis.faults(failed=1.0)
        before = kinesis.counts()["fault failed"]
        wait_for(lambda: kinesis.counts()["fault failed"] > before + 2, 10)
        kinesis.faults()
        kinesis.put(stream, numbers(10, 20))
        run.read(20)
        assert run.texts == numbers(0, 20)
