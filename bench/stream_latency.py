"""From put to readable: ``python -m bench.stream_latency [--seconds N] [--rate N]``, against the running stack.

Records are put into the three streams in turn, new keys only, a request every half second and stream (one record a
request would measure LocalStack). A row is readable when the Delta version that holds it is on S3: a HEAD request for
each table's next version, every quarter of a second, says when; so a figure is up to a quarter of a second too high.
The time goes where Spark's progress of each micro-batch says; what is left is waiting for the batch before.

There is no baseline to take a ratio of: the target is absolute, and holds for two cores with nothing else on them.
"""

from __future__ import annotations

import io
import json
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
import pyarrow.parquet
import requests
from botocore.exceptions import ClientError

from bench.report import Report, Target, arguments
from pinpipe import settings as pinpipe_settings
from pinpipe.aws import AwsAccess
from pinpipe.settings import ROOT, TABLES, Settings
from producer.generate import generate
from producer.tables import as_record

TARGETS = [Target("all streams, p95, s", ("all", "p95, s"), most=5)]
EVERY = 0.5
"""Seconds between two requests to a stream."""
STAGES = ("triggerExecution", "latestOffset", "getBatch", "queryPlanning", "walCommit", "addBatch", "commitOffsets")
"""Of a micro-batch, as Spark tells them; the first is all of it."""


@dataclass
class Watch:
    """Sees a table's versions come."""

    settings: Settings
    table: str
    seen: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = f"delta/stream/{self.settings.pin_user_id}_{self.table}_table"
        self._s3, self._prefix = AwsAccess.of(self.settings).s3(), path
        names = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.bucket, Prefix=f"{path}/_delta_log/"
        )
        keys = [found["Key"] for page in names for found in page.get("Contents", [])]
        self._next = 1 + max(int(key.rsplit("/", 1)[1][:20]) for key in keys if key.endswith(".json"))

    def look(self) -> None:
        try:
            self._s3.head_object(Bucket=self.settings.bucket, Key=self._log(self._next))
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
        else:
            self.seen[self._next] = time.time()
            self._next += 1

    def _log(self, version: int) -> str:
        return f"{self._prefix}/_delta_log/{version:020}.json"

    def readable(self) -> dict[int, float]:
        """When each key became readable."""
        times: dict[int, float] = {}
        for version, when in self.seen.items():
            log = self._s3.get_object(Bucket=self.settings.bucket, Key=self._log(version))["Body"].read()
            for action in map(json.loads, log.splitlines()):
                if "add" in action:
                    key = f"{self._prefix}/{action['add']['path']}"
                    content = self._s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"].read()
                    for ind in pyarrow.parquet.read_table(io.BytesIO(content), columns=["ind"])["ind"].to_pylist():
                        times.setdefault(ind, when)  # a compaction writes a row again
        return times


def put(settings: Settings, rate: float, seconds: float, stop: threading.Event) -> dict[str, dict[int, float]]:
    """Put records at a rate, all streams together, for some seconds; when each key was put, by table."""
    kinesis = AwsAccess.of(settings).kinesis()
    each = max(1, round(rate * EVERY / len(TABLES)))
    rounds = int(seconds / EVERY)
    made = generate(each * rounds, seed=1)
    first = int(time.time()) % 100_000_000 * 20  # keys that no earlier run has used
    times: dict[str, dict[int, float]] = defaultdict(dict)
    begun = time.time()
    for number in range(rounds):
        for place, table in enumerate(TABLES):
            time.sleep(max(0.0, begun + EVERY * (number + place / len(TABLES)) - time.time()))
            rows: list[Any] = list(made.rows(table))
            key = "index" if table == "pin" else "ind"
            records = []
            for ind in range(number * each, (number + 1) * each):
                content = {**as_record(rows[ind]), key: first + ind}
                records.append({"PartitionKey": str(ind), "Data": json.dumps(content, default=str).encode()})
                times[table][first + ind] = time.time()
            kinesis.put_records(StreamName=settings.stream(table), Records=records)  # type: ignore[arg-type]
    stop.set()
    return times


def spread(waits: Sequence[float]) -> dict[str, list[float]]:
    """Median, 95th percentile and maximum."""
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {"p50, s": [cuts[49]], "p95, s": [cuts[94]], "maximum, s": [max(waits)]}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=50, help="records a second, the three streams together")
    parser.add_argument("--warm", type=float, default=60, help="seconds of the same load before, not measured")
    given = parser.parse_args()
    settings = pinpipe_settings.load()
    report = Report("stream_latency", TARGETS, given.record)
    if given.warm:
        for stream, found in run(settings, given.rate, given.warm).items():
            print(f"warming up, {stream}: {found}", flush=True)
    for stream, found in run(settings, given.rate, given.seconds).items():
        report.add(stream, found)
    report.close()


def run(settings: Settings, rate: float, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Put for some seconds; what each stream's records, and all, waited, and where the time of its batches went."""
    watches = {table: Watch(settings, table) for table in TABLES}
    done = threading.Event()
    batches: dict[tuple[str, int], dict[str, float]] = {}
    times: dict[str, dict[int, float]] = {}
    job = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"] and process.info["cmdline"][1:] == [str(ROOT / ".venv/bin/pinpipe"), "stream"]
    )

    def told() -> dict[str, Any]:
        """Each query's last micro-batch."""
        answer: dict[str, Any] = requests.get(f"http://127.0.0.1:{settings.stream_port}/progress", timeout=10).json()
        return answer

    def cpu() -> float:
        family = [job, *job.children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in family)

    thread = threading.Thread(target=lambda: times.update(put(settings, rate, seconds, done)))
    before = {table: last["batch"] for table, last in told().items()}
    used, begun = cpu(), time.time()
    thread.start()
    end = float("inf")
    while time.time() < end:
        if done.is_set() and end == float("inf"):
            end = time.time() + 40
            cores = (cpu() - used) / (time.time() - begun)
        for watch in watches.values():
            watch.look()
        for table, last in told().items():
            if last["records"] and last["batch"] != before[table]:
                batches[table, last["batch"]] = {"records": last["records"], **last["milliseconds"]}
        if end != float("inf") and all(
            sum(entry["records"] for (name, _), entry in batches.items() if name == table) >= len(times[table])
            for table in TABLES
        ):
            for watch in watches.values():
                watch.look()
            break
        time.sleep(0.25)
    thread.join()

    found: dict[str, dict[str, list[float]]] = {}
    everything: list[float] = []
    for table in TABLES:
        readable = watches[table].readable()
        waits = [readable[ind] - when for ind, when in times[table].items() if ind in readable]
        everything += waits
        mine = [entry for (name, _), entry in batches.items() if name == table]
        found[table] = {
            "records put": [len(times[table])],
            "records readable": [len(waits)],
            **spread(waits),
            "micro-batches": [len(mine)],
            **{f"{stage}, ms": [entry.get(stage, 0) for entry in mine] for stage in STAGES},
        }
    found["all"] = {**spread(everything), "the job, cores": [cores]}
    return found


if __name__ == "__main__":
    main()
