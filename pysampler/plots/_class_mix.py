"""What each batch is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pysampler.plots._records import IntArray
from pysampler.plots._style import SOFT_INK, class_colours, dress, figure_legend, new_figure, whole_numbers

if TYPE_CHECKING:
    from pysampler.plots._data_figure import DataFigure


def class_mix_per_batch(
    panels: Mapping[str, IntArray],
    class_names: Sequence[Any],
    *,
    title: str = "Class mix per batch",
) -> DataFigure:
    """Draws what each batch is made of: one stacked bar per batch, one panel per way of sampling.

    Args:
        panels: Panel title -> counts as `class_counts_per_batch` returns them.
        class_names: A name per class, frequent classes first.
        title: Title of the figure.

    Returns:
        The figure, one axes per panel; ``data``: panel title -> the counts, shape (batches, classes).

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = new_figure(title, width=9.0, height=1.1 + 2.3 * len(panels))
    every_axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    colours = class_colours(len(class_names))
    for axes, (panel, counts) in zip(every_axes, panels.items(), strict=True):
        batch = np.arange(1, len(counts) + 1)
        floor = np.zeros(len(counts), dtype=np.int64)
        for name, colour, column in zip(class_names, colours, counts.T, strict=True):
            edge = {"edgecolor": "white", "linewidth": 0.6}
            axes.bar(batch, column, bottom=floor, width=0.86, color=colour, label=str(name), **edge)
            floor = floor + column
        dress(axes, panel, ylabel="images in the batch")
        whole_numbers(axes.xaxis)
        whole_numbers(axes.yaxis)
        axes.margins(x=0.01)
    every_axes[-1].set_xlabel("batch of the epoch", color=SOFT_INK)
    figure_legend(figure, every_axes[0], reverse=True)  # in the order in which they are stacked
    figure.keep(panels)
    return figure
