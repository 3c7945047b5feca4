"""The streaming path: through API Gateway into Kinesis, and by Spark into Delta, beside the batch path."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pinpipe import delta
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES
from tests.support.pipeline import ROOT, Pipeline

pytestmark = pytest.mark.e2e

POSTS = 400


def cleaned(pipeline: Pipeline, path: str) -> list[dict[str, Any]]:
    """A clean table's rows without their coordinates, by ``ind``."""
    rows = delta.rows(pipeline.settings(), path) or []
    return sorted(({**row, "_source": None} for row in rows), key=lambda row: row["ind"])


def sources(pipeline: Pipeline, path: str, table: str) -> list[str]:
    """The sequence numbers of a table's rows in a place that all tables share."""
    rows = delta.rows(pipeline.settings(), path) or []
    return [row["_source"]["sequence"] for row in rows if row["table"] == table]


def put(pipeline: Pipeline, table: str, records: list[tuple[str, bytes]]) -> None:
    """Put records straight into a stream, as a producer beside the emulator would."""
    entries = [{"PartitionKey": key, "Data": data} for key, data in records]
    kinesis = AwsAccess.of(pipeline.settings()).kinesis()
    answer = kinesis.put_records(StreamName=pipeline.settings().stream(table), Records=entries)  # type: ignore[arg-type]
    assert answer["FailedRecordCount"] == 0


def post(pipeline: Pipeline, count: int, to: str) -> None:
    pipeline.run("post", "--count", str(count), "--to", to, "--batch-size", "50")  # a request a record takes minutes


@pytest.fixture(scope="module")
def streamed(stack: Pipeline, seeded: None) -> Pipeline:
    """Posts through both paths, with repeats, changed repeats and records that are not valid; both jobs have run."""
    pipeline = Pipeline("streamed")
    pipeline.run("provision")
    post(pipeline, POSTS, "both")
    post(pipeline, 50, "both")
    changed = [
        (str(ind), json.dumps({"ind": ind, "first_name": "Ada", "last_name": "Byron", "age": 36 + n,
                               "date_joined": "2016-01-01T00:00:00"}).encode())
        for n in range(2) for ind in (7528, 2863)
    ]  # fmt: skip
    put(pipeline, "user", changed)
    produce(pipeline, "user", changed)
    put(pipeline, "geo", [("x", b"no json"), ("x", b"[1]"), ("x", b'{"ind": -1}')])
    pipeline.run("stream", "--available-now")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline


