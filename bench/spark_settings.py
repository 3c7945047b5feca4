"""What Spark's settings do: ``python -m bench.spark_settings [--only NAME=VALUE ...] [--rounds N]``.

``pinpipe batch`` as it is, and with one setting changed to Spark's or Java's own default. What a session can change
takes turns in one process, on 3 x 100,000 rows, after a round that warms it up: 3 x 11,154 have too few objects for
some of it. The others need a process each, in turn with one that has all settings as they are: its first batch is
cold, Spark's start included, its second warm; on 3 x 2,000 rows, as they are about the start. What is not about time
is explained in ``notes/spark_settings.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.batch import Steps, child, environment, measures, on_localstack, ours
from bench.lake import Lake
from bench.report import Report, Target, arguments
from spark_jobs.session import FROM_ARCHIVE, JAVA_OPTIONS, session

JAVA = "spark.driver.extraJavaOptions"
ONE, OWN = "as they are, one process", "as they are, a process of its own"


def without(*options: str) -> str:
    """Java's options but for some."""
    return " ".join([FROM_ARCHIVE, *(each for each in JAVA_OPTIONS.split() if not each.startswith(options))])


IN_SESSION = (
    "spark.sql.shuffle.partitions=200",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism=10000",
)
"""What a session can change, to what."""
AT_START = {
    "no class archive": f"{JAVA}={JAVA_OPTIONS}",
    "no Tier4 thresholds": f"{JAVA}={without('-XX:Tier4')}",
    "no UseSerialGC": f"{JAVA}={without('-XX:+UseSerialGC')}",
    "spark.ui.enabled=true": "spark.ui.enabled=true",
    "spark.sql.codegen.cache.maxEntries=100": "spark.sql.codegen.cache.maxEntries=100",
    "spark.databricks.delta.snapshotPartitions=50": "spark.databricks.delta.snapshotPartitions=50",
}
"""What must be there when Spark starts, or slows down what comes after it, and how that is said."""
START_ROWS = 2000
TARGETS = [
    *(Target(f"warm: {name} / as they are", (name, "warm, s"), (ONE, "warm, s")) for name in IN_SESSION),
    *(
        Target(f"{when}: {name} / as they are", (name, f"{when}, s"), (OWN, f"{when}, s"))
        for name in AT_START
        for when in ("cold", "warm")
    ),
]


def at_start(names: Sequence[str], rounds: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Each setting's figures: a process of its own a round, and one with all settings as they are."""
    lake = Lake(START_ROWS, 500)
    done: dict[str, list[list[dict[str, float]]]] = {name: [] for name in (OWN, *names)}
    with on_localstack(lake) as (settings, _):
        for _ in range(rounds):
            for name, processes in done.items():
                options = [AT_START[name]] if name in AT_START else []
                processes.append(child("ours", lake, 2, environment(settings), options)[0])
    for name, processes in done.items():
        cold, warm = zip(*processes, strict=True)
        yield (
            name,
            {
                "cold, s": [sum(seconds.values()) for seconds in cold],
                "of it start Spark, s": [seconds["start Spark"] for seconds in cold],
                "warm, s": [sum(seconds.values()) for seconds in warm],
            },
        )


def in_session(names: Sequence[str], rows: int, rounds: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Each setting's figures, and those with all settings as they are, in one session."""
    lake = Lake(rows, 500)
    done: dict[str, list[dict[str, float]]] = {name: [] for name in (ONE, *names)}
    with on_localstack(lake) as (settings, _):
        spark = session(settings)
        for number in range(rounds + 1):
            for name in done if number else (ONE,):
                setting, _, value = name.partition("=")
                before = spark.conf.get(setting) if value else None
                if value:
                    spark.conf.set(setting, value)
                steps = Steps()
                ours(spark, settings, steps, ask=False)
                # each batch has tables of its own: Delta would keep what it knows of all of them
                java: Any = spark.sparkContext._jvm
                java.org.apache.spark.sql.delta.DeltaLog.clearCache()
                done[name] += [steps.seconds] if number else []
                if before:
                    spark.conf.set(setting, before)
        spark.stop()
    for name, batches in done.items():
        found = measures(batches[:1] + batches, rows)
        del found["cold, s"]
        yield name, found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=[*IN_SESSION, *AT_START], default=[*IN_SESSION, *AT_START])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    report = Report("spark_settings", TARGETS, given.record)
    if names := [name for name in given.only if name in AT_START]:
        for each in at_start(names, rounds):
            report.add(*each)
    if names := [name for name in given.only if name in IN_SESSION]:
        for each in in_session(names, START_ROWS if given.quick else 100_000, rounds):
            report.add(*each)
    report.close()


if __name__ == "__main__":
    main()
