"""Heat map of the group "rows": how many times as fast as torch.multinomial, cell by cell."""

from __future__ import annotations

import math

from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from .records import Results, axis_value, ratio

WIDEST = 5.0  # powers of two at which the colours end


def rows_plot(results: Results) -> Figure | None:
    """A panel for each mode and number of threads: shapes of weights downwards, draws across."""
    ratios: dict[tuple[str, int], dict[tuple[int, int, int], float]] = {}
    for ours in results.select("rows", "pysampler", weights="uniform"):
        theirs = results.find("rows", "torch.multinomial", **ours.case)
        if not ours.rounds or theirs is None:
            continue
        case = ours.case
        cell = (int(case["columns"]), int(case["rows"]), int(case["draws"]))
        panel = ratios.setdefault((str(case["replacement"]), int(case["threads"])), {})
        panel[cell] = ratio(theirs, ours)
    if not ratios:
        return None
    shapes = sorted({cell[:2] for panel in ratios.values() for cell in panel})
    draws = sorted({cell[2] for panel in ratios.values() for cell in panel})
    figure = Figure(figsize=(13, 0.27 * len(shapes) + 1.6), layout="constrained")
    all_axes = figure.subplots(1, len(ratios), sharey=True, squeeze=False)[0]
    for axes, ((replacement, threads), panel) in zip(all_axes, sorted(ratios.items(), reverse=True), strict=True):
        grid = [[panel.get((*shape, count), math.nan) for count in draws] for shape in shapes]
        colours = [[_colour(value) for value in row] for row in grid]
        axes.imshow(colours, aspect="auto", cmap="RdYlGn", norm=TwoSlopeNorm(0, -1, WIDEST))
        for y, row in enumerate(grid):
            for x, value in enumerate(row):
                if not math.isnan(value):
                    axes.text(
                        x, y, f"{value:.2g}" if value < 100 else f"{value:.0f}", ha="center", va="center", fontsize=7
                    )
        mode = "with" if replacement == "True" else "without"
        axes.set_title(f"{mode} replacement, {threads} thread{'s' if threads > 1 else ''}", fontsize=9)
        axes.set_xticks(range(len(draws)), [axis_value(count) for count in draws], fontsize=8)
        axes.set_xlabel("draws of each row", fontsize=8)
    labels = [f"{axis_value(rows)} x {axis_value(columns)}" for columns, rows in shapes]
    all_axes[0].set_yticks(range(len(shapes)), labels, fontsize=8)
    all_axes[0].set_ylabel("rows x columns", fontsize=8)
    figure.suptitle("multinomial: times as fast as torch.multinomial (red: slower)", fontsize=11, fontweight="bold")
    return figure


def _colour(speed: float) -> float:
    """The power of two, cut off; not a number, which stays white, where nothing was measured."""
    return math.nan if math.isnan(speed) else max(-WIDEST, min(WIDEST, math.log2(speed)))
