"""What all tests share: the order of the suites, and that nothing is skipped in silence."""

from __future__ import annotations

import pytest

# cheap first; those that start more than they test last
SUITES = ("unit", "docs", "airflow", "spark", "contract", "kinesis", "stack", "e2e", "compose")


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
