"""One Spark session for all Spark tests, and the cleaned tables and answers that several of them look at."""

from __future__ import annotations

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
    """A session as the jobs have it, in this process, with Delta."""
    from pinpipe.settings import Settings
    from spark_jobs.session import session

    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        aws_endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        spark_remote=None,
    )
    running = session(settings)
    yield running
    running.stop()


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
