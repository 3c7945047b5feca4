"""The tests' own native stack, started once for all end-to-end tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from pinpipe.stack import PARTS
from tests.support.pipeline import Pipeline, write_env_file

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[Pipeline]:
    """The running stack; what it leaves behind is removed at the end, and what a killed run left at the start."""
    write_env_file()
    pipeline = Pipeline("demo")
    pipeline.run("clean", "--yes")
    # the stream job takes a third of the machine: the tests that are about it start it; Airflow likewise
    pipeline.run("up", *(part.name for part in PARTS if part.name != "stream" and part.group != "airflow"))
    pipeline.run("provision")
    yield pipeline
    pipeline.run("clean", "--yes")


@pytest.fixture(scope="module")
def seeded(stack: Pipeline) -> None:
    """1,500 posts in MySQL; per module, because a demo and another copy replace them."""
    stack.run("seed", "--rows", "1500")


@pytest.fixture
def new_user(stack: Pipeline) -> Callable[[], Pipeline]:
    """Makes a user of the stack with an empty pipeline: bucket, topics, API and connector."""

    def make() -> Pipeline:
        pipeline = Pipeline(f"user-{next(_numbers)}")
        pipeline.run("provision")
        return pipeline

    return make
