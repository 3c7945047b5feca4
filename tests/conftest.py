"""What all tests share: the order of the suites, that nothing is skipped in silence, and the native stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pinpipe.stack import PARTS
from tests.support import aws_leg
from tests.support.pipeline import Pipeline, write_env_file

# cheap first; those that start more than they test last
SUITES = ("unit", "docs", "airflow", "spark", "contract", "kinesis", "stack", "e2e", "drill", "compose")


def pytest_configure(config: pytest.Config) -> None:
    if aws_leg.chosen(config) and (refusal := aws_leg.refusal()):
        raise pytest.UsageError(refusal)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def suite(item: pytest.Item) -> int:
        marked = [place for place, name in enumerate(SUITES) if item.get_closest_marker(name)]
        if not marked:
            raise pytest.UsageError(f"{item.nodeid} has no suite: mark it with one of {', '.join(SUITES)}")
        return max(marked)

    items.sort(key=suite)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """A missing part is a failure, never a skip."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is not allowed here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def stack() -> Iterator[Pipeline]:
    """The tests' own native stack, started once for all that need it.

    What it leaves behind is removed at the end, and what a killed run left at the start.
    """
    write_env_file()
    pipeline = Pipeline("demo")
    pipeline.run("clean", "--yes")
    # the stream job takes a third of the machine: the tests that are about it start it; Airflow and the page likewise
    pipeline.run("up", *(part.name for part in PARTS if part.name != "stream" and not part.group))
    pipeline.run("provision")
    yield pipeline
    pipeline.run("clean", "--yes")
