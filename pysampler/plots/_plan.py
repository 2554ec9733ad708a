"""What a planned way of sampling will do: to the mix of the classes, and to coverage."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pysampler.plots._style import (
    GRID,
    INK,
    PALETTE,
    SOFT_INK,
    dress,
    new_figure,
    percent,
    plain,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pysampler.plan import SamplingPlan
    from pysampler.plots._data_figure import DataFigure

_MOST_NAMES = 24
_POINTS = 240
_LONG = 60  # epochs, from where on they are drawn on a logarithmic axis


def sampling_plan(plan: SamplingPlan, *, title: str | None = None) -> DataFigure:
    """Draws a plan: each class's share of the data and of the draws, and the forecast of coverage.

    Args:
        plan: As ``pysampler.plan`` makes it. A plan for weights has no classes, and its figure the second panel only.
        title: Title of the figure; by default the name of what was read.

    Returns:
        The figure. ``data``: "in the data" and "in the draws", shares in the order of ``plan.classes``; "epochs" and
        "coverage", the expected share of the items after so many epochs of independent draws.

    Raises:
        ImportError: If matplotlib is missing.
    """
    names = len(plan.classes)
    height = min(max(4.6, 1.6 + 0.3 * names), 9.0) if names else 4.6
    width = 11.0 if names else 7.0
    figure = new_figure(title or _shortened(plan.source, width), width=width, height=height)
    if names:
        shares, coverage = figure.subplots(1, 2, width_ratios=(1, 1))
        figure.keep(_draw_shares(shares, plan, height))
    else:
        coverage = figure.subplots()
    figure.keep(_draw_coverage(coverage, plan, height))
    return figure


def _shortened(text: str, width: float) -> str:
    """Keeps the end of a long path, as much as a title of so many inches can hold."""
    most = round(8 * width)
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _draw_shares(axes: Axes, plan: SamplingPlan, height: float) -> dict[str, list[float]]:
    """Draws two points per class, joined: where it stands in the data, and where in the draws."""
    data = [own.data_share for own in plan.classes]
    draws = [own.draw_share for own in plan.classes]
    rows = np.arange(len(data))
    axes.hlines(rows, np.minimum(data, draws), np.maximum(data, draws), color=GRID, linewidth=3.0, zorder=1)
    dots: dict[str, Any] = {"linestyle": "none", "markersize": 8, "markeredgecolor": "white"}
    axes.plot(data, rows, marker="o", color=SOFT_INK, label="in the data", **dots)
    axes.plot(draws, rows, marker="D", color=PALETTE[1], label="in the draws", **dots)
    dress(axes, "Share of each class", xlabel="share")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    if len(data) <= _MOST_NAMES:
        axes.set_yticks(rows, [plain(own.name) for own in plan.classes])
    else:
        axes.set_ylabel("classes, in order")
    axes.set_ylim(len(data) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.3g}" if share < 0.001 else f"{100 * share:.3g}%")
    _legend_below(axes, height, columns=2)
    return {"in the data": data, "in the draws": draws}


def _draw_coverage(axes: Axes, plan: SamplingPlan, height: float) -> dict[str, list[float]]:
    """Draws the expected coverage of independent draws, and when systematic ones have shown everything."""
    forecast, bound = plan.forecast, plan.systematic_epochs
    late = forecast.full_coverage_epochs_95
    last = max(math.ceil(1.1 * late), 2)
    logarithmic = last > _LONG
    first = max(1 / forecast.draws_per_epoch, 0.1)
    epochs = np.geomspace(first, last, _POINTS) if logarithmic else np.linspace(0, last, _POINTS)
    draws = np.round(epochs * forecast.draws_per_epoch).astype(np.int64).tolist()
    coverage = [forecast.expected_unique_after(count) / forecast.positive_weight_items for count in draws]
    axes.plot(epochs, coverage, color=PALETTE[0], linewidth=2.4, label="independent draws, expected")
    ring: dict[str, Any] = {"markersize": 9, "markerfacecolor": "white", "markeredgewidth": 2.0}
    label = f"95 % of their runs have shown everything: {f'{late:.0f}' if late >= 100 else f'{late:.1f}'} epochs"
    axes.plot([late], [1.0], "o", color=PALETTE[0], zorder=4, clip_on=False, label=label, **ring)
    if bound <= last:
        label = f"systematic draws have shown everything, always: {bound} epochs"
        axes.axvline(bound, color=PALETTE[2], linewidth=2.0, linestyle=":", label=label)
    dress(axes, "Items shown", xlabel="epochs", ylabel="share of the items")
    axes.set_ylim(0, 1.06)
    percent(axes.yaxis)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.tick_params(axis="x", which="minor", length=0)
        axes.tick_params(axis="x", pad=7)
    else:
        whole_numbers(axes.xaxis)
    axes.set_xlim(first if logarithmic else 0, last)
    _legend_below(axes, height, columns=1)
    return {"epochs": epochs.tolist(), "coverage": coverage}


def _legend_below(axes: Axes, height: float, *, columns: int) -> None:
    """Puts a legend under the label of the axis, in a figure so many inches high."""
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.62 / height)}
    axes.legend(ncols=columns, frameon=False, labelcolor=INK, borderaxespad=0.0, **place)
