"""Each answer as the chart that fits it: bars for a ranking, columns for years, a grid for two dimensions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

Row = Mapping[str, Any]
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

SHOWN = 20
"""Rows of a ranking that the chart shows; the table behind it has all of them."""
BLUE = "#4c78a8"


@dataclass(frozen=True)
class Shape:
    """How an answer is drawn: ``value`` is what is measured, of what is named by ``names``.

    ``asks_most`` says that each value of the first name is there once, but for ties.
    """

    draw: Callable[[Shape, Sequence[Row], str], AnyChart]
    names: tuple[str, ...]
    value: str
    asks_most: bool = False


def chart(shape: Shape, rows: Sequence[Row], question: str) -> AnyChart:
    """The chart of an answer; its description has the question."""
    return shape.draw(shape, rows, question)


def ties(shape: Shape, rows: Sequence[Row]) -> list[str]:
    """The values (countries, years, age groups) for which an answer to "most" has several rows."""
    if not shape.asks_most:
        return []
    seen = Counter(str(row[shape.names[0]]) for row in rows)
    return [name for name, times in seen.items() if times > 1]


def tie_note(shape: Shape, rows: Sequence[Row]) -> str:
    """A sentence about the ties; empty where the question can have none."""
    if not shape.asks_most:
        return ""
    tied, asked = ties(shape, rows), {row[shape.names[0]] for row in rows}
    what = shape.names[0].replace("_", " ")
    if not tied:
        return f"No ties: one row for each {what}."
    shown = ", ".join(tied[:5]) + (" …" if len(tied) > 5 else ".")
    return f"Ties in {len(tied)} of {len(asked)}, each with all its rows: {shown}"


def cut_note(shape: Shape, rows: Sequence[Row]) -> str:
    """A sentence for a ranking of which the chart shows a part; empty where it shows all rows."""
    cut = shape.draw is _bars and len(rows) > SHOWN
    return f"The chart shows the {SHOWN} highest of {len(rows)} rows." if cut else ""


def points(shape: Shape, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What a ranking shows: the rows with the highest values, labelled by their names; tied ones say so."""
    tied = set(ties(shape, rows))
    ranked = sorted(rows, key=lambda row: -row[shape.value]) if len(rows) > SHOWN else rows
    return [
        {
            "label": ": ".join(str(row[name]) for name in shape.names)
            + (" (tie)" if str(row[shape.names[0]]) in tied else ""),
            "value": row[shape.value],
        }
        for row in ranked[:SHOWN]
    ]


def _bars(shape: Shape, rows: Sequence[Row], question: str) -> AnyChart:
    title = ": ".join(filter(None, (question, cut_note(shape, rows))))
    drawn: AnyChart = (
        alt.Chart(alt.InlineData(values=points(shape, rows)))
        .mark_bar(color=BLUE)
        .encode(
            y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=190)),
            x=alt.X("value:Q", title=_words(shape.value), axis=alt.Axis(format="~s", tickCount=5)),
            tooltip=["label:N", "value:Q"],
        )
        .properties(**_frame(title))
    )
    return drawn


def _columns(shape: Shape, rows: Sequence[Row], question: str) -> AnyChart:
    [name] = shape.names
    drawn: AnyChart = (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X(f"{name}:O", title=_words(name), axis=alt.Axis(labelAngle=0)),
            y=alt.Y(f"{shape.value}:Q", title=_words(shape.value)),
            tooltip=[f"{name}:O", f"{shape.value}:Q"],
        )
        .properties(**_frame(question))
    )
    return drawn


def _grid(shape: Shape, rows: Sequence[Row], question: str) -> AnyChart:
    across, down = shape.names
    order = list(dict.fromkeys(row[down] for row in rows))
    measured = [row[shape.value] for row in rows]
    # the colours go from the least to the most, and a little above their middle they are dark enough for white
    dark = min(measured) + 0.6 * (max(measured) - min(measured))
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(
        x=alt.X(f"{across}:O", title=_words(across), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(f"{down}:N", title=None, sort=sorted(order) if down == "category" else order),
        tooltip=[f"{across}:O", f"{down}:N", f"{shape.value}:Q"],
    )
    cells = base.mark_rect().encode(color=alt.Color(f"{shape.value}:Q", scale=alt.Scale(scheme="blues"), legend=None))
    # dark on light cells and light on dark ones, whatever the page's colours are
    values = base.mark_text().encode(
        text=alt.Text(f"{shape.value}:Q", format=",.0f"),
        color=alt.condition(alt.datum[shape.value] > dark, alt.value("white"), alt.value("black")),
    )
    drawn: AnyChart = alt.layer(cells, values).properties(**_frame(question))
    return drawn


def _frame(title: str) -> dict[str, Any]:
    return {"width": "container", "description": title}


def _words(name: str) -> str:
    return name.replace("_", " ")


SHAPES = {
    "1": Shape(_bars, ("country", "category"), "category_count", asks_most=True),
    "2a": Shape(_grid, ("post_year", "category"), "category_count"),
    "2b": Shape(_bars, ("post_year", "category"), "category_count", asks_most=True),
    "3a": Shape(_bars, ("country", "poster_name"), "follower_count", asks_most=True),
    "3b": Shape(_bars, ("country",), "follower_count"),
    "4": Shape(_bars, ("age_group", "category"), "category_count", asks_most=True),
    "5": Shape(_bars, ("age_group",), "median_follower_count"),
    "6": Shape(_columns, ("post_year",), "number_users_joined"),
    "7": Shape(_columns, ("post_year",), "median_follower_count"),
    "8": Shape(_grid, ("post_year", "age_group"), "median_follower_count"),
}
"""How each answer is drawn, by its number."""
