"""Each answer's chart shows the answer's own numbers, and ties can be seen."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from dashboard.charts import SHAPES, SHOWN, chart, points, tie_note, ties
from pinpipe.settings import ANSWERS
from spark_jobs.schemas import ANSWERED

pytestmark = pytest.mark.unit


def values(number: str, rows: list[dict[str, Any]]) -> Any:
    """What the chart of some rows draws, and its specification."""
    spec = chart(SHAPES[number], rows, "What is it?").to_dict()
    return spec["datasets"][spec["data"]["name"]], spec


@pytest.mark.parametrize("number", ANSWERS)
def test_each_answer_has_a_chart_of_its_own_columns(number: str) -> None:
    shape = SHAPES[number]
    assert {*shape.names, shape.value} <= set(ANSWERED[number].names)
    samples = {"post_year": 2018, "age_group": "18-24", "category_count": 3, "follower_count": 9,
               "number_users_joined": 4, "median_follower_count": 2.5}  # fmt: skip
    row = {name: samples.get(name, "x") for name in ANSWERED[number].names}
    drawn, spec = values(number, [row])
    assert spec["description"] == "What is it?"
    assert row[shape.value] in drawn[0].values()


def test_a_ranking_shows_the_highest_and_says_that_there_are_more() -> None:
    rows = [{"country": f"land {n:02}", "category": "art", "category_count": n} for n in range(SHOWN + 5)]
    random.Random(1).shuffle(rows)
    drawn, spec = values("1", rows)
    assert [point["value"] for point in drawn] == list(range(SHOWN + 4, 4, -1))
    assert drawn[0]["label"] == "land 24: art"
    assert spec["description"] == "What is it?: The chart shows the 20 highest of 25 rows."


def test_a_short_ranking_keeps_the_answers_order() -> None:
    rows = [{"age_group": group, "median_follower_count": n} for group, n in (("18-24", 5.0), ("25-35", 9.5))]
    assert [point["label"] for point in points(SHAPES["5"], rows)] == ["18-24", "25-35"]


def test_ties_have_a_row_each_are_marked_and_counted() -> None:
    rows = [
        {"country": country, "category": category, "category_count": 2}
        for country, category in (("Aruba", "art"), ("Aruba", "travel"), ("Benin", "art"))
    ]
    assert ties(SHAPES["1"], rows) == ["Aruba"]
    assert tie_note(SHAPES["1"], rows) == "Ties in 1 of 2, each with all its rows: Aruba."
    assert [point["label"] for point in points(SHAPES["1"], rows)] == [
        "Aruba: art (tie)", "Aruba: travel (tie)", "Benin: art",
    ]  # fmt: skip


def test_without_ties_that_is_said_and_where_there_can_be_none_nothing() -> None:
    assert tie_note(SHAPES["1"], [{"country": "Benin", "category": "art", "category_count": 2}]) == (
        "No ties: one row for each country."
    )
    assert tie_note(SHAPES["6"], [{"post_year": 2015, "number_users_joined": 2}] * 2) == ""


def test_a_grid_has_a_cell_for_each_row() -> None:
    rows = [{"post_year": year, "category": category, "category_count": year % 7 + len(category)}
            for year in (2018, 2019) for category in ("art", "travel")]  # fmt: skip
    drawn, spec = values("2a", rows)
    assert drawn == rows
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rect", "text"]


def test_a_grids_numbers_are_black_on_its_lighter_colours_and_white_on_its_dark_ones() -> None:
    rows = [{"post_year": n, "category": "art", "category_count": count} for n, count in enumerate((100, 200, 150))]
    _, spec = values("2a", rows)
    colour = spec["layer"][1]["encoding"]["color"]
    assert re.search(r"category_count.* > 160\.0", colour["condition"]["test"])
    assert (colour["condition"]["value"], colour["value"]) == ("white", "black")


def test_texts_of_the_data_stay_data() -> None:
    rows = [{"country": "Benin", "poster_name": "<script>alert(1)</script> 🙂", "follower_count": 5}]
    drawn, _ = values("3a", rows)
    assert drawn == [{"label": "Benin: <script>alert(1)</script> 🙂", "value": 5}]
