"""A quarantined message is written out, repaired by hand, and sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from pinpipe import delta
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e

BAD = {"ind": 3, "first_name": "Ada", "last_name": "Byron", "age": "thirty-six", "date_joined": "2016-01-01T00:00:00"}


def test_a_repaired_record_becomes_clean_and_its_quarantined_form_stays(
    new_user: Callable[[], Pipeline], tmp_path: Path
) -> None:
    pipeline = new_user()
    producer = Producer({"bootstrap.servers": pipeline.settings().kafka_bootstrap_servers})
    producer.produce(pipeline.settings().topic("user"), json.dumps(BAD))
    producer.produce(pipeline.settings().topic("user"), b"[1]")
    assert producer.flush(30) == 0
    pipeline.wait_for_sink()
    pipeline.run("batch")

    file = tmp_path / "quarantine.jsonl"
    pipeline.run("replay", "user", str(file), "--write")
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(entry["offset"], entry["reasons"]) for entry in entries] == [
        (0, ["age:unparsable"]),
        (1, ["record:not_an_object"]),
    ]
    assert json.loads(entries[0]["raw"]) == BAD
    entries[0]["repaired"] = {**BAD, "age": 36}
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    pipeline.run("replay", "user", str(file))
    pipeline.wait_for_sink()
    pipeline.run("batch")

    [row] = delta.rows(pipeline.settings(), "batch/user") or []
    assert (row["ind"], row["age"], row["_source"]["offset"]) == (3, 36, 2)
    counts = pipeline.json("status")["batch"]["user"]
    assert (counts["lake"], counts["clean"], counts["superseded"], counts["quarantined"]) == (3, 1, 0, 2)
