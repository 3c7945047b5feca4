"""The same answers however the rows arrive, and in whatever surroundings they are computed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from producer.generate import generate
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from spark_jobs.answers import ANSWERS, sort_rows
from spark_jobs.cleaning import split
from spark_jobs.quality import Conservation, ranks
from tests.support.dirty import TRAPS, Rows, rough
from tests.support.oracle import oracle_answers, oracle_tables
from tests.support.spark import messages, tables, values

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[2]


def test_repeats_older_states_garbage_and_other_spellings_change_no_row_and_are_all_accounted_for(
    spark: SparkSession,
) -> None:
    generated = generate(800)
    rows: Rows = {name: [as_record(row) for row in generated.rows(name)] for name in SOURCE}
    expected = oracle_tables(rows)
    for table, delivery in rough(rows).items():
        good, bad = split(messages(spark, delivery.payloads), table)
        good = good.persist()
        ranked = ranks(good, "ind").localCheckpoint()
        winners, losers = ranked.where("_rank = 1"), ranked.where("_rank > 1")

        assert values(winners.drop("_source", "_rank"), "ind") == expected[table]
        counts = Conservation(
            table=table,
            read=len(delivery.payloads),
            clean=winners.count(),
            superseded=losers.count(),
            quarantined=bad.count(),
            repeats=0,
        )
        assert counts.holds, str(counts)
        assert counts.clean == 800
        assert counts.quarantined == delivery.invalid


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_the_sessions_time_zone_has_no_say(spark: SparkSession, zone: str) -> None:
    elsewhere = spark.newSession()
    elsewhere.conf.set("spark.sql.session.timeZone", zone)
    cleaned = tables(elsewhere, TRAPS)

    expected = oracle_tables(TRAPS)
    assert values(cleaned["user"], "ind") == expected["user"]
    assert values(cleaned["geo"], "ind") == expected["geo"]
    found = {
        answer.number: values(answer.compute(**cleaned, per="user")) for answer in ANSWERS if "year" in answer.name
    }
    assert found == {number: oracle_answers(TRAPS)[number] for number in found}
    assert set(found) == {"2a", "2b", "6", "7", "8"}


THROUGH_CONNECT = """
import json
from pyspark.sql import SparkSession
from spark_jobs.answers import ANSWERS
from spark_jobs.cleaning import split
from tests.support.dirty import TRAPS
from tests.support.spark import messages, tables, values

spark = (
    SparkSession.builder.remote("local[2]")
    .config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    .getOrCreate()
)
assert "connect" in type(spark).__module__
cleaned = tables(spark, TRAPS)
answers = {answer.number: values(answer.compute(**cleaned, per="user")) for answer in ANSWERS}
good, bad = split(messages(spark, [b"no json", b"[]", b'{"ind": -1}']), "user")
print(json.dumps({"answers": answers, "good": good.count(), "reasons": [row["reasons"] for row in values(bad)]}))
del cleaned, good, bad  # a checkpoint is given back to its server, which must still be there
spark.stop()
"""


def test_through_spark_connect_it_is_the_same() -> None:
    """In a process of its own: one process has either a classic session or a Connect client."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")} | {
        "SPARK_TESTING": "1",  # the server takes a free port instead of 15002, which the stack may have
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", THROUGH_CONNECT],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["answers"] == oracle_answers(TRAPS)
    assert found["good"] == 0
    assert found["reasons"] == [
        ["record:not_json"],
        ["record:not_an_object"],
        ["ind:out_of_range", "first_name:missing", "last_name:missing", "age:missing", "date_joined:missing"],
    ]


def test_rows_of_a_table_without_order_are_sorted_into_the_answers_order() -> None:
    for number, rows in oracle_answers(TRAPS).items():
        (answer,) = (answer for answer in ANSWERS if answer.number == number)
        mixed = random.Random(1).sample(rows, len(rows))
        assert sort_rows(answer, mixed) == rows
        assert len(rows) < 2 or sort_rows(answer, rows[::-1]) != rows[::-1]
