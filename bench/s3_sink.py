"""The S3 sink against a bare PutObject loop: ``python -m bench.s3_sink [--sizes 1 500] [--objects N]``.

Objects of one record, as the course has them, and of 500, our default.

* sink: from the connector's ``resume`` until it has committed the last of the topic's records, all of which lie there
  before; the start of its task and its consumer group's forming are in it, and shown by themselves too.
* loop: ``PutLoop.java`` puts the same bytes with the same S3 client, as many at a time, in a JVM of its own with the
  worker's options.

Both write into the same LocalStack, each time into an empty bucket, in turn; who begins changes with every round. One
round before the first warms all of them up. LocalStack, broker and both clients share the machine's cores.
"""

from __future__ import annotations

import json
import os
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

from bench.report import Report, Target, arguments
from bench.rest_proxy import record
from tests.support.connect import Connector, Worker, tools, wait_until
from tests.support.sink import Parts, own_names, running_parts

JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""The worker's options (services/connect/run.sh)."""
OBJECTS = {1: 3000, 500: 400}
"""Records an object, and how many objects a round has: seconds, of which a group's start is a small part."""


def case(size: int) -> str:
    return f"{size} record{'s' if size > 1 else ''} an object"


TARGETS = [
    *(
        Target(f"{case(size)}: sink, from resume / loop", (case(size), "sink, records/s"),
               (case(size), "loop, records/s"), least=0.8)
        for size in OBJECTS
    ),
    *(
        Target(f"{case(size)}: sink, from its first commit / loop",
               (case(size), "sink from its first commit, records/s"), (case(size), "loop, records/s"))
        for size in OBJECTS
    ),
]  # fmt: skip


@dataclass
class Series:
    """Seconds, and records a second from the first commit on; one figure a round."""

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


def time_loop(parts: Parts, loop: subprocess.Popen[str], objects: int) -> float:
    """Seconds of one round of the loop."""
    bucket = f"loop-{uuid.uuid4().hex[:8]}"
    parts.localstack.s3().create_bucket(Bucket=bucket)
    assert loop.stdin is not None
    assert loop.stdout is not None
    loop.stdin.write(f"{bucket}\n")
    loop.stdin.flush()
    seconds = float(loop.stdout.readline())
    emptied(parts, bucket, objects)
    return seconds


def time_sink(shared: Parts, worker: Worker, lines: list[bytes], size: int, threads: int) -> tuple[float, float | None]:
    """Seconds from the resume on, and records a second between the first commit that a look found and the last."""
    parts = own_names(shared, "pin")
    topic = f"{parts.user}.pin"
    parts.produce(topic, lines)
    config = parts.config(flush__size=str(size), rotate__schedule__interval__ms="60000", upload__threads=str(threads))
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
    emptied(parts, parts.bucket, len(lines) // size)
    (begun, before), (end, _) = looks[0], looks[-1]
    return end - start, (len(lines) - before) / (end - begun) if end > begun else None


def emptied(parts: Parts, bucket: str, objects: int) -> None:
    """Take the objects away again: there must be so many."""
    s3 = parts.localstack.s3()
    deleted = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys: list[Any] = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        deleted += len(keys)
    if deleted != objects:
        raise SystemExit(f"{bucket} held {deleted} objects, not {objects}")


def measure(size: int, objects: int, rounds: int, threads: int, folder: Path) -> dict[str, list[float]]:
    """All rounds."""
    lines = [json.dumps({**record(), "index": n}).encode() for n in range(objects * size)]
    # the loop knows nothing of records: a line is an object
    bodies = (b" ".join(lines[first : first + size]) for first in range(0, len(lines), size))
    (folder / "lines").write_bytes(b"\n".join(bodies))
    series = Series()
    with running_parts(folder) as parts, put_loop(parts, folder / "lines", threads) as put:
        (folder / "connect").mkdir()
        with Worker(folder / "connect", parts.broker.bootstrap, parts.environment) as worker:
            for number in range(rounds + 1):
                for what in ("sink", "loop") if number % 2 else ("loop", "sink"):
                    if what == "loop":
                        series.loop.append(time_loop(parts, put, objects))
                    else:
                        seconds, steady = time_sink(parts, worker, lines, size, threads)
                        series.sink.append(seconds)
                        if steady and number:
                            series.steady.append(steady)
    return {
        "loop, records/s": [len(lines) / seconds for seconds in series.loop[1:]],
        "sink, records/s": [len(lines) / seconds for seconds in series.sink[1:]],
        "sink from its first commit, records/s": series.steady,
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(OBJECTS), help="records an object")
    parser.add_argument("--objects", type=int, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=8, help="uploads at a time; 8 is the sink's default")
    given = parser.parse_args()
    report = Report("s3_sink", TARGETS, given.record)
    for size in [500] if given.quick else given.sizes:
        objects = given.objects or (20 if given.quick else OBJECTS.get(size, 100))
        with tempfile.TemporaryDirectory(prefix="bench-s3-sink-") as folder:
            found = measure(size, objects, 1 if given.quick else given.rounds, given.threads, Path(folder))
        report.add(case(size), {name: values for name, values in found.items() if values})
    report.close()


if __name__ == "__main__":
    main()
