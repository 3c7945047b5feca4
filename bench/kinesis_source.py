"""The Kinesis source against its only peer and two floors: ``python -m bench.kinesis_source [--quick]``.

* peer: awslabs/spark-sql-kinesis-connector 2.0.0, a jar built from its tag, on the Spark it was built for.
  ``PIN_PEER_JAR`` is the jar, ``PIN_PEER_PYTHON`` a Python with ``pyspark==4.0.1`` and ``psutil``. Without them it is
  left out.
* bare loop: GetRecords in a thread a shard with this library's client, pages decoded to Arrow and thrown away: no
  spool, no Spark.
* rate source: Spark's own, which makes as many rows out of nothing: what Spark and its sink cost by themselves.

Kinesis is the fake server of ``tests/support``, a process of its own on this machine, without faults and without
AWS's limits; it, the JVMs and Spark's Python processes share the cores. Records are of 593 bytes, in four shards, with
as many in each, which is the peer's best case: it ends a batch at 100,000 records a shard, or when none have come for
ten seconds. Each source has a Spark of its own, ``local[4]``, which is warm: it has drained the backlog twice. Both
have their defaults, but that the peer, at a steady rate, is given an end for its batches. Each round measures all of
them in turn.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from bench.kinesis_side import Side
from bench.report import Report, Target, arguments
from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.options import Connection
from pyspark_kinesis.position import TrimHorizon
from tests.support.fake_kinesis import FakeKinesis

SHARDS = 4
RECORD = b"x" * 593
RATE = 200
"""Records a second of the steady measure."""
JAR, PYTHON = "PIN_PEER_JAR", "PIN_PEER_PYTHON"

Values = dict[str, dict[str, list[float]]]
"""A value a round, by side and measure."""
BACKLOG = "backlog: records/s"
FIRST = "first rows after load(): s"
P50, CORES = f"{RATE} records/s, put to sink: p50 s", f"{RATE} records/s: cores"
IDLE, READS = "three idle queries: cores", "three idle queries: reads/s and shard"
TARGETS = [
    Target("backlog: ours / bare loop", ("ours", BACKLOG), ("bare loop", BACKLOG), least=1 / 3),
    Target("backlog: ours / rate source", ("ours", BACKLOG), ("rate source", BACKLOG)),
    Target("backlog: ours / peer", ("ours", BACKLOG), ("peer", BACKLOG), least=1),
    Target(FIRST, ("ours", FIRST), most=1),
    Target(P50, ("ours", P50), most=0.4),
    Target(CORES, ("ours", CORES), most=0.5),
    Target(IDLE, ("ours", IDLE), most=0.25),
    Target(READS, ("ours", READS), most=5),
    *(Target(f"{measure}: ours / peer", ("ours", measure), ("peer", measure)) for measure in (FIRST, P50, CORES, IDLE)),
]


def bare_loop(kinesis: FakeKinesis, stream: str) -> float:
    """Seconds to fetch and decode all of a stream."""
    client = KinesisClient(Connection("us-east-1", kinesis.url, "test", "test"))

    def shard(shard_id: str) -> None:
        iterator: str | None = client.shard_iterator(stream, shard_id, TrimHorizon())
        while iterator:
            page = client.get_records(iterator, 10_000, stream, shard_id)
            iterator = None if page.caught_up else page.next_iterator

    begun = time.perf_counter()
    with ThreadPoolExecutor(SHARDS) as threads:
        list(threads.map(shard, kinesis.shards(stream)))
    return time.perf_counter() - begun


@contextmanager
def writing(kinesis: FakeKinesis, stream: str) -> Iterator[None]:
    """Meanwhile so many records a second are put, twenty times a second, that begin with their time."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            kinesis.put(stream, [f"{time.time():.6f} {number}" for number in range(RATE // 20)])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def measure_one(side: Side, kinesis: FakeKinesis, count: int, seconds: float) -> dict[str, float]:
    """All that is measured of a source, once."""
    drain = side.measure("drain", stream="backlog", records=count)
    first = side.measure("first_rows", stream="backlog")
    stream = kinesis.create(f"steady-{time.time_ns()}", SHARDS)
    with writing(kinesis, stream):
        steady = side.measure("steady", stream=stream, seconds=seconds)
    idle = [kinesis.create(f"idle-{time.time_ns()}-{number}", SHARDS) for number in range(3)]
    resting = side.measure("idle", streams=idle, seconds=seconds)
    return {
        BACKLOG: count / drain["seconds"],
        "the same without the query's start": count / drain["without the start"],
        "the same: CPU s": drain["cores"] * drain["seconds"],
        "the same: batches": drain["batches"],
        FIRST: first["seconds"],
        P50: steady["p50"],
        f"{RATE} records/s, put to sink: p95 s": steady["p95"],
        CORES: steady["cores"],
        IDLE: resting["cores"],
        READS: resting["reads"],
    }


def measure(count: int, rounds: int, seconds: float, tell: Callable[[str], None]) -> Values:
    values: Values = {}
    with ExitStack() as open_:
        kinesis = open_.enter_context(FakeKinesis())
        kinesis.create("backlog", SHARDS)
        for begin in range(0, count, 50_000):
            kinesis.fill("backlog", min(50_000, count - begin), RECORD)
        sides = [open_.enter_context(Side("ours", kinesis))]
        if JAR in os.environ:
            sides.append(open_.enter_context(Side("peer", kinesis, os.environ[PYTHON])))
        for _ in range(2):  # warm
            for side in sides:
                drained = side.measure("drain", stream="backlog", records=count)
                first = side.measure("first_rows", stream="backlog")
                tell(f"{side.name}, warming up: {drained['seconds']:.2f} s, first rows {first['seconds']:.2f} s")
        sides[0].measure("rate", records=count)
        for _ in range(rounds):
            for side in sides:
                for name, value in measure_one(side, kinesis, count, seconds).items():
                    tell(f"{side.name}: {name} {value:,.2f}")
                    values.setdefault(side.name, {}).setdefault(name, []).append(value)
            rate = count / sides[0].measure("rate", records=count)["seconds"]
            values.setdefault("rate source", {}).setdefault(BACKLOG, []).append(rate)
            loop = count / bare_loop(kinesis, "backlog")
            values.setdefault("bare loop", {}).setdefault(BACKLOG, []).append(loop)
    return values


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=400_000, help="records of the backlog; 100,000 with --quick")
    parser.add_argument("--rounds", type=int, default=3, help="one with --quick")
    parser.add_argument("--seconds", type=float, default=20, help="length of the steady and of the idle measure")
    given = parser.parse_args()
    if JAR in os.environ and PYTHON not in os.environ:
        parser.error(f"{JAR} is set: set {PYTHON} too, to a Python that has the peer's pyspark, 4.0.1, and psutil")
    count, rounds, seconds = (100_000, 1, 10) if given.quick else (given.records, given.rounds, given.seconds)
    if JAR not in os.environ:
        print(f"The peer is left out: {JAR} names no jar.")
    report = Report("kinesis_source", TARGETS, given.record)
    for side, found in measure(count, rounds, seconds, lambda line: print(line, flush=True)).items():
        report.add(side, found)
    report.close()


if __name__ == "__main__":
    main()
