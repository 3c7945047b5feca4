"""What Spark's settings do: ``python -m bench.spark_settings [--only NAME=VALUE ...] [--rounds N]``.

``pinpipe batch`` on 3 x 11,154 rows, as in :mod:`bench.batch`: as it is, and with one setting changed: to Spark's or
Java's own default, for those in use; to another value, for those that might be. What a session can change takes turns
in one process, after a round that warms it up. The others need a process each, against one with all settings as they
are: its first round is cold, the second warm. What is not about time is explained in ``notes/spark_settings.md``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.batch import Steps, child, environment, local, measures, ours
from bench.lake import Lake
from bench.report import Report, Target, arguments
from pinpipe.settings import ROOT
from spark_jobs.session import FROM_ARCHIVE, JAVA_OPTIONS, session

JAVA = "spark.driver.extraJavaOptions"
ONE, OWN = "as they are, one process", "as they are, a process of its own"


def without(*options: str) -> str:
    """Java's options but for some."""
    return " ".join([FROM_ARCHIVE, *(each for each in JAVA_OPTIONS.split() if not each.startswith(options))])


IN_SESSION = (
    "spark.sql.shuffle.partitions=200",
    "spark.databricks.delta.snapshotPartitions=50",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism=10000",
    "spark.sql.codegen.hugeMethodLimit=65535",
    "spark.sql.adaptive.enabled=false",
)
"""What a session can change, to what; the last is not in use."""
AT_START = {
    "no class archive": f"{JAVA}={JAVA_OPTIONS}",
    "no Tier4 thresholds": f"{JAVA}={without('-XX:Tier4')}",
    "no UseSerialGC": f"{JAVA}={without('-XX:+UseSerialGC')}",
    "spark.ui.enabled=true": "spark.ui.enabled=true",
    "spark.sql.codegen.cache.maxEntries=100": "spark.sql.codegen.cache.maxEntries=100",
}
"""What must be there when Spark starts, and how that is said."""
TARGETS = [
    *(Target(f"warm: {name} / as they are", (name, "warm, s"), (ONE, "warm, s")) for name in IN_SESSION),
    *(
        Target(f"{when}: {name} / as they are", (name, f"{when}, s"), (OWN, f"{when}, s"))
        for name in AT_START
        for when in ("cold", "warm")
    ),
]


def main() -> None:
    from tests.support.localstack import LocalStack

    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=[*IN_SESSION, *AT_START], default=[*IN_SESSION, *AT_START])
    parser.add_argument("--rounds", type=int, default=3, help="of those that take turns")
    given = parser.parse_args()
    rows = 2000 if given.quick else 11_154
    report = Report("spark_settings", TARGETS, given.record)
    lake = Lake(rows, 500).make()
    with (
        tempfile.TemporaryDirectory(prefix="bench-settings-") as folder,
        LocalStack(Path(folder), ROOT / ".pinpipe") as localstack,
    ):
        settings = local(localstack.url)
        lake.upload(localstack.s3(), settings)
        at_start = {name: [AT_START[name]] for name in given.only if name in AT_START}
        for name, options in {OWN: [], **at_start}.items() if at_start else ():
            done, _ = child("ours", lake, 2, environment(settings), options)
            report.add(name, measures(done, rows))
        chosen = [name for name in given.only if name in IN_SESSION]
        if chosen:
            spark = session(settings)
            rounds: dict[str, list[dict[str, float]]] = {name: [] for name in (ONE, *chosen)}
            for number in range(given.rounds + 1):
                for name in rounds if number else (ONE,):
                    setting, _, value = name.partition("=")
                    before = spark.conf.get(setting) if value else None
                    if value:
                        spark.conf.set(setting, value)
                    steps = Steps()
                    ours(spark, settings, steps, ask=False)
                    rounds[name] += [steps.seconds] if number else []
                    if before:
                        spark.conf.set(setting, before)
            spark.stop()
            for name, done in rounds.items():
                found = measures(done[:1] + done, rows)
                del found["cold, s"]
                report.add(name, found)
    report.close()


if __name__ == "__main__":
    main()
