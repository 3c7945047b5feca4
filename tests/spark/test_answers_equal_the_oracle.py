"""Whole results against DuckDB's: on the generated data, and on rows where each known mistake shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from spark_jobs.answers import ANSWERS, Answer, Per
from spark_jobs.schemas import ANSWERED, CLEANED
from tests.support.dirty import TRAPS
from tests.support.oracle import oracle_answers, oracle_tables
from tests.support.spark import values

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

pytestmark = pytest.mark.spark

Found = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def expected_of_generated(generated_rows: Found) -> dict[Per, Found]:
    return {"user": oracle_answers(generated_rows), "post": oracle_answers(generated_rows, "post")}


@pytest.fixture(scope="module")
def expected_of_traps() -> dict[Per, Found]:
    return {"user": oracle_answers(TRAPS), "post": oracle_answers(TRAPS, "post")}


@pytest.fixture(scope="module")
def expected_tables(generated_rows: Found) -> Found:
    return oracle_tables(generated_rows)


def readings() -> list[object]:
    pers: dict[Answer, tuple[Per, ...]] = {
        answer: ("user", "post") if answer.has_readings else ("user",) for answer in ANSWERS
    }
    return [pytest.param(answer, per, id=f"{answer.number}-{per}") for answer in ANSWERS for per in pers[answer]]


@pytest.mark.parametrize(("answer", "per"), readings())
def test_an_answer_on_the_generated_data_equals_the_oracles(
    generated: Mapping[str, DataFrame], expected_of_generated: dict[Per, Found], answer: Answer, per: Per
) -> None:
    assert values(answer.compute(**generated, per=per)) == expected_of_generated[per][answer.number]


@pytest.mark.parametrize(("answer", "per"), readings())
def test_an_answer_on_rows_full_of_traps_equals_the_oracles(
    traps: Mapping[str, DataFrame], expected_of_traps: dict[Per, Found], answer: Answer, per: Per
) -> None:
    assert values(answer.compute(**traps, per=per)) == expected_of_traps[per][answer.number]


@pytest.mark.parametrize("table", CLEANED)
def test_a_cleaned_table_of_the_generated_data_equals_the_oracles(
    generated: Mapping[str, DataFrame], expected_tables: Found, table: str
) -> None:
    assert values(generated[table], "ind") == expected_tables[table]


@pytest.mark.parametrize("table", CLEANED)
def test_a_cleaned_table_of_rows_full_of_traps_equals_the_oracles(traps: Mapping[str, DataFrame], table: str) -> None:
    assert values(traps[table], "ind") == oracle_tables(TRAPS)[table]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.number)
def test_an_answer_has_the_columns_and_types_of_its_schema(traps: Mapping[str, DataFrame], answer: Answer) -> None:
    found = answer.compute(**traps, per="user").schema
    assert [(field.name, field.dataType) for field in found] == [
        (field.name, field.dataType) for field in ANSWERED[answer.number]
    ]
