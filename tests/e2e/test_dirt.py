"""Every kind of dirt through the real path, beside good rows: where it arrived, where it must be, its bytes as sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Producer

from pinpipe import delta, kafka, lake
from tests.support.kinds import GOOD, KINDS, Kind
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Found:
    """What is known of one coordinate: the places it is in, its bytes there, reasons and clean row, if any."""

    places: list[str] = field(default_factory=list)
    stored: list[bytes | None] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    cleaned: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def dirty(stack: Pipeline) -> Pipeline:
    """A user whose topics hold one record of each kind, and a good row of post 0 behind each."""
    pipeline = Pipeline("dirty")
    pipeline.run("provision")
    settings = pipeline.settings()
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for kind in KINDS:
        topic = settings.topic(kind.table)
        producer.produce(topic, kind.value, key=b"0")  # type: ignore[arg-type]  # None is a tombstone
        producer.produce(topic, json.dumps(GOOD[kind.table]).encode(), key=b"0")
    assert producer.flush(30) == 0
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline


@pytest.fixture(scope="module")
def found(dirty: Pipeline) -> dict[tuple[str, int], Found]:
    """(Table, offset) to what is known of it, from the topics, the dead letters and every Delta table."""
    settings = dirty.settings()
    known: dict[tuple[str, int], Found] = defaultdict(Found)
    tables = {settings.topic(table): table for table in GOOD}

    def at(row: Mapping[str, Any]) -> Found:
        return known[tables[row["_source"]["topic"]], row["_source"]["offset"]]

    for table in GOOD:
        for message in kafka.read_topic(settings, settings.topic(table)):
            if message.value() is None:
                known[table, message.offset() or 0].places.append("tombstone")
        for row in delta.rows(settings, f"raw/{table}") or []:
            at(row).stored.append(row["raw"])
        for row in delta.rows(settings, f"batch/{table}") or []:
            at(row).places.append("clean")
            at(row).cleaned.update(row)
    for message in kafka.read_topic(settings, settings.dead_letter_topic):
        headers: dict[str, bytes] = dict(message.headers() or [])  # type: ignore[arg-type]
        letter = known[tables[headers["__connect.errors.topic"].decode()], int(headers["__connect.errors.offset"])]
        letter.places.append("dead letter")
        letter.stored.append(message.value())
    for row in delta.rows(settings, "superseded/batch") or []:
        at(row).places.append("superseded")
    for row in delta.rows(settings, "quarantine/batch") or []:
        at(row).places.append("quarantine")
        at(row).stored.append(row["raw"])
        at(row).reasons.extend(row["reasons"])
    return known


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_record_of_this_kind_is_where_it_must_be_with_its_bytes(
    kind: Kind, found: dict[tuple[str, int], Found]
) -> None:
    offset = 2 * [each for each in KINDS if each.table == kind.table].index(kind)
    record = found[kind.table, offset]
    stored = [] if kind.value is None else [kind.stored or kind.value]
    assert record.places == [kind.place]
    assert record.stored == (stored * 2 if kind.place == "quarantine" else stored)
    assert record.reasons == list(kind.reasons)
    assert {name: record.cleaned[name] for name in kind.cleaned} == kind.cleaned


@pytest.mark.parametrize("table", GOOD)
def test_the_good_rows_beside_them_are_there_and_the_newest_is_the_clean_one(
    table: str, found: dict[tuple[str, int], Found]
) -> None:
    rows = [found[table, 2 * n + 1] for n, _ in enumerate(kind for kind in KINDS if kind.table == table)]
    assert [row.places for row in rows] == [["superseded"]] * (len(rows) - 1) + [["clean"]]
    assert {row.stored[0] for row in rows} == {json.dumps(GOOD[table]).encode()}
    assert rows[-1].cleaned["ind"] == 0


def test_the_counts_are_those_of_the_kinds_and_add_up(dirty: Pipeline) -> None:
    for table, counts in dirty.json("status")["batch"].items():
        places = [kind.place for kind in KINDS if kind.table == table]
        good, dead, null = len(places), places.count("dead letter"), places.count("tombstone")
        assert (counts["topic"], counts["lake"]) == (2 * good, 2 * good - dead - null), table
        assert (counts["dead_letters"], counts["tombstones"]) == (dead, null), table
        assert counts["clean"] == places.count("clean") + 1, table
        assert counts["superseded"] == places.count("superseded") + good - 1, table
        assert counts["quarantined"] == places.count("quarantine"), table
        assert counts["repeats"] == good - 1 + (2 if table == "pin" else 0), table
        assert counts["lake"] == counts["clean"] + counts["superseded"] + counts["quarantined"], table


def test_no_offset_lies_in_the_lake_twice(dirty: Pipeline) -> None:
    for table in GOOD:
        offsets = lake.offsets(dirty.settings(), table)
        assert len(offsets) == len(set(offsets)), table
