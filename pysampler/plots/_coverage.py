"""How many distinct items have been seen after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pysampler.coverage.classes import ClassCoverage
from pysampler.forecast.forecast import CoverageForecast
from pysampler.plots._records import FloatArray, IntArray
from pysampler.plots._style import (
    INK,
    SOFT_INK,
    class_colours,
    dress,
    figure_legend,
    new_figure,
    percent,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pysampler.plots._data_figure import DataFigure


def coverage_curve(
    seen: npt.ArrayLike | Sequence[ClassCoverage],
    class_sizes: Sequence[int] | None = None,
    class_names: Sequence[Any] | None = None,
    *,
    share: bool = False,
    forecast: CoverageForecast | None = None,
    title: str = "Coverage",
) -> DataFigure:
    """Draws how many distinct items have been seen after each epoch, per class and in total.

    A ring marks the epoch at which a line has reached its end: everything seen.

    Args:
        seen: Distinct items seen, shape (epochs + 1, classes), as `unique_items_seen` returns them; or what
            ``class_coverage()`` of a tracker or an audit returned after each epoch.
        class_sizes: Number of items of each class. Left out with ``class_coverage()``, which knows it.
        class_names: A name per class, frequent classes first. The same.
        share: Draw percent of the class instead of numbers of items; right for many classes.
        forecast: What was to be expected, drawn beside the total.
        title: Title of the figure.

    Returns:
        The figure, with one axes: a line per class in the given order, then the total. ``data``: each class's name,
        and "all images" -> what its line shows after 0, 1, 2... epochs; "forecast" if given.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: Sizes or names neither given nor known.
    """
    seen, class_sizes, class_names = _by_epoch(seen, class_sizes, class_names)
    figure = new_figure(title, width=8.6, height=4.8)
    axes = figure.subplots()
    total = sum(class_sizes)
    lines, sizes = [*seen.T, seen.sum(axis=1)], [*class_sizes, total]
    names = [*class_names, "all images"]
    colours = [*class_colours(len(class_names)), INK]
    for line, name, size, colour in zip(lines, names, sizes, colours, strict=True):
        height = line / size if share else line
        axes.plot(height, color=colour, linewidth=2.0 if colour is not INK else 2.8, label=name)
        if line[-1] == size:  # an empty unclipped line would spoil the layout
            ring: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 2.0}
            full = int(np.argmax(line == size))
            axes.plot(full, height[full], "o", markersize=8, zorder=4, clip_on=False, **ring)
        figure.keep({name: height})
    if forecast is not None:
        figure.keep({"forecast": _add_forecast(axes, forecast, len(seen) - 1, total if share else 1)})
    top = 1.0 if share else total
    axes.axhline(top, color=SOFT_INK, linestyle="--", linewidth=1.2, zorder=1, label="everything seen")
    dress(axes, _coverage_sentence(seen, total), xlabel="epochs")
    axes.set_ylabel(f"{'share of the class' if share else 'unique images'} seen so far")
    axes.set_xlim(0, max(len(seen) - 1, 1))
    axes.set_ylim(0, 1.06 * top)
    whole_numbers(axes.xaxis)
    if share:
        percent(axes.yaxis)
    figure_legend(figure, axes)
    return figure


def _by_epoch(
    seen: Any, class_sizes: Sequence[int] | None, class_names: Sequence[Any] | None
) -> tuple[IntArray, list[int], list[str]]:
    """Returns the arguments of ``coverage_curve`` as arrays and lists, read from coverage by class if that is given."""
    if len(seen) and isinstance(seen[0], ClassCoverage):
        class_sizes = seen[0].num_items.tolist() if class_sizes is None else class_sizes
        class_names = seen[0].classes if class_names is None else class_names
        seen = [np.zeros_like(seen[0].unique), *(after.unique for after in seen)]
    if class_sizes is None or class_names is None:
        raise ValueError("class_sizes and class_names may be left out for what class_coverage() returned only")
    return np.asarray(seen), np.asarray(class_sizes).tolist(), list(map(str, class_names))


def _add_forecast(axes: Axes, forecast: CoverageForecast, epochs: int, unit: int) -> FloatArray:
    """Draws the expected number of distinct items after each epoch, divided by ``unit``, and returns it."""
    draws = [epoch * forecast.draws_per_epoch for epoch in range(epochs + 1)]
    expected = np.array([forecast.expected_unique_after(count) for count in draws]) / unit
    dots: dict[str, Any] = {
        "linestyle": "none",
        "marker": "D",
        "markersize": 4.5,
        "markeredgecolor": "white",
        "zorder": 5,
    }
    axes.plot(expected, color="#D55E00", label="all images, expected", **dots)
    return expected


def _coverage_sentence(seen: IntArray, total: int) -> str:
    """Says in words when everything had been seen."""
    of_epoch = seen.sum(axis=1)
    full = np.flatnonzero(of_epoch == total)
    after_one = f"{of_epoch[min(1, len(seen) - 1)]} of {total} images seen in the first epoch"
    if len(full):
        return f"{after_one}, all of them after {full[0]} epochs"
    return f"{after_one}, {of_epoch[-1]} after {len(seen) - 1} epochs"
