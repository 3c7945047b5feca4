"""One Spark session for all Spark tests, and the cleaned tables and answers that several of them look at."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from producer.generate import generate
from producer.tables import TABLES as SOURCE
from producer.tables import as_record
from tests.support.dirty import TRAPS
from tests.support.spark import tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def generated_rows() -> dict[str, list[dict[str, Any]]]:
    """All rows that MySQL holds, as the emulator sends them."""
    generated = generate()
    return {name: [as_record(row) for row in generated.rows(name)] for name in SOURCE}


@pytest.fixture(scope="session")
def generated(spark: SparkSession, generated_rows: dict[str, list[dict[str, Any]]]) -> Mapping[str, DataFrame]:
    """The cleaned tables of the generated data."""
    return {name: frame.persist() for name, frame in tables(spark, generated_rows).items()}


@pytest.fixture(scope="session")
def traps(spark: SparkSession) -> Mapping[str, DataFrame]:
    """The cleaned tables of the hand-made rows."""
    return {name: frame.persist() for name, frame in tables(spark, TRAPS).items()}
