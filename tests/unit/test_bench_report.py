"""The measurements' report: what is kept, which targets are met, what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report
from bench.report import Run, Target
from bench.write import agreement, results

pytestmark = pytest.mark.unit

LOOP, SINK = "loop, records/s", "sink, records/s"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.jsonl")
    return tmp_path / "results.jsonl"


def test_a_case_that_is_measured_again_keeps_the_run_before_and_leaves_the_others_alone(file: Path) -> None:
    for part, value in (("a", 1.0), ("b", 2.0), ("a", 3.0), ("a", 4.0)):
        report.keep(Run(part, "case", {"s": [value]}))
    assert [(run.part, run.measures["s"]) for run in report.kept()] == [("b", [2.0]), ("a", [3.0]), ("a", [4.0])]


@pytest.mark.parametrize(
    ("least", "most", "met"), [(0.8, None, False), (0.7, None, True), (None, 0.7, False), (None, None, None)]
)
def test_a_target_is_a_ratio_of_medians(least: float | None, most: float | None, met: bool | None) -> None:
    cases = {"loop": Run("p", "loop", {"s": [1, 4, 9]}), "sink": Run("p", "sink", {"s": [2, 3, 100]})}
    target = Target("sink / loop", ("sink", "s"), ("loop", "s"), least, most)
    assert target.value(cases) == 0.75
    assert target.met(0.75) is met


def test_the_rounds_of_a_ratio_are_pairs_where_there_are_as_many_and_else_against_the_median() -> None:
    cases = {"loop": Run("p", "loop", {"s": [1, 4, 8]}), "sink": Run("p", "sink", {"s": [2, 2, 2], "first": [2, 6]})}
    assert Target("", ("sink", "s"), ("loop", "s")).rounds(cases) == [2, 0.5, 0.25]
    assert Target("", ("sink", "first"), ("loop", "s")).rounds(cases) == [0.5, 1.5]
    assert Target("", ("sink", "first")).rounds(cases) == [2, 6]
    assert Target("", ("sink", "s"), ("loop", "gone")).rounds(cases) == []


def test_a_target_of_which_a_part_was_not_measured_has_no_value() -> None:
    assert Target("", ("sink", "s"), ("loop", "s")).value({"sink": Run("p", "sink", {"s": [1]})}) is None


def test_the_page_has_the_figures_of_the_newest_run_and_whether_the_one_before_agrees() -> None:
    case = "1 record an object"
    before = Run("s3_sink", case, {LOOP: [100, 200, 300], SINK: [90, 100, 110]})
    newest = Run("s3_sink", case, {LOOP: [250, 260, 270], SINK: [210, 220, 230]}, "today", "abc", "run me", 0.3)
    lines = results([before, newest], quick=True).splitlines()
    ratio = "1 record an object: sink, from resume / loop | 0.85 | at least 0.8 | met | 0.84 / 0.85 / 0.85"
    assert f"| {ratio} | 0.37 / 0.50 / 0.90 | agrees |" in lines
    assert f"| {case} | {LOOP} | 250 / 260 / 270 | 100 / 200 / 300 | agrees |" in lines
    assert f"|  | {SINK} | 210 / 220 / 230 | 90 / 100 / 110 | +120% |" in lines
    assert "* `run me`: today UTC, commit abc, load 0.3 before" in lines


def test_two_runs_agree_when_their_spreads_meet() -> None:
    assert agreement([1, 2, 3], [3, 4, 5]) == "agrees"
    assert agreement([1, 2, 3], [4, 5, 6]) == "-60%"
    assert agreement([1], None) == ""
