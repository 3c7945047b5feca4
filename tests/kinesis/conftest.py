"""A fake Kinesis for the faults, a Spark session, and streams with names of their own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_kinesis import FakeKinesis

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def _server() -> Iterator[FakeKinesis]:
    with FakeKinesis() as server:
        yield server


@pytest.fixture
def kinesis(_server: FakeKinesis) -> Iterator[FakeKinesis]:
    """A server without faults; those that a test switches on end with it."""
    yield _server
    _server.faults()


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """A stream name that no other test uses; the test creates it."""
    return re.sub(r"[^a-zA-Z0-9_.-]", "-", request.node.name)[:100]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session as anybody has one: nothing is registered, the source is found."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .appName("kinesis tests")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        # compiling fully pays off after minutes only
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
