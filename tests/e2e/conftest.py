"""Users of the tests' stack."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from pinpipe import settings
from tests.support import aws_leg
from tests.support.pipeline import Pipeline
from tests.support.traps import hand_made_rows

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


@pytest.fixture(scope="session")
def own_copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Both paths from end to end with few posts, on rows on which each known mistake gives another answer; on AWS with
    the settings in force."""
    if aws_leg.chosen(request.config):
        pipeline = Pipeline(settings.load().pin_user_id, env_file=settings.env_file())
    else:
        request.getfixturevalue("stack")
        pipeline = Pipeline("own-copy")
    pipeline.run("provision")
    held = {table: counts["topic"] for table, counts in pipeline.json("status")["batch"].items()}
    assert set(held.values()) == {0}, f"the user {pipeline.user} has records in the topics: give the tests another one"
    folder = tmp_path_factory.mktemp("own-copy")
    for table, name in {"pin": "pinterest_data", "geo": "geolocation_data", "user": "user_data"}.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in hand_made_rows()[table]]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pipeline.run("seed", "--from", str(folder))
    pipeline.run("post", "--all", "--to", "both")
    pipeline.run("stream", "--available-now")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline
