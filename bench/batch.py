"""From objects to the ten answers: ``python -m bench.batch [--rows N ...] [--ways ours course ...]``.

* ours: what ``pinpipe batch`` does, step by step, into Delta tables: load, clean, count, answers.
* course: the course's notebook (:mod:`bench.course_way`) in the same Spark with the same settings, on the same objects.
* duckdb, polars: the same answers from the same objects as local files. Their answers must equal ours.

Objects and tables are in LocalStack's S3, as in the pipeline; what DuckDB and Polars would need to fetch the objects
from there is measured, and counted. Each way has a process of its own, one after the other; its first round is
reported as cold, the others as warm. Every round of ours begins without tables.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.lake import Lake
from bench.report import Report, Target, arguments
from pinpipe.settings import ROOT, Settings
from spark_jobs.schemas import ANSWERED

SIZES = {11_154: 500, 100_000: 500, 1_000_000: 10_000}
"""Rows of each table, and records an object."""
WAYS = ("ours", "course", "duckdb", "polars")


def case(way: str, rows: int) -> str:
    return f"{rows:,} rows, {way}"


TOTAL = "warm, s"
TARGETS = [
    *(
        Target(
            f"{rows:,} rows: the course's way takes this many times as long as ours",
            (case("course", rows), TOTAL), (case("ours", rows), TOTAL), least=5 if rows == 100_000 else None,
        )
        for rows in SIZES
    ),
    Target(
        "ours, rows a second at 100,000 rows / at 11,154", (case("ours", 100_000), "rows/s"),
        (case("ours", 11_154), "rows/s"), least=1,
    ),
    Target(
        "ours, rows a second at 1,000,000 rows / at 100,000", (case("ours", 1_000_000), "rows/s"),
        (case("ours", 100_000), "rows/s"), least=1,
    ),
    *(
        Target(
            f"{rows:,} rows: ours takes this many times as long as {name}",
            (case("ours", rows), TOTAL), (case(way, rows), TOTAL),
        )
        for rows in SIZES
        for way, name in (("duckdb", "DuckDB"), ("polars", "Polars"))
    ),
]  # fmt: skip


def in_spark(way: str, rounds: int, options: dict[str, str]) -> Iterator[tuple[dict[str, float], Any]]:
    """Seconds of each step, round after round, and the last round's answers; for a process of its own."""
    from pinpipe import settings as pinpipe_settings
    from spark_jobs.session import configuration, in_process

    settings = pinpipe_settings.load()
    steps = Steps()
    spark = in_process(configuration(settings) | options)
    spark.range(1).count()
    steps.done("start Spark")
    for number in range(rounds):
        if way == "ours":
            answers = ours(spark, settings, steps, number == rounds - 1)
        else:
            from bench import course_way

            tables = course_way.clean(spark, settings.bucket)
            steps.done("read and clean")
            answers = course_way.answers(*tables)
            steps.done("answers")
        yield steps.seconds, answers
        steps = Steps()


class Steps:
    """A stopwatch."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def done(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._last = now - self._last, now


def ours(spark: Any, settings: Settings, steps: Steps, ask: bool) -> Any:
    from pinpipe import runs
    from spark_jobs.answers import ANSWERS, sort_rows
    from spark_jobs.batch import Batch

    place = f"s3a://{settings.bucket}/{uuid.uuid4()}"
    fresh = settings.model_copy(update={"pin_tables_path": place, "pin_checkpoint_path": f"{place}/checkpoints"})
    job = Batch(spark, fresh)
    for name, step in (
        ("create the tables", job.prepare),
        ("load", job.load),
        ("clean", job.clean_all),
        ("count", lambda: runs.hold(job.check("bench"))),
        ("answers", job.answers),
    ):
        step()
        steps.done(name)
    if not ask:
        return None
    return {
        answer.number: sort_rows(answer, [row.asDict() for row in job.written(answer).collect()]) for answer in ANSWERS
    }


def in_duckdb(folder: Path, rounds: int) -> Iterator[tuple[dict[str, float], Any]]:
    from bench import duckdb_way

    for _ in range(rounds):
        steps = Steps()
        db = duckdb_way.clean(folder)
        steps.done("clean")
        found = duckdb_way.answers(db)
        steps.done("answers")
        yield steps.seconds, found


def child(
    way: str, lake: Lake, rounds: int, environment: Mapping[str, str], options: Sequence[str] = ()
) -> tuple[list[dict[str, float]], Any]:
    """Run one way in a process of its own: each round's seconds by step, and the answers."""
    if way == "polars":
        command = [str(ROOT / ".venv-bench/bin/python"), "bench/polars_way.py", str(lake.folder), str(rounds)]
    else:
        command = [sys.executable, "-m", "bench.batch", "--child", way, str(rounds), str(lake.folder), *options]
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE
    ) as running:
        try:
            assert running.stdout is not None
            for line in running.stdout:
                if line.startswith('{"seconds"'):
                    lines.append(json.loads(line))
                    print(way, {step: round(seconds, 1) for step, seconds in lines[-1]["seconds"].items()}, flush=True)
        except BaseException:
            running.kill()  # the JVM ends with it
            raise
    if running.returncode:
        raise SystemExit(f"{way} ended with {running.returncode}")
    return [line["seconds"] for line in lines], lines[-1]["answers"]


