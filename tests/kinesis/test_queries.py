"""Queries of a real Spark on the fake server: found without registration, each trigger, restarts, errors as told.

What needs no Spark to be seen is in the other modules, which are faster.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import AnalysisException, StreamingQueryException

from tests.support.fake_kinesis import FakeKinesis
from tests.support.kinesis_queries import Query, options, wait_for

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

pytestmark = [pytest.mark.kinesis, pytest.mark.spark]


@pytest.fixture
def query(spark: SparkSession, kinesis: FakeKinesis, stream: str, tmp_path: Path) -> Query:
    return Query(spark, options(kinesis, stream), tmp_path)


def test_a_batch_read_has_databricks_columns_and_the_records_as_they_were_put(
    spark: SparkSession, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 2)
    begun = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    placed = kinesis.put(stream, ["één", "two", "three"])
    frame = spark.read.format("kinesis").options(**options(kinesis, stream)).load()
    assert frame.dtypes == [
        ("partitionKey", "string"),
        ("data", "binary"),
        ("stream", "string"),
        ("shardId", "string"),
        ("sequenceNumber", "string"),
        ("approximateArrivalTimestamp", "timestamp"),
    ]
    rows = frame.collect()
    assert {(row.partitionKey, bytes(row.data).decode()) for row in rows} == {
        (each, each) for each in ("één", "two", "three")
    }
    assert {(row.shardId, row.sequenceNumber) for row in rows} == set(placed)
    assert {row.stream for row in rows} == {stream}
    assert all(begun <= row.approximateArrivalTimestamp <= datetime.now(UTC).replace(tzinfo=None) for row in rows)


def test_available_now_reads_everything_in_batches_of_the_limit_ends_and_tells_the_lag(
    query: Query, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 3)
    texts = [str(number) for number in range(500)]
    kinesis.put(stream, texts)
    running = query.drain(given={"maxRecordsPerTrigger": "220"})
    assert [len(rows) for _, rows in query.batches] == [220, 220, 60]
    assert sorted(query.texts) == sorted(texts)
    reported = json.loads(running.recentProgress[-1]["sources"][0]["latestOffset"])
    assert reported["maxMillisBehindLatest"] == 0
    assert list(reported["millisBehindLatest"]) == [stream]
    assert reported["calls"]["GetRecords"] >= 3


def test_once_reads_everything_in_one_batch_whatever_the_limit(query: Query, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, [str(number) for number in range(300)])
    assert query.start(once=True, given={"maxRecordsPerTrigger": "10"}).awaitTermination(60)
    assert [len(rows) for _, rows in query.batches] == [300]


def test_a_running_query_follows_splits_and_merges_parent_before_child(
    query: Query, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 1)
    running = query.start(processingTime="100 milliseconds", given={"minFetchPeriod": "200ms"})
    put = 0

    def put_and_read() -> None:
        nonlocal put
        kinesis.put(stream, [str(number) for number in range(put, put + 40)])
        put += 40
        wait_for(lambda: len(query.texts) >= put or running.exception() is not None)

    put_and_read()
    kinesis.split(stream, 0)
    put_and_read()
    kinesis.merge(stream, 1, 2)
    put_and_read()
    running.stop()
    assert sorted(query.texts, key=int) == [str(number) for number in range(put)]
    batches: dict[str, list[int]] = {}
    for batch, rows in query.batches:
        for row in rows:
            batches.setdefault(row.shardId[-1], []).append(batch)
    assert set(batches) == {"0", "1", "2", "3"}
    assert max(batches["0"]) < min(batches["1"] + batches["2"])
    assert max(batches["1"] + batches["2"]) < min(batches["3"])


def test_latest_stands_where_the_query_first_began_though_it_stopped_without_a_record(
    spark: SparkSession, kinesis: FakeKinesis, stream: str, tmp_path: Path
) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, [f"old {number}" for number in range(50)])
    kinesis.age(stream, 10)
    query = Query(spark, options(kinesis, stream, initialPosition="latest"), tmp_path)
    running = query.start()
    wait_for(lambda: (tmp_path / "checkpoint" / "commits" / "0").exists())
    running.stop()
    kinesis.put(stream, [f"new {number}" for number in range(30)])
    query.drain()
    assert sorted(query.texts) == sorted(f"new {number}" for number in range(30))


def test_a_batch_whose_sink_failed_is_read_again_with_the_same_rows(
    query: Query, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, [str(number) for number in range(200)])

    def fail(batch: int, rows: list[Row]) -> None:
        raise RuntimeError("the sink is down")

    running = query.start(on_batch=fail)
    with pytest.raises(StreamingQueryException, match="the sink is down"):
        running.awaitTermination(60)
    kinesis.put(stream, [str(number) for number in range(200, 260)])
    query.drain()
    (first, rows), (again, rows_again) = query.batches[:2]
    assert first == again
    assert len(rows) > 0
    assert sorted(rows) == sorted(rows_again)
    kept = [row for batch, rows in query.batches[1:] for row in rows]
    assert sorted(int(bytes(row.data)) for row in kept) == list(range(260))


def test_a_wrong_option_is_told_at_load(spark: SparkSession, kinesis: FakeKinesis) -> None:
    told = r"consumerMode=efo \(enhanced fan-out\) is not supported by this source: use polling"
    with pytest.raises(AnalysisException, match=told):
        spark.readStream.format("kinesis").options(**options(kinesis, "any", consumerMode="efo")).load()


def test_a_stream_that_is_not_there_is_told_by_its_name(query: Query, stream: str) -> None:
    with pytest.raises(StreamingQueryException, match=f"there is no stream {stream} in this region"):
        query.start().awaitTermination(60)
