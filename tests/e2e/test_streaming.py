"""The streaming path: through API Gateway into Kinesis, and by Spark into Delta, beside the batch path."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from pinpipe import delta
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES
from tests.support.kinds import KINDS, Kind
from tests.support.pipeline import OTHER_STREAM_PORT, ROOT, Pipeline

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import ShardTypeDef

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

POSTS = 11_154 if os.environ.get("PIN_STREAM_POSTS") == "all" else 400
"""How many are sent before the split: `make e2e` sends all."""
AGAIN = (250, 300)
"""How many are sent before the kill, and after the merge. All of them were sent before."""


def cleaned(pipeline: Pipeline, path: str) -> list[dict[str, Any]]:
    """A clean table's rows without their coordinates, by ``ind``."""
    rows = delta.rows(pipeline.settings(), path) or []
    return sorted(({**row, "_source": None} for row in rows), key=lambda row: row["ind"])


def sources(pipeline: Pipeline, path: str, table: str) -> list[str]:
    """The sequence numbers of a table's rows in a place that all tables share."""
    rows = delta.rows(pipeline.settings(), path) or []
    return [row["_source"]["sequence"] for row in rows if row["table"] == table]


def read_of(pipeline: Pipeline, table: str) -> int:
    """How many records of a table's stream are settled; by `pinpipe status` a poll would cost the driver a core."""
    return sum(run["read"] for run in delta.rows(pipeline.settings(), "runs/stream") or [] if run["table"] == table)


def put(pipeline: Pipeline, table: str, data: bytes) -> str:
    """Put a record straight into a stream, as a producer beside the emulator would; return its sequence number."""
    kinesis = AwsAccess.of(pipeline.settings()).kinesis()
    stream = pipeline.settings().stream(table)
    return kinesis.put_record(StreamName=stream, PartitionKey="x", Data=data)["SequenceNumber"]


def post(pipeline: Pipeline, *which: str) -> None:
    pipeline.run("post", *which, "--to", "both", "--batch-size", "50")  # a request a record takes minutes


@pytest.fixture(scope="module")
def sequences() -> dict[str, str]:
    """The sequence number of the record of each kind of dirt, by its name, when ``streamed`` has put them."""
    return {}


@pytest.fixture(scope="module")
def streamed(stack: Pipeline, sequences: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Posts through both paths, with repeats, changed repeats and every kind of dirt; both jobs have run.

    The stream job is killed while records come in; the shards of a stream are split before and merged after it, and
    the next job starts on a machine that is too busy for one of its processes.
    """
    pipeline = Pipeline("streamed").with_(STREAM_PORT=str(OTHER_STREAM_PORT))
    pipeline.run("provision")
    pipeline.run("seed", "--rows", str(max(POSTS, 1500)))
    settings = pipeline.settings()
    kinesis, stream = AwsAccess.of(settings).kinesis(), settings.stream("user")

    def open_shards() -> list[ShardTypeDef]:
        shards = kinesis.list_shards(StreamName=stream)["Shards"]
        return [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    driver = pipeline.start("stream")
    post(pipeline, *(["--all"] if POSTS == 11_154 else ["--count", str(POSTS)]))
    deadline = time.monotonic() + 300  # cold, on two cores, a driver takes one to two minutes
    while not read_of(pipeline, "user"):
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline, "no record was settled"
        time.sleep(1)
    [only] = open_shards()
    middle = sum(int(only["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey")) // 2
    kinesis.split_shard(StreamName=stream, ShardToSplit=only["ShardId"], NewStartingHashKey=str(middle))
    post(pipeline, "--count", str(AGAIN[0]))
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert read_of(pipeline, "user") < POSTS + sum(AGAIN), "killed too late to be in the middle"
    left, right = open_shards()
    kinesis.merge_shards(StreamName=stream, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"])
    post(pipeline, "--count", str(AGAIN[1]))

    ada = {"first_name": "Ada", "last_name": "Byron", "date_joined": "2016-01-01T00:00:00"}
    changed = [json.dumps({"ind": ind, **ada, "age": 36 + n}).encode() for n in range(2) for ind in (7528, 2863)]
    for data in changed:
        put(pipeline, "user", data)
    produce(pipeline, [("user", data) for data in changed])
    produce(pipeline, [(kind.table, kind.value) for kind in KINDS])
    sequences.update({str(kind): put(pipeline, kind.table, kind.value) for kind in KINDS if kind.value is not None})
    late = str(tmp_path_factory.mktemp("late") / "once")
    slow = pipeline.with_(PYSPARK_PYTHON=str(ROOT / "tests/support/slow_python.sh"), SLOW_ONCE=late)
    told = slow.run("stream", "--available-now")
    assert "starts again: its Python process was too slow" in told
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline


def produce(pipeline: Pipeline, records: list[tuple[str, bytes | None]]) -> None:
    producer = Producer({"bootstrap.servers": pipeline.settings().kafka_bootstrap_servers})
    for table, data in records:
        producer.produce(pipeline.settings().topic(table), data, b"0")  # None is a tombstone
    assert producer.flush(30) == 0


@pytest.mark.parametrize("table", TABLES)
def test_the_stream_table_equals_the_batch_table_row_by_row(streamed: Pipeline, table: str) -> None:
    rows = cleaned(streamed, f"stream/streamed_{table}_table")
    assert len(rows) > POSTS * 0.8  # the course's order has some posts twice
    assert rows == cleaned(streamed, f"batch/{table}")


def test_the_newest_of_changed_repeats_wins(streamed: Pipeline) -> None:
    rows = {row["ind"]: row for row in cleaned(streamed, "stream/streamed_user_table")}
    assert [(rows[ind]["user_name"], rows[ind]["age"]) for ind in (7528, 2863)] == [("Ada Byron", 37)] * 2


def test_nothing_vanished_and_nothing_is_there_twice(streamed: Pipeline) -> None:
    for table, counts in streamed.json("status")["stream"].items():
        kinds = [became(kind)[0] for kind in KINDS if kind.table == table and kind.value is not None]
        sent = POSTS + sum(AGAIN) + len(kinds) + (4 if table == "user" else 0)
        kept = counts["clean"] + counts["superseded"] + counts["quarantined"]
        assert (counts["read"], kept) == (sent, sent), table
        assert counts["quarantined"] == kinds.count("quarantine"), table
        superseded = sources(streamed, "superseded/stream", table)
        assert len(superseded) == len(set(superseded)) == counts["superseded"]


def became(kind: Kind) -> tuple[str, tuple[str, ...]]:
    """Where a record of a kind must be, and why. No Connect is before the stream: what it keeps back comes here too."""
    if kind.place == "dead letter":
        return "quarantine", ("record:not_json" if kind.value else "record:empty",)
    return kind.place, kind.reasons


@pytest.fixture(scope="module")
def places(streamed: Pipeline) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Stream and sequence number to the rows that have it, each with its place."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    tables = {f"stream/streamed_{table}_table": "clean" for table in TABLES}
    for path, place in {**tables, "superseded/stream": "superseded", "quarantine/stream": "quarantine"}.items():
        for row in delta.rows(streamed.settings(), path) or []:
            found[row["_source"]["stream"], row["_source"]["sequence"]].append({**row, "place": place})
    return found


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.value is not None], ids=str)
def test_a_record_of_this_kind_is_where_it_must_be_with_its_bytes_and_coordinate(
    kind: Kind, sequences: dict[str, str], places: dict[tuple[str, str], list[dict[str, Any]]]
) -> None:
    [row] = places[f"streaming-streamed-{kind.table}", sequences[str(kind)]]
    place, reasons = became(kind)
    assert row["place"] == place
    if place == "quarantine":
        assert (row["raw"], tuple(row["reasons"])) == (kind.value, reasons)
    assert {name: row[name] for name in kind.cleaned} == kind.cleaned


def test_the_job_was_killed_in_the_middle_and_went_on_through_split_and_merge(streamed: Pipeline) -> None:
    rows = [
        *(delta.rows(streamed.settings(), "stream/streamed_user_table") or []),
        *(row for row in delta.rows(streamed.settings(), "superseded/stream") or [] if row["table"] == "user"),
    ]
    assert {row["_source"]["shard"][-1] for row in rows} == {"0", "1", "2", "3"}
    assert len([run for run in delta.rows(streamed.settings(), "runs/stream") or [] if run["table"] == "user"]) > 1


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
    kinds = [kind for kind in KINDS if kind.table == "user" and kind.value is not None]
    expected = POSTS + sum(AGAIN) + 4 + len(kinds)
    script = (
        "import time; from pinpipe import settings; from spark_jobs.session import session\n"
        f"spark = session(settings.load()); CHECKPOINT = {str(tmp_path / 'c')!r}\n"
        "ACCESS_KEY = SECRET_KEY = 'test'\n"
        f"{COURSE}\n"
        # a split shard's children are read when it is at its end: in a later micro-batch
        "ROWS, END = 0, time.monotonic() + 120\n"
        f"while ROWS < {expected} and time.monotonic() < END:\n"
        "    query.processAllAvailable(); ROWS = spark.table('streamed_user_table').count()\n"
        "print('ROWS', ROWS); spark.stop()\n"
    )
    environment = {**streamed.environment, "AWS_ENDPOINT_URL": str(settings.aws_endpoint_url), "SPARK_REMOTE": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert f"ROWS {expected}\n" in done.stdout, done.stdout + done.stderr[-3000:]
