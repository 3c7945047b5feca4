"""Bad input through the real path: what is not JSON goes to the dead letters, what is not valid to quarantine."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Producer

from pinpipe import delta, lake
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e

PIN = {"index": 0, "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf", "category": "art", "follower_count": "124k"}
GEO = {"ind": 0, "timestamp": "2020-08-28T03:52:47", "latitude": 1.5, "longitude": -2, "country": "Albania"}
USER = {"ind": 0, "first_name": "Ada", "last_name": "Byron", "age": 36, "date_joined": "2016-01-01 00:00:00"}


def without(row: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in names}


QUARANTINED: dict[str, list[tuple[object, list[str]]]] = {
    "pin": [
        (without(PIN, "index"), ["ind:missing"]),
        ({**PIN, "index": "x"}, ["ind:unparsable"]),
        ({**PIN, "index": -1}, ["ind:out_of_range"]),
        ({**PIN, "unique_id": " "}, ["unique_id:missing"]),
        ({**PIN, "category": None}, ["category:missing"]),
        ({**PIN, "follower_count": "many"}, ["follower_count:unparsable"]),
        ({**PIN, "follower_count": "3B"}, ["follower_count:out_of_range"]),
        ({"index": 1, "name": "x", "age": 25, "role": "y"}, ["unique_id:missing", "category:missing"]),
        ([PIN], ["record:not_an_object"]),
        (7, ["record:not_an_object"]),
    ],
    "geo": [
        (without(GEO, "country", "timestamp"), ["country:missing", "timestamp:missing"]),
        ({**GEO, "timestamp": "2020-02-30 00:00:00"}, ["timestamp:unparsable"]),
        ({**GEO, "latitude": 90.5}, ["latitude:out_of_range"]),
        ({**GEO, "longitude": "NaN"}, ["longitude:unparsable"]),
        (PIN, ["ind:missing", "country:missing", "latitude:missing", "longitude:missing", "timestamp:missing"]),
    ],
    "user": [
        (without(USER, "first_name"), ["first_name:missing"]),
        ({**USER, "last_name": ""}, ["last_name:missing"]),
        ({**USER, "age": 151}, ["age:out_of_range"]),
        ({**USER, "age": "old"}, ["age:unparsable"]),
        ({**USER, "date_joined": "yesterday"}, ["date_joined:unparsable"]),
    ],
}
NOT_JSON = (b"\xff\xfe", b"{'index': 1}", b'{"index": 1} trailing', b'{"index": NaN}', b"", b"hello")
"""What the sink puts among the dead letters, a zero-length value included."""


@pytest.fixture(scope="module")
def dirty(stack: Pipeline) -> Pipeline:
    """A user whose topics hold good rows, every kind of bad one in between, and tombstones."""
    pipeline = Pipeline("dirty")
    pipeline.run("provision")
    settings = pipeline.settings()
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for table, good in (("pin", PIN), ("geo", GEO), ("user", USER)):
        topic = settings.topic(table)
        for value, _ in QUARANTINED[table]:
            producer.produce(topic, json.dumps(good).encode(), key=b"0")
            producer.produce(topic, json.dumps(value).encode(), key=b"0")
        for value in NOT_JSON:
            producer.produce(topic, value, key=b"0")
            producer.produce(topic, None, key=b"0")  # type: ignore[arg-type]  # a tombstone
        producer.produce(topic, json.dumps(good, indent=1).encode(), key=b"0")
    assert producer.flush(30) == 0
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline


def test_every_reason_is_kept_with_the_bytes_as_they_were(dirty: Pipeline) -> None:
    rows = delta.rows(dirty.settings(), "quarantine/batch") or []
    for table, expected in QUARANTINED.items():
        found = [(row["raw"], row["reasons"]) for row in rows if row["table"] == table]
        wanted = [(json.dumps(value).encode(), reasons) for value, reasons in expected]
        assert sorted(found) == sorted(wanted)


def test_the_newest_good_row_is_the_clean_one(dirty: Pipeline) -> None:
    [user] = delta.rows(dirty.settings(), "batch/user") or []
    assert (user["ind"], user["user_name"], user["age"]) == (0, "Ada Byron", 36)
    last = 2 * len(QUARANTINED["user"]) + 2 * len(NOT_JSON)
    assert user["_source"] == {"topic": dirty.settings().topic("user"), "partition": 0, "offset": last}


def test_dead_letters_and_tombstones_are_counted_and_the_rest_flows(dirty: Pipeline) -> None:
    for table, counts in dirty.json("status")["batch"].items():
        bad = len(QUARANTINED[table])
        assert counts["dead_letters"] == counts["tombstones"] == len(NOT_JSON), table
        assert counts["topic"] == 2 * bad + 2 * len(NOT_JSON) + 1
        assert counts["lake"] == 2 * bad + 1
        assert (counts["clean"], counts["superseded"], counts["quarantined"]) == (1, bad, bad)
        assert counts["repeats"] == bad - 1  # the last good row is written with other white space


def test_no_offset_lies_in_the_lake_twice(dirty: Pipeline) -> None:
    for table in QUARANTINED:
        offsets = lake.offsets(dirty.settings(), table)
        assert len(offsets) == len(set(offsets))