def produce(pipeline: Pipeline, table: str, records: list[tuple[str, bytes]]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": pipeline.settings().kafka_bootstrap_servers})
    for key, data in records:
        producer.produce(pipeline.settings().topic(table), data, key)
    assert producer.flush(30) == 0


@pytest.mark.parametrize("table", TABLES)
def test_the_stream_table_equals_the_batch_table_row_by_row(streamed: Pipeline, table: str) -> None:
    rows = cleaned(streamed, f"stream/streamed_{table}_table")
    assert len(rows) > POSTS * 0.8  # the course's order draws some posts twice
    assert rows == cleaned(streamed, f"batch/{table}")


def test_the_newest_of_changed_repeats_wins(streamed: Pipeline) -> None:
    rows = {row["ind"]: row for row in cleaned(streamed, "stream/streamed_user_table")}
    assert [(rows[ind]["user_name"], rows[ind]["age"]) for ind in (7528, 2863)] == [("Ada Byron", 37)] * 2


def test_nothing_vanished_and_nothing_is_there_twice(streamed: Pipeline) -> None:
    sent = {"pin": POSTS + 50, "geo": POSTS + 50 + 3, "user": POSTS + 50 + 4}
    for table, counts in streamed.json("status")["stream"].items():
        kept = counts["clean"] + counts["superseded"] + counts["quarantined"]
        assert (counts["read"], kept) == (sent[table], sent[table]), table
        assert counts["quarantined"] == (3 if table == "geo" else 0)
        superseded = sources(streamed, "superseded/stream", table)
        assert len(superseded) == len(set(superseded)) == counts["superseded"]


def test_a_record_that_is_not_valid_is_kept_with_its_bytes_reason_and_coordinate(streamed: Pipeline) -> None:
    rows = delta.rows(streamed.settings(), "quarantine/stream") or []
    reasons = {row["raw"]: row["reasons"] for row in rows}
    assert reasons[b"no json"] == ["record:not_json"]
    assert reasons[b"[1]"] == ["record:not_an_object"]
    assert reasons[b'{"ind": -1}'][0] == "ind:out_of_range"
    assert {(row["_source"]["stream"], row["_source"]["shard"]) for row in rows} == {
        ("streaming-streamed-geo", "shardId-000000000000")
    }


def test_killed_and_resharded_in_the_middle_nothing_is_lost_or_twice(
    new_user: Callable[[], Pipeline], seeded: None
) -> None:
    pipeline = new_user().with_(STREAM_PORT="21085")
    settings = pipeline.settings()
    kinesis = AwsAccess.of(settings).kinesis()
    stream = settings.stream("user")

    def open_shards() -> list[Any]:
        shards = kinesis.list_shards(StreamName=stream)["Shards"]
        return [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    def settled(at_least: int) -> None:
        deadline = time.monotonic() + 300  # cold, on two cores, a driver takes one to two minutes
        while (found := pipeline.json("status")["stream"]["user"]["read"] or 0) < at_least:
            assert driver.poll() is None, driver.communicate()
            assert time.monotonic() < deadline, f"{found} of {at_least} records were settled"
            time.sleep(1)

    driver = pipeline.start("stream")
    post(pipeline, 200, "kinesis")
    settled(1)
    [only] = open_shards()
    middle = (int(only["HashKeyRange"]["StartingHashKey"]) + int(only["HashKeyRange"]["EndingHashKey"])) // 2
    kinesis.split_shard(StreamName=stream, ShardToSplit=only["ShardId"], NewStartingHashKey=str(middle))
    post(pipeline, 250, "kinesis")
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    left, right = open_shards()
    kinesis.merge_shards(StreamName=stream, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"])
    post(pipeline, 300, "kinesis")
    driver = pipeline.start("stream")
    settled(750)
    driver.send_signal(signal.SIGTERM)
    said, complaint = driver.communicate(timeout=60)
    assert driver.returncode == 0, complaint
    assert "the stream job stopped" in said
    for table, counts in pipeline.json("status")["stream"].items():
        kept = counts["clean"] + counts["superseded"] + counts["quarantined"]
        assert (counts["read"], kept) == (750, 750), table
    rows = delta.rows(settings, f"stream/{settings.pin_user_id}_user_table") or []
    assert len({row["ind"] for row in rows}) == len(rows)
    assert {row["_source"]["shard"][-1] for row in rows} == {"3"}  # the last 300 posts hold all those before


COURSE = """
from pyspark.sql.types import *
from pyspark.sql.functions import *
df = spark \\
.readStream \\
.format('kinesis') \\
.option('streamName','streaming-streamed-user') \\
.option('initialPosition','earliest') \\
.option('region','us-east-1') \\
.option('awsAccessKey', ACCESS_KEY) \\
.option('awsSecretKey', SECRET_KEY) \\
.load()
df = df.selectExpr("CAST(data as STRING)")
schema = StructType([
    StructField("ind", IntegerType()), StructField("first_name", StringType()), StructField("last_name", StringType()),
    StructField("age", IntegerType()), StructField("date_joined", StringType()),
])
df = df.select(from_json("data", schema).alias("user")).select("user.*")
query = df.writeStream \\
  .format("delta") \\
  .outputMode("append") \\
  .option("checkpointLocation", CHECKPOINT) \\
  .toTable("streamed_user_table")
"""


def test_the_courses_cells_run_as_they_are_typed(streamed: Pipeline, tmp_path: Path) -> None:
    """No endpoint option and no register(): AWS_ENDPOINT_URL is enough."""
    settings = streamed.settings()
    script = (
        "from pinpipe import settings; from spark_jobs.session import own_session\n"
        f"spark = own_session(settings.load()); CHECKPOINT = {str(tmp_path / 'c')!r}\n"
        "ACCESS_KEY = SECRET_KEY = 'test'\n"
        f"{COURSE}\n"
        "query.processAllAvailable(); print('ROWS', spark.table('streamed_user_table').count()); spark.stop()\n"
    )
    environment = {**streamed.environment, "AWS_ENDPOINT_URL": str(settings.aws_endpoint_url)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert f"ROWS {POSTS + 50 + 4}" in done.stdout, done.stderr[-3000:]
