"""Answers that were worked out by hand, so that a misread definition shows even where Spark and the oracle agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from producer.folder import read_folder
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from spark_jobs.answers import ANSWERS, Answer, Per
from tests.support.oracle import oracle_answers
from tests.support.spark import tables, values
from tests.support.traps import EXPECTED, EXPECTED_PER_POST, hand_made_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

BY_HAND: dict[Per, dict[str, list[dict[str, Any]]]] = {"user": EXPECTED, "post": EXPECTED_PER_POST}


@pytest.fixture(scope="module")
def hand_made(spark: SparkSession) -> Mapping[str, DataFrame]:
    return {name: frame.persist() for name, frame in tables(spark, hand_made_rows()).items()}


@pytest.mark.parametrize("per", ["user", "post"])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.number)
def test_an_answer_equals_the_one_worked_out_by_hand(
    hand_made: Mapping[str, DataFrame], answer: Answer, per: Per
) -> None:
    assert values(answer.compute(**hand_made, per=per)) == BY_HAND[per][answer.number]


def test_rows_that_come_twice_change_no_answer(spark: SparkSession) -> None:
    twice = {name: rows + rows for name, rows in hand_made_rows().items()}
    cleaned = {name: frame.persist() for name, frame in tables(spark, twice).items()}
    found = {answer.number: values(answer.compute(**cleaned, per="user")) for answer in ANSWERS}
    assert found == EXPECTED


def test_only_the_exact_placeholder_is_an_unknown_image(hand_made: Mapping[str, DataFrame]) -> None:
    images = {row["ind"]: row["image_src"] for row in values(hand_made["pin"])}
    assert (images[13], images[14]) == (None, "Image src error")


@pytest.mark.parametrize("per", ["user", "post"])
def test_the_oracle_answers_as_worked_out_by_hand(per: Per) -> None:
    assert oracle_answers(hand_made_rows(), per) == BY_HAND[per]


def test_the_hand_made_rows_pass_through_a_folder_unchanged(tmp_path: Path) -> None:
    rows = hand_made_rows()
    for name, table in SOURCE.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows[name])
        (tmp_path / f"{table.mysql_name}.jsonl").write_text(lines, encoding="utf-8")
    read = read_folder(tmp_path)
    assert {name: [as_record(row) for row in read.rows(name)] for name in SOURCE} == rows
