"""Draws ``bench/plots/*.svg`` from the figures that are kept. Runs in ``.venv-bench``, which has Matplotlib."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parent
Cases = dict[str, dict[str, list[float]]]


def batch(axes: Any, cases: Cases) -> None:
    """Time by rows, a line for each way."""
    ways: dict[str, list[tuple[int, list[float]]]] = {}
    for case, measures in cases.items():
        rows, way = re.fullmatch(r"([\d,]+) rows, (\w+)", case).groups()  # type: ignore[union-attr]
        ways.setdefault(way, []).append((int(rows.replace(",", "")), measures["warm, s"]))
    names = {"ours": "pinpipe batch", "course": "the course's notebook", "duckdb": "DuckDB", "polars": "Polars"}
    for way, points in ways.items():
        rows = [count for count, _ in sorted(points)]
        spread = [values for _, values in sorted(points)]
        middle = [statistics.median(values) for values in spread]
        [line] = axes.plot(rows, middle, marker="o", label=names[way])
        axes.fill_between(rows, list(map(min, spread)), list(map(max, spread)), color=line.get_color(), alpha=0.2)
    axes.set(xscale="log", yscale="log", xlabel="rows of each of the three tables", ylabel="seconds, warm")
    axes.set_title("From objects to the ten answers")


def emulator(axes: Any, cases: Cases) -> None:
    """Posts a second by batch size."""
    sizes = [int(case.split()[0]) for case in cases]
    for measure in ("direct, posts/s", "by the gateway, posts/s"):
        medians = [statistics.median(measures[measure]) for measures in cases.values()]
        axes.plot(sizes, medians, marker="o", label=measure.removesuffix(", posts/s"))
    axes.set(xscale="log", yscale="log", xlabel="posts a batch", ylabel="posts/s")
    axes.set_title("The emulator: through the API gateway, and direct to the REST proxy")


def stack(axes: Any, cases: Cases) -> None:
    """Memory of each part after the demos, and what it takes of a core."""
    held = cases["after the demos, idle"]
    parts = [name.removesuffix(", MB") for name in held if name.endswith(", MB") and not name.startswith("all")]
    parts.sort(key=lambda part: held[f"{part}, MB"][0])
    bars = axes.barh(parts, [held[f"{part}, MB"][0] for part in parts], label="MB")
    axes.bar_label(bars, [f"{held[f'{part}, % of a core'][0]:.1f}% of a core" for part in parts], padding=3, fontsize=8)
    axes.set(xlabel="MB", title="Parts with nothing to do, after two demos")
    axes.margins(x=0.2)


PLOTS: dict[str, Callable[[Any, Cases], None]] = {"batch": batch, "emulator": emulator, "stack": stack}


def main() -> None:
    found: dict[str, Cases] = {}
    for line in (FOLDER / "results.jsonl").read_text().splitlines():
        run = json.loads(line)
        found.setdefault(run["part"], {})[run["case"]] = run["measures"]
    # the same figures give the same file; text stays text
    mpl.rcParams.update({"svg.hashsalt": "pinpipe", "svg.fonttype": "none", "font.size": 9})
    (FOLDER / "plots").mkdir(exist_ok=True)
    for part, draw in PLOTS.items():
        if part not in found or (part == "stack" and "after the demos, idle" not in found[part]):
            continue
        figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
        draw(axes, found[part])
        if part != "stack":
            axes.legend(frameon=False)
            axes.grid(alpha=0.3)
        figure.savefig(FOLDER / "plots" / f"{part}.svg", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
