"""Every kind of dirt through every door: the REST proxy, the gateway, the lake itself; and dirt that nobody thought of.

Through the topic and the streams they go in CI, each kind in its place: tests/e2e/test_dirt.py, test_streaming.py.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests
from confluent_kafka import Producer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pinpipe import delta, kafka
from pinpipe.aws import AwsAccess, invoke_url
from pinpipe.settings import TABLES
from tests.support.drills import Result, account, record
from tests.support.kinds import GOOD, KINDS, Kind
from tests.support.pipeline import Pipeline
from tests.support.rest_proxy import BINARY_RECORDS, JSON_RECORDS

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

EXAMPLES, RECORDS = 10, 60
MADE: list[tuple[str, bytes | None]] = []
"""What hypothesis made: table and value."""


@pytest.fixture(scope="module")
def pipeline(stack: Pipeline) -> Pipeline:
    mine = Pipeline("poisoned")
    mine.run("provision")
    return mine


def is_json(value: bytes) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(value.decode(), parse_constant=refuse)
    except ValueError:
        return False
    return True


def end(pipeline: Pipeline, table: str) -> int:
    topic = pipeline.settings().topic(table)
    return kafka.size(kafka.watermarks(pipeline.settings(), topic)[topic])


@pytest.mark.parametrize("door", ["REST proxy", "gateway"])
def test_bytes_of_every_kind_reach_the_topic_as_they_are(pipeline: Pipeline, door: str) -> None:
    in_force = pipeline.settings()
    base = in_force.rest_proxy_url if door == "REST proxy" else invoke_url(in_force)
    sent = 0
    for table in TABLES:
        before = end(pipeline, table)
        values = [kind.value for kind in KINDS if kind.table == table]
        coded = [{"value": None if value is None else base64.b64encode(value).decode()} for value in values]
        answer = requests.post(
            f"{base}/topics/{in_force.topic(table)}", json={"records": coded},
            headers={"Content-Type": BINARY_RECORDS}, timeout=30,
        )  # fmt: skip
        assert [entry["error_code"] for entry in answer.json()["offsets"]] == [None] * len(values)
        stored = [message.value() for message in kafka.read_topic(in_force, in_force.topic(table))]
        assert stored[before:] == values
        sent += len(values)
    assert sent >= 40


@pytest.mark.parametrize("door", ["REST proxy", "gateway"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.value is not None], ids=str)
def test_a_json_record_of_every_kind_is_taken_as_it_is_or_refused_as_the_callers_fault(
    pipeline: Pipeline, door: str, kind: Kind
) -> None:
    assert kind.value is not None
    in_force = pipeline.settings()
    base = in_force.rest_proxy_url if door == "REST proxy" else invoke_url(in_force)
    before = end(pipeline, kind.table)
    answer = requests.post(
        f"{base}/topics/{in_force.topic(kind.table)}", data=b'{"records":[{"value":' + kind.value + b"}]}",
        headers={"Content-Type": JSON_RECORDS}, timeout=30,
    )  # fmt: skip
    if is_json(kind.value):
        assert [(one["offset"], one["error_code"]) for one in answer.json()["offsets"]] == [(before, None)]
    else:
        assert 400 <= answer.status_code < 500, answer.text
        assert end(pipeline, kind.table) == before


FIELDS = st.sampled_from(sorted({name for row in GOOD.values() for name in row} | {"x", "", "ind", "_source"}))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def poison(draw: st.DrawFn) -> tuple[str, bytes | None]:
    """A table and a value: a good row with fields changed, spoilt in the middle, or any bytes at all."""
    table = draw(st.sampled_from(TABLES))
    row = {**GOOD[table], **draw(st.dictionaries(FIELDS, VALUES, max_size=4))}
    text = json.dumps(row, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    cut, more = draw(st.integers(0, len(text))), draw(st.binary(max_size=6))
    return table, draw(st.sampled_from([text, text, text[:cut], text[:cut] + more + text[cut:], more, None]))


@given(made=st.lists(poison(), min_size=RECORDS, max_size=RECORDS))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_dirt_that_nobody_thought_of_is_sent(pipeline: Pipeline, made: list[tuple[str, bytes | None]]) -> None:
    producer = Producer({"bootstrap.servers": pipeline.settings().kafka_bootstrap_servers})
    for table, value in made:
        producer.produce(pipeline.settings().topic(table), value)  # type: ignore[arg-type]  # None is a tombstone
    assert producer.flush(30) == 0
    MADE.extend(made)


def test_all_of_it_is_in_one_place_each_with_its_bytes(pipeline: Pipeline) -> None:
    assert len(MADE) >= RECORDS * EXAMPLES // 2
    found = account(pipeline, {}, tables=True)
    in_force, changed = pipeline.settings(), 0
    for table in TABLES:
        sent = {message.offset(): message.value() for message in kafka.read_topic(in_force, in_force.topic(table))}
        for row in delta.rows(in_force, f"raw/{table}") or []:
            # line feeds between JSON's tokens become blanks, the one change to any record's bytes
            changed += row["raw"] != sent[row["_source"]["offset"]].replace(b"\n", b" ")
    note = f"{len(KINDS)} kinds through the REST proxy and the gateway, {len(MADE)} records by hypothesis"
    record(found.result("poison through REST proxy, gateway and topic", len(KINDS) * 2 + len(MADE), note=note))
    found.check()
    assert changed == 0


def test_poison_in_the_lake_itself_stops_no_batch(stack: Pipeline) -> None:
    """Objects that someone put there: of every kind under a name as the sink's, and names that are not the sink's."""
    pipeline = Pipeline("poisoned-lake")
    pipeline.run("provision")
    in_force = pipeline.settings()
    s3, bucket = AwsAccess.of(in_force).s3(), in_force.bucket
    kinds = [kind for kind in KINDS if kind.value is not None and b"\n" not in kind.value]
    strays = 0
    for table in TABLES:
        topic = in_force.topic(table)
        folder = f"topics/{topic}/partition=0"
        lines = b"".join((kind.value or b"") + b"\n" for kind in kinds if kind.table == table)
        s3.put_object(Bucket=bucket, Key=f"{folder}/{topic}+0+0000000000.json", Body=lines)
        s3.put_object(Bucket=bucket, Key=f"{folder}/{topic}+0+0000000900.json", Body=b"")
        for key in (
            f"{folder}/notes.txt",
            f"{folder}/a+b+c.json",
            f"{folder}/{topic}+0+99999999999999999999.json",
            f"{folder}/{topic}+99999999999+0.json",
            f"{folder}/{topic}+1+0000000000.json",
            f"{folder}/other.pin+0+0000000000.json",
            f"{folder}/{topic}+0+0000000800.json.bak",
            f"{folder}/sub/{topic}+0+0000000700.json",
            f"topics/{topic}/{topic}+0+0000000600.json",
            f"topics/{topic}/other=1/{topic}+1+0000000000.json",
        ):
            s3.put_object(Bucket=bucket, Key=key, Body=b'{"index": 1}\n\xff\xfe\n')
            strays += 1
    pipeline.run("batch")
    pipeline.run("batch")
    wrong = []
    for table in TABLES:
        mine = [kind for kind in kinds if kind.table == table]
        places: dict[int, list[str]] = {}
        for name in (f"batch/{table}", "superseded/batch", "quarantine/batch"):
            for row in delta.rows(in_force, name) or []:
                if row["_source"]["topic"] == in_force.topic(table):
                    places.setdefault(row["_source"]["offset"], []).append(name.partition("/")[0])
        for offset, kind in enumerate(mine):
            wanted = {"clean": "batch", "superseded": "superseded"}.get(kind.place, "quarantine")
            if places.pop(offset, []) != [wanted]:
                wrong.append(str(kind))
        wrong += [f"{table}: offset {offset} of nobody" for offset in places]
    counts = pipeline.json("status")["batch"]
    held = sum(counts[table]["lake"] for table in TABLES)
    note = f"{strays} objects with names that are not the sink's are left alone"
    record(Result("poison put into the lake by hand", len(kinds) + strays, len(kinds), len(wrong), 0, (), note))
    assert wrong == []
    assert held == len(kinds)