def comparable(number: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """An answer's rows without their order."""
    return sorted(
        json.dumps(
            [
                value if isinstance(value, str) else float(value)
                for value in map(row.__getitem__, ANSWERED[number].names)
            ]
        )
        for row in rows
        if None not in row.values()
    )


def equal(found: Mapping[str, Any], expected: Mapping[str, Any]) -> int:
    """How many answers are the same."""
    return sum(comparable(number, found[number]) == comparable(number, expected[number]) for number in expected)


def measures(rounds: Sequence[Mapping[str, float]], rows: int, fetch: Sequence[float] = ()) -> dict[str, list[float]]:
    """A case's figures: the total cold and warm, the rate, and each step warm; of one round all is cold."""
    added = statistics.median(fetch) if fetch else 0.0
    totals = [sum(seconds.values()) + added for seconds in rounds]
    warm = totals[1:] or totals
    found = {"cold, s": totals[:1], "warm, s": warm, "rows/s": [3 * rows / seconds for seconds in warm]}
    if fetch:
        found["of it fetching the objects, s"] = list(fetch)
    for step in rounds[-1]:
        found[f"of it {step}, s"] = [seconds[step] for seconds in rounds[1:] or rounds]
    return found


def fetched(s3: Any, settings: Settings, rounds: int) -> list[float]:
    """Seconds in which eight threads read all objects."""
    from concurrent.futures import ThreadPoolExecutor

    seconds = []
    for _ in range(rounds):
        begin = time.monotonic()
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix="topics/")
        keys = [entry["Key"] for page in pages for entry in page["Contents"]]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read(), keys))
        seconds.append(time.monotonic() - begin)
    return seconds


def local(url: str, user: str = "bench") -> Settings:
    """The settings for a LocalStack of a bench's own, with Spark in the bench's process."""
    return Settings(  # type: ignore[call-arg]
        _env_file=None, pin_user_id=user, aws_endpoint_url=url, aws_access_key_id="test",
        aws_secret_access_key=SecretStr("test"), spark_remote=None,
    )  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """The same for a child."""
    return {**settings.environment(), "PIN_ENV_FILE": os.devnull}


@contextmanager
def on_localstack(lake: Lake) -> Iterator[tuple[Settings, Any]]:
    """The settings and the S3 client of a LocalStack of its own that holds the lake, which is made if need be."""
    from tests.support.localstack import LocalStack

    lake.make()
    with (
        tempfile.TemporaryDirectory(prefix="bench-batch-") as folder,
        LocalStack(Path(folder), ROOT / ".pinpipe") as localstack,
    ):
        settings, s3 = local(localstack.url), localstack.s3()
        lake.upload(s3, settings)
        yield settings, s3


def measure(report: Report, rows: int, size: int, ways: Sequence[str], rounds: int, options: Sequence[str]) -> None:
    lake = Lake(rows, size)
    with on_localstack(lake) as (settings, s3):
        expected: Any = None
        for way in ways:
            done, answers = child(way, lake, rounds + 1, environment(settings), options)
            fetch = fetched(s3, settings, max(rounds, 1)) if way in ("duckdb", "polars") else ()
            if way == "ours":
                expected = answers
            found = measures(done, rows, fetch)
            if expected and way != "ours":
                same = equal(answers, expected)
                found["answers that equal ours, of ten"] = [same]
                if way != "course" and same != len(expected):
                    raise SystemExit(f"{way} gives other answers than ours: a baseline of something else")
            report.add(case(way, rows), found)


def print_rounds(way: str, rounds: str, folder: str, *options: str) -> None:
    """What a child does: a line of JSON for each round."""
    found = (
        in_duckdb(Path(folder), int(rounds))
        if way == "duckdb"
        else in_spark(way, int(rounds), dict(option.split("=", 1) for option in options))
    )
    for seconds, answers in found:
        print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        print_rounds(*sys.argv[2:])
        return
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--rounds", type=int, default=3, help="warm ones; above 100,000 rows none")
    parser.add_argument("--spark", action="append", default=[], metavar="NAME=VALUE", help="another Spark setting")
    given = parser.parse_args()
    report = Report("batch", TARGETS, given.record)
    for rows in [2000] if given.quick else given.rows:
        rounds = 1 if given.quick else given.rounds if rows <= 100_000 else 0
        measure(report, rows, SIZES.get(rows, 500), given.ways, rounds, given.spark)
    report.close()


if __name__ == "__main__":
    main()
