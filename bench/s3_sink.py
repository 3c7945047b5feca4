"""The S3 sink, one object per record, against a bare PutObject loop: ``python -m bench.s3_sink [--records N]``.

* sink: from the connector's ``resume`` until it has committed the last of the topic's records, all of which lie there
  before; the start of its task and its consumer group's forming are in it, and shown by themselves too.
* loop: ``PutLoop.java`` puts the same bytes with the same S3 client, as many at a time, in a JVM of its own with the
  worker's options.

Both write into the same LocalStack, each time into an empty bucket, in turn; who begins changes with every round. One
round before the first warms all of them up. LocalStack, broker and both clients share the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from bench.report import figures, machine
from bench.rest_proxy import record
from tests.support.connect import Connector, Worker, tools, wait_until
from tests.support.sink import Parts, own_names, running_parts

JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""The worker's options (services/connect/run.sh)."""


@dataclass
class Series:
    """Seconds, and objects a second from the first commit on; one figure a round."""

    loop: list[float] = field(default_factory=list)
    sink: list[float] = field(default_factory=list)
    steady: list[float] = field(default_factory=list)


@contextmanager
def put_loop(parts: Parts, lines: Path, threads: int) -> Iterator[subprocess.Popen[str]]:
    """A running ``PutLoop``."""
    # the plugin's own jars, and the worker's for what it gives its plugins
    jars = f"{tools()}/connect-plugins/pinpipe-s3-sink/*:{tools()}/jars/kafka/*"
    source = Path(__file__).with_name("PutLoop.java")
    loop = subprocess.Popen(
        [*JAVA, "-cp", jars, str(source), parts.localstack.url, str(lines), str(threads)],
        env={**os.environ, **parts.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield loop
    finally:
        loop.kill()
        loop.wait(10)


def time_loop(parts: Parts, loop: subprocess.Popen[str], records: int) -> float:
    """Seconds of one round of the loop."""
    bucket = f"loop-{uuid.uuid4().hex[:8]}"
    parts.localstack.s3().create_bucket(Bucket=bucket)
    assert loop.stdin is not None
    assert loop.stdout is not None
    loop.stdin.write(f"{bucket}\n")
    loop.stdin.flush()
    seconds = float(loop.stdout.readline())
    emptied(parts, bucket, records)
    return seconds


def time_sink(shared: Parts, worker: Worker, lines: list[bytes], threads: int) -> tuple[float, float]:
    """Seconds from the resume on, and objects a second between the first commit that a look found and the last."""
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    parts.produce(topic, lines)
    config = parts.config(flush__size="1", upload__threads=str(threads))
    worker.rest("POST", "/connectors", {"name": parts.user, "config": config, "initial_state": "STOPPED"})
    connector = Connector(worker, parts.user)
    # asks for the group's offsets and does not join it: cheaper than Connect's REST API, which is being measured
    group = Consumer({"bootstrap.servers": parts.broker.bootstrap, "group.id": f"connect-{parts.user}"})
    looks: list[tuple[float, int]] = []

    def done() -> bool:
        offset = group.committed([TopicPartition(topic, 0)], timeout=10)[0].offset  # negative: none
        if offset > 0:
            looks.append((time.monotonic(), offset))
        return offset == len(lines)

    start = time.monotonic()
    connector.resume()
    wait_until(done, "the sink is done", seconds=300, every=0.05)
    group.close()
    connector.delete()
    emptied(parts, parts.bucket, len(lines))
    (begun, before), (end, _) = looks[0], looks[-1]
    return end - start, (len(lines) - before) / (end - begun)


def emptied(parts: Parts, bucket: str, records: int) -> None:
    """Take the objects away again: there must be one a record."""
    s3 = parts.localstack.s3()
    deleted = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys: list[Any] = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        deleted += len(keys)
    if deleted != records:
        raise SystemExit(f"{bucket} held {deleted} objects, not {records}")


def measure(records: int, rounds: int, threads: int, folder: Path) -> Table:
    """All rounds."""
    lines = [json.dumps({**record(), "index": n}).encode() for n in range(records)]
    (folder / "lines").write_bytes(b"\n".join(lines))
    series = Series()
    with running_parts(folder) as parts, put_loop(parts, folder / "lines", threads) as put:
        (folder / "connect").mkdir()
        with Worker(folder / "connect", parts.broker.bootstrap, parts.environment) as worker:
            for number in range(rounds + 1):
                for what in ("sink", "loop") if number % 2 else ("loop", "sink"):
                    if what == "loop":
                        series.loop.append(time_loop(parts, put, records))
                    else:
                        seconds, steady = time_sink(parts, worker, lines, threads)
                        series.sink.append(seconds)
                        series.steady.append(steady)
    table = Table(title=f"{records} records of {len(lines[0])} bytes, an object each, {threads} uploads at a time")
    for name in ("", "seconds", "objects/s", "of the loop"):
        table.add_column(name, justify="right" if name else "left")
    loop_rates = [records / seconds for seconds in series.loop[1:]]
    sink_rates = [records / seconds for seconds in series.sink[1:]]
    for name, shown, rates in (
        ("bare PutObject loop", figures(series.loop[1:], ".1f"), loop_rates),
        ("sink, from resume", figures(series.sink[1:], ".1f"), sink_rates),
        ("sink, from its first commit", "", series.steady[1:]),
    ):
        share = statistics.median(rates) / statistics.median(loop_rates)
        table.add_row(name, shown, figures(rates), f"{share:.0%}")
    table.caption = f"minimum / median / maximum of {rounds} rounds; {machine()}"
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=8, help="uploads at a time; 8 is the sink's default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-s3-sink-") as folder:
        Console(width=120).print(measure(arguments.records, arguments.rounds, arguments.threads, Path(folder)))


if __name__ == "__main__":
    main()
