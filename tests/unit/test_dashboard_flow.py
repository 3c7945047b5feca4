"""The picture's counts are the status's, unknown ones are question marks, and each trouble comes with what to do."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from dashboard.flow import PLACES, advice, arrows, described, number, paragraphs, picture
from pinpipe.counts import BatchCounts, DagState, PartState, Status, StreamCounts
from pinpipe.settings import TABLES
from pinpipe.stack import PARTS

pytestmark = pytest.mark.unit

BATCH = BatchCounts(
    source=10, topic=1025, lake=1020, clean=1010, superseded=7, quarantined=3, dead_letters=4, tombstones=1, repeats=7,
    sink_lag=0,
)  # fmt: skip
STREAM = StreamCounts(read=11, clean=8, superseded=2, quarantined=1, lag=0)
UP = {part.name: PartState("up", "-", 100) for part in PARTS}
NOTHING = dict.fromkeys(
    ("topic", "lake", "clean", "superseded", "quarantined", "dead_letters", "tombstones", "repeats"), 0
)
FULL = Status(dict.fromkeys(TABLES, BATCH), dict.fromkeys(TABLES, STREAM), DagState(), UP)


def with_batch(**counts: int | None) -> Status:
    return replace(FULL, batch=dict.fromkeys(TABLES, replace(BATCH, **counts)))


def with_part(name: str, part: PartState) -> Status:
    return replace(FULL, parts={**UP, name: part})


def test_each_arrow_has_the_sum_over_the_three_tables() -> None:
    assert {(arrow.start, arrow.end): arrow.counts for arrow in arrows(FULL)} == {
        ("mysql", "api"): ((30, "rows"),),
        ("api", "kafka"): ((3075, "records"),),
        ("kafka", "lake"): ((3060, "in the lake"), (12, "dead letters"), (3, "tombstones"), (0, "waiting")),
        ("lake", "batch"): ((3030, "clean"), (21, "superseded"), (9, "quarantined")),
        ("batch", "answers"): (),
        ("api", "kinesis"): (),
        ("kinesis", "stream"): ((33, "read"), (24, "clean"), (6, "superseded"), (3, "quarantined")),
    }


def test_an_unknown_count_makes_an_unknown_sum_and_no_wrong_one() -> None:
    one_unknown = replace(FULL, batch={**FULL.batch, "geo": replace(BATCH, topic=None)})
    assert arrows(one_unknown)[1].counts == ((None, "records"),)
    assert "API Gateway to Kafka topics by rest-proxy: ? records." in described(one_unknown)


def test_the_picture_is_well_formed_and_shows_every_place_and_count() -> None:
    status = with_part("connect", PartState("down", "-", None))
    svg = picture(status)
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    texts = [element.text for element in root.iter("text")]
    assert {place.title for place in PLACES.values()} <= set(texts)
    for arrow in arrows(status):
        assert {f"{number(count)} {what}" for count, what in arrow.counts} <= set(texts)
    assert "connect (down)" in texts
    assert root.find("desc") is not None
    assert root.attrib["role"] == "img"


def test_every_text_stays_inside_the_picture_and_below_the_last_one() -> None:
    """With the widest counts a laptop will see; 7 units a letter is more than the font takes."""
    many = with_batch(**dict.fromkeys(("topic", "lake", "clean", "quarantined", "dead_letters"), 33_333_333))
    svg = picture(many)
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    _, _, width, height = map(int, root.attrib["viewBox"].split())
    places: dict[float, list[float]] = {}
    for element in root.iter("text"):
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        half = 7 * len(element.text or "") * (0.5 if element.get("text-anchor") else 1)
        assert x + half <= width, element.text
        assert y <= height
        places.setdefault(x, []).append(y)
    for column in places.values():
        gaps = [below - above for above, below in zip(sorted(column), sorted(column)[1:], strict=False)]
        assert all(gap >= 14 for gap in gaps)


def test_a_part_that_is_down_is_named_in_words_and_not_by_colour_alone() -> None:
    assert ">MySQL (down)<" in picture(with_part("mysql", PartState("down", "-", None)))
    assert ">Kafka topics (silent)<" in picture(with_part("kafka", PartState("silent", "-", 300)))


def test_when_all_is_well_there_is_nothing_to_do() -> None:
    assert advice(FULL) == []


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (with_batch(**NOTHING, source=0), "seed"),
        (with_batch(**NOTHING), "post"),
        (with_batch(clean=0, superseded=0, quarantined=0), "batch"),
        (with_part("localstack", PartState("down", "-", None)), "up"),
    ],
)  # fmt: skip
def test_the_first_thing_to_do_is_told(status: Status, command: str) -> None:
    assert f"run 'pinpipe {command}" in advice(status)[0]


def test_a_part_that_was_left_out_is_not_missed() -> None:
    without = {name: PartState("down", "-", None) if name.startswith("airflow") else one for name, one in UP.items()}
    assert advice(replace(FULL, parts=without)) == []
    [told] = advice(replace(FULL, parts={**without, "airflow-scheduler": PartState("silent", "-", 900)}))[:1]
    assert told.startswith("airflow-api-server, airflow-scheduler, airflow-dag-processor do not answer: run")


def test_numbers_that_do_not_agree_are_told_with_their_reason() -> None:
    [told, *_] = advice(with_batch(topic=1026))
    assert told.startswith("pin: topic 1026 is not lake + dead letters + tombstones 1025: 1 is nowhere")


def test_texts_are_shown_and_never_become_html() -> None:
    assert paragraphs(["<script>alert('x')</script> & 🙂"]) == (
        "<p>&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; 🙂</p>"
    )
