"""How many records an object should have, and how to read them: ``python -m bench.objects [--rounds N]``.

The same 1,500 records as single objects, the course's layout, and in objects of 500, ours: read by Spark as text and
thrown away, from the folder and by the course's glob; and loaded into the raw tables as ``pinpipe batch load`` does.
From LocalStack's S3, the Spark session in this process; a round before the first warms it up.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bench.batch import local
from bench.lake import Lake
from bench.report import Report, Target, arguments
from pinpipe.settings import ROOT, TABLES

SIZES = (1, 500)
ROWS = 500
"""Of each of the three tables."""
FOLDER, GLOB, LOAD = "read the folder, s", "read by glob, s", "load, s"


def case(size: int) -> str:
    return "single objects" if size == 1 else f"objects of {size}"


TARGETS = [
    Target("single objects: by glob / folder", (case(1), GLOB), (case(1), FOLDER)),
    Target("objects of 500: by glob / folder", (case(500), GLOB), (case(500), FOLDER)),
    Target("folder: single objects / objects of 500", (case(1), FOLDER), (case(500), FOLDER)),
    Target("load: single objects / objects of 500", (case(1), LOAD), (case(500), LOAD)),
]


def seconds(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def main() -> None:
    from spark_jobs.batch import Batch
    from spark_jobs.session import session
    from tests.support.localstack import LocalStack

    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = 50 if given.quick else ROWS
    report = Report("objects", TARGETS, given.record)
    with (
        tempfile.TemporaryDirectory(prefix="bench-objects-") as folder,
        LocalStack(Path(folder), ROOT / ".pinpipe") as localstack,
    ):
        places = {}
        for size in SIZES:
            places[size] = local(localstack.url, f"objects-of-{size}")
            Lake(rows, size).make().upload(localstack.s3(), places[size])
        spark = session(places[1])

        def read(size: int, below: str) -> None:
            for table in TABLES:
                path = f"s3a://{places[size].bucket}/topics/{places[size].topic(table)}{below}"
                spark.read.text(path).write.format("noop").mode("overwrite").save()

        def load(size: int) -> float:
            place = f"s3a://{places[size].bucket}/{uuid.uuid4()}"
            fresh = {"pin_tables_path": place, "pin_checkpoint_path": f"{place}/checkpoints"}
            job = Batch(spark, places[size].model_copy(update=fresh))
            job.prepare()
            return seconds(job.load)

        figures: dict[int, dict[str, list[float]]] = {size: {FOLDER: [], GLOB: [], LOAD: []} for size in SIZES}
        for number in range(1 + (1 if given.quick else given.rounds)):
            for size in SIZES if number else (500,):
                found = {
                    FOLDER: seconds(lambda: read(size, "")),  # noqa: B023
                    GLOB: seconds(lambda: read(size, "/partition=0/*.json")),  # noqa: B023
                    LOAD: load(size),
                }
                for measure, value in found.items() if number else ():
                    figures[size][measure].append(value)
        spark.stop()
    for size in SIZES:
        report.add(case(size), figures[size])
    report.close()


if __name__ == "__main__":
    main()
