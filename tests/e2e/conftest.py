"""Users of the tests' stack."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.pipeline import Pipeline

_numbers = itertools.count(1)


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
