"""The flow as a picture: where records go, and how many went each way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from pinpipe.counts import Status

Count = tuple[int | None, str]
"""How many, and of what; None where that is not known."""


@dataclass(frozen=True)
class Arrow:
    """A way that records take, from place to place; ``part`` is who moves them, and ``counts`` what it moved."""

    start: str
    end: str
    part: str
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where records are: its part, what is told of it, and its left upper corner and width in the picture."""

    part: str
    title: str
    x: int
    y: int
    width: int


PLACES = {
    "mysql": Place("mysql", "MySQL", 10, 10, 180),
    "api": Place("localstack", "API Gateway", 10, 88, 400),
    "kafka": Place("kafka", "Kafka topics", 10, 190, 180),
    "kinesis": Place("localstack", "Kinesis streams", 230, 190, 180),
    "lake": Place("localstack", "S3 lake", 10, 322, 180),
    "batch": Place("localstack", "Delta, batch", 10, 454, 180),
    "stream": Place("localstack", "Delta, stream", 230, 454, 180),
    "answers": Place("localstack", "Ten answers", 10, 532, 180),
}
WIDTH, HEIGHT, BOX = 420, 586, 44

STREAMED = ("read", "clean", "superseded", "quarantined")
"""The counts of the streaming path that are shown in a table."""

STYLE = """
.flow { display: block; width: 100%; max-width: 34rem; margin: auto; font-family: inherit; }
.flow rect { fill: #4c78a8; fill-opacity: .14; stroke: currentColor; stroke-opacity: .6; }
.flow .down rect { fill-opacity: 0; stroke: #d1495b; stroke-opacity: 1; stroke-width: 2; stroke-dasharray: 5 4; }
.flow path { stroke: currentColor; stroke-opacity: .7; fill: none; }
.flow text { fill: currentColor; font-size: 13px; }
.flow .title { font-weight: 600; font-size: 14px; }
.flow .by { font-style: italic; opacity: .8; }
"""


def arrows(status: Status) -> tuple[Arrow, ...]:
    """The ways that records take, with the sums over the three tables on them."""

    def batch(name: str) -> int | None:
        return _sum(getattr(counts, name) for counts in status.batch.values())

    def stream(name: str) -> int | None:
        return _sum(getattr(counts, name) for counts in status.stream.values())

    return (
        Arrow("mysql", "api", "", ((batch("source"), "rows"),)),
        Arrow("api", "kafka", "rest-proxy", ((batch("topic"), "records"),)),
        Arrow("kafka", "lake", "connect", (
            (batch("lake"), "in the lake"), (batch("dead_letters"), "dead letters"),
            (batch("tombstones"), "tombstones"), (batch("sink_lag"), "waiting"),
        )),
        Arrow("lake", "batch", "spark", (
            (batch("clean"), "clean"), (batch("superseded"), "superseded"), (batch("quarantined"), "quarantined"),
        )),
        Arrow("batch", "answers", ""),
        Arrow("api", "kinesis", ""),
        Arrow("kinesis", "stream", "stream", (
            (stream("read"), "read"), (stream("clean"), "clean"), (stream("superseded"), "superseded"),
            (stream("quarantined"), "quarantined"),
        )),
    )  # fmt: skip


def picture(status: Status) -> str:
    """The flow as SVG, as wide as its surroundings up to a limit; what it shows is in its description, too."""
    drawn = [_arrow(arrow, status) for arrow in arrows(status)] + [_place(place, status) for place in PLACES.values()]
    return (
        f'<style>{STYLE}</style><svg class="flow" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="flow-title flow-text"><title id="flow-title">The flow of the records</title>'
        f'<desc id="flow-text">{escape(described(status))}</desc>'
        '<defs><marker id="flow-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0 8 4 0 8" /></marker></defs>'
        f"{''.join(drawn)}</svg>"
    )


def described(status: Status) -> str:
    """What the picture shows, in words."""
    told = []
    for arrow in arrows(status):
        way = f"{PLACES[arrow.start].title} to {PLACES[arrow.end].title}"
        by = f" by {arrow.part}{_down(arrow.part, status)}" if arrow.part else ""
        counts = ", ".join(f"{number(count)} {what}" for count, what in arrow.counts)
        told.append(f"{way}{by}{': ' if counts else ''}{counts}.")
    return " ".join(told)


def number(count: int | None) -> str:
    """A count as a person reads it; a question mark for one that is not known."""
    return "?" if count is None else f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")


def _sum(counts: Iterable[int | None]) -> int | None:
    found = list(counts)
    known = [count for count in found if count is not None]
    return sum(known) if found and len(known) == len(found) else None


def _down(part: str, status: Status) -> str:
    state = status.parts[part].state if part in status.parts else "up"
    return "" if state == "up" else f" ({state})"


def _place(place: Place, status: Status) -> str:
    down = _down(place.part, status)
    x, y = place.x + place.width // 2, place.y + BOX // 2 + 5
    return (
        f'<g class="{"down" if down else "up"}">'
        f'<rect x="{place.x}" y="{place.y}" width="{place.width}" height="{BOX}" rx="7" />'
        f'<text class="title" x="{x}" y="{y}" text-anchor="middle">{escape(place.title + down)}</text></g>'
    )


def _arrow(arrow: Arrow, status: Status) -> str:
    start, end = PLACES[arrow.start], PLACES[arrow.end]
    x = max(start.x, end.x) + 24
    top, bottom = start.y + BOX, end.y - 2
    lines = [(f"{arrow.part}{_down(arrow.part, status)}", "by")] if arrow.part else []
    lines += [(f"{number(count)} {what}", "count") for count, what in arrow.counts]
    first = (top + bottom) / 2 + 5 - 16 * (len(lines) - 1) / 2
    texts = (
        f'<text class="{kind}" x="{x + 12}" y="{first + 16 * n:.0f}">{escape(text)}</text>'
        for n, (text, kind) in enumerate(lines)
    )
    return f'<path d="M{x} {top}V{bottom}" marker-end="url(#flow-head)" />{"".join(texts)}'


def advice(status: Status) -> list[str]:
    """What to do now, a sentence each: start what is down, send the first posts, run the batch, look at a difference.

    Nothing, when records went all the way and every number agrees.
    """
    told = []
    if missed := status.missed():
        one = len(missed) == 1
        logs = f"pinpipe logs {missed[0]}" if one else "pinpipe logs"
        told.append(f"{', '.join(missed)} {'does' if one else 'do'} not answer: run 'pinpipe up', or see '{logs}'.")
    sums = {count[1]: count[0] for arrow in arrows(status) for count in arrow.counts if arrow.start != "kinesis"}
    if sums["rows"] == 0:
        told.append("There are no posts in MySQL yet: run 'pinpipe seed', or 'make demo' for everything.")
    elif sums["records"] == 0:
        told.append("No post was sent yet: run 'pinpipe post --count 100', or 'make demo' for everything.")
    elif sums["in the lake"] and sums["clean"] == 0:
        told.append("The lake is full and no table is: run 'pinpipe batch'.")
    return told + [f"{problem}." for problem in status.problems()]


def paragraphs(texts: Iterable[str]) -> str:
    """Texts as HTML that shows them as they are, a paragraph each."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)
