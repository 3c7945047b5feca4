"""Queries of a real Spark on the fake server: triggers, limits, replays, resharding, and how errors are told."""

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


def test_available_now_reads_everything_in_batches_of_the_limit_and_ends(
    query: Query, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 3)
    texts = [str(number) for number in range(500)]
    kinesis.put(stream, texts)
    query.drain(given={"maxRecordsPerTrigger": "120"})
    assert [len(rows) for _, rows in query.batches] == [120, 120, 120, 120, 20]
    assert sorted(query.texts) == sorted(texts)


def test_once_reads_everything_in_one_batch_whatever_the_limit(query: Query, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, [str(number) for number in range(300)])
    assert query.start(once=True, given={"maxRecordsPerTrigger": "10"}).awaitTermination(60)
    assert [len(rows) for _, rows in query.batches] == [300]


@pytest.mark.parametrize("trigger", [{}, {"processingTime": "200 milliseconds"}], ids=["default", "processing time"])
def test_a_running_query_follows_splits_and_merges_parent_before_child(
    query: Query, kinesis: FakeKinesis, stream: str, trigger: dict[str, str]
) -> None:
    kinesis.create(stream, 1)
    running = query.start(**trigger, given={"minFetchPeriod": "200ms"})
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
    wait_for(lambda: _age_of_newest(kinesis, stream) > 1.5)
    query = Query(spark, options(kinesis, stream, initialPosition="latest"), tmp_path)
    running = query.start()
    wait_for(lambda: (tmp_path / "checkpoint" / "commits" / "0").exists())
    running.stop()
    kinesis.put(stream, [f"new {number}" for number in range(30)])
    query.drain()
    assert sorted(query.texts) == sorted(f"new {number}" for number in range(30))


def _age_of_newest(kinesis: FakeKinesis, stream: str) -> float:
    from pyspark_kinesis.client import KinesisClient
    from pyspark_kinesis.options import Connection

    client = KinesisClient(Connection("us-east-1", kinesis.url, "test", "test"))
    client.list_shards(stream, 100)
    pages = [
        client.get_records(client.shard_iterator(stream, each, _oldest()), 100, stream, each)
        for each in kinesis.shards(stream)
    ]
    return (client.now_ms() - max(page.newest_ms for page in pages if page.rows)) / 1000


def _oldest() -> object:
    from pyspark_kinesis.position import TrimHorizon

    return TrimHorizon()


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


def test_the_progress_tells_the_lag(query: Query, kinesis: FakeKinesis, stream: str) -> None:
    kinesis.create(stream, 1)
    kinesis.put(stream, ["one"])
    running = query.drain()
    reported = json.loads(running.recentProgress[-1]["sources"][0]["latestOffset"])
    assert reported["maxMillisBehindLatest"] == 0
    assert reported["millisBehindLatest"] == {stream: {"shardId-000000000000": 0}}
    assert reported["calls"]["GetRecords"] >= 1


def test_pages_travel_inside_the_partitions_where_tasks_run_elsewhere(
    query: Query, kinesis: FakeKinesis, stream: str
) -> None:
    kinesis.create(stream, 2)
    kinesis.put(stream, [str(number) for number in range(100)])
    query.drain(given={"planMode": "inline", "maxRecordsPerTrigger": "30"})
    assert sorted(map(int, query.texts)) == list(range(100))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"consumerMode": "efo"}, "enhanced fan-out.*is not supported by this source: use polling"),
        ({"streamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/x"}, "either streamName or streamARN"),
        ({"initialPosition": "yesterday"}, "initialPosition is 'yesterday': it may be latest, trim_horizon"),
    ],
)
def test_a_wrong_option_is_told_at_load(
    spark: SparkSession, kinesis: FakeKinesis, given: dict[str, str], told: str
) -> None:
    with pytest.raises(AnalysisException, match=told):
        spark.readStream.format("kinesis").options(**options(kinesis, "any", **given)).load()


def test_a_stream_that_is_not_there_is_told_by_its_name(query: Query, stream: str) -> None:
    with pytest.raises(StreamingQueryException, match=f"there is no stream {stream} in this region"):
        query.start().awaitTermination(60)
