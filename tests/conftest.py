"""What all tests share: the order of the suites, that nothing is skipped in silence, and the native stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from testcontainers.compose import DockerCompose
from xdist.scheduler import LoadScopeScheduling

from pinpipe.stack import PARTS
from tests.support import aws_leg
from tests.support.pipeline import COMPOSE_ENV, COMPOSED, ROOT, Pipeline, write_compose_env_file, write_env_file

# cheap first; those that start more than they test last
SUITES = ("unit", "docs", "airflow", "spark", "contract", "kinesis", "stack", "e2e", "drill", "compose")


def pytest_configure(config: pytest.Config) -> None:
    if aws_leg.chosen(config) and (refusal := aws_leg.refusal()):
        raise pytest.UsageError(refusal)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def suite(item: pytest.Item) -> int:
        marked = [place for place, name in enumerate(SUITES) if item.get_closest_marker(name)]
        if not marked:
            raise pytest.UsageError(f"{item.nodeid} has no suite: mark it with one of {', '.join(SUITES)}")
        return max(marked)

    items.sort(key=suite)
    if hasattr(config, "workerinput"):  # one of several processes: the longest first
        items.sort(key=lambda item: _scope(item.nodeid) != "stack")


def _scope(nodeid: str) -> str:
    """The tests that one process must have: all those against the whole stack; of the others those of a file."""
    return "stack" if nodeid.startswith(("tests/e2e/", "tests/drills/")) else nodeid.partition("::")[0]


class _OneStack(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _OneStack(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """A missing part is a failure, never a skip."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is not allowed here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def compose() -> Iterator[DockerCompose]:
    """The tests' own containers, of all services, after their demo."""
    write_env_file()
    write_compose_env_file()
    with DockerCompose(ROOT, env_file=str(COMPOSE_ENV), build=True) as running:
        yield running


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    """The tests' own stack, started once for all that need it: the native one, or the containers.

    What it leaves behind is removed at the end, and what a killed run left at the start.
    """
    pipeline = Pipeline("demo")
    if COMPOSED:
        request.getfixturevalue("compose")
        yield pipeline
        return
    write_env_file()
    pipeline.run("clean", "--yes")
    # the stream job takes a third of the machine: the tests that are about it start it; Airflow and the page likewise
    pipeline.run("up", *(part.name for part in PARTS if part.name != "stream" and not part.group))
    pipeline.run("provision")
    yield pipeline
    pipeline.run("clean", "--yes")
