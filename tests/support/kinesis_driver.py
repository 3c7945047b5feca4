"""A driver to be killed: reads a stream as the course types it, and keeps every attempt at every batch.

Run as ``python -m tests.support.kinesis_driver HOME STREAM``. It says ``ready`` when its Spark is up and begins at a
line on its standard input: ``go`` for a query without an end, ``finish`` for one that reads what is there. Nothing
tells it an endpoint but ``AWS_ENDPOINT_URL``, and nothing registers the source.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.support.fake_kinesis import FakeKinesis

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ROOT = Path(__file__).resolve().parents[2]

Row = tuple[str, str, str]
"""Shard id, sequence number, text."""


class Driver:
    """A driver process and what it has started, as the test sees it."""

    def __init__(self, kinesis: FakeKinesis, home: Path, stream: str) -> None:
        self._log = (home / "driver.log").open("a")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.kinesis_driver", str(home), stream],
            cwd=_ROOT,
            env=environment | {"AWS_ENDPOINT_URL": kinesis.url, "PYSPARK_PYTHON": sys.executable},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def begin(self, how: str) -> None:
        """Let it ``go`` or ``finish``, when it is ready."""
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        assert self._process.stdout.readline() == "ready\n", "the driver did not start; see driver.log"
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def finished(self, seconds: float) -> int:
        """Its exit code, when it has ended by itself."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """kill -9 of it and all that it started: JVM, the source's process, Python workers."""
        try:
            started = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            started = []
        self._process.send_signal(signal.SIGKILL)
        for process in started:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait(10)
        psutil.wait_procs(started, timeout=10)
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            assert pipe is not None
            pipe.close()


def attempts(home: Path) -> dict[int, list[list[Row]]]:
    """The rows of each batch, once for each time that it came to its sink."""
    found: dict[int, list[list[Row]]] = defaultdict(list)
    for path in (home / "attempts").glob("*.json"):
        found[int(path.name.split("-")[0])].append(sorted(map(tuple, json.loads(path.read_text()))))
    return found


def in_sink(home: Path) -> int:
    """How many batches came to the sink."""
    return len({path.name.split("-")[0] for path in (home / "attempts").glob("*.json")})


def uncommitted(home: Path) -> bool:
    """Whether a batch is in the sink and not in the checkpoint."""
    committed = {path.name for path in (home / "checkpoint" / "commits").glob("[0-9]*")}
    return any(path.name.split("-")[0] not in committed for path in (home / "attempts").glob("*.json"))


def main(home: Path, stream: str) -> None:
    """Read the stream until it is killed, or drained."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "512m")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.local.dir", str(home / "local"))
        # how long a new Python worker may take to call back; 15 s, the default, is too little on a busy machine
        .config("spark.python.authenticate.socketTimeout", "60s")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    (home / "attempts").mkdir(exist_ok=True)
    print("ready", flush=True)
    finish = sys.stdin.readline().strip() == "finish"

    df = spark \
        .readStream \
        .format('kinesis') \
        .option('streamName', stream) \
        .option('initialPosition', 'earliest') \
        .option('region', 'us-east-1') \
        .option('awsAccessKey', 'test') \
        .option('awsSecretKey', 'test') \
        .option('maxRecordsPerTrigger', '1000') \
        .load()  # fmt: skip
    df = df.selectExpr("shardId", "sequenceNumber", "CAST(data as STRING)")

    def keep(frame: DataFrame, batch: int) -> None:
        rows = [tuple(row) for row in frame.collect()]
        if rows:
            path = home / "attempts" / f"{batch}-{uuid.uuid4()}"
            path.write_text(json.dumps(rows))
            path.rename(path.with_suffix(".json"))  # whole or not at all

    writer = df.writeStream.option("checkpointLocation", str(home / "checkpoint")).foreachBatch(keep)
    (writer.trigger(availableNow=True) if finish else writer).start().awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
