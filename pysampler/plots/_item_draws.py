"""How often each item was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pysampler.labels.read import Labels
from pysampler.plots._records import IntArray, class_codes
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


def draws_per_item(
    draws: npt.ArrayLike,
    labels: npt.ArrayLike | Labels,
    class_names: Sequence[Any] | None = None,
    *,
    expected: Sequence[float] | None = None,
    title: str = "Draws per image",
) -> DataFigure:
    """Draws how often each item was shown: a bar per item, and the distribution per class (ECDF).

    Args:
        draws: Draws of each item, shape (N,), as `draws_of_each_item` or ``counts`` of a tracker or an audit give them.
        labels: The class of every item: integers, shape (N,), or what ``read_labels`` returned (``tracker.labels``).
        class_names: A name per class, frequent classes first; may be left out if ``labels`` know them.
        expected: Expected draws of an item of each class; drawn as a line over its bars.
        title: Title of the figure.

    Returns:
        The figure; its first axes has the bars, its second the distributions. ``data``: class name -> draws of its
        items, ascending; "expected" if given.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: Labels of which an item may have several; no names.
    """
    draws, of_item = np.asarray(draws), class_codes(labels)
    if class_names is None:
        if not isinstance(labels, Labels):
            raise ValueError("class_names may be left out for what read_labels returned only")
        class_names = labels.classes
    figure = new_figure(title, width=11.0, height=4.6)
    bars, steps = figure.subplots(1, 2, width_ratios=(3, 2))
    most, start = int(draws.max(initial=0)), 0
    of_class = [np.sort(draws[of_item == index]) for index in range(len(class_names))]
    for index, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
        own = of_class[index]
        bars.bar(start + np.arange(len(own)), own[::-1], width=1.0, color=colour, label=str(name))
        # A strip under the axis as wide as the class, so that images never drawn have a place too.
        strip = {"color": colour, "alpha": 0.45, "align": "edge"}
        bars.bar(start - 0.5, -0.025 * most, width=len(own), **strip)
        if expected is not None:
            ends = [start - 0.5, start + len(own) - 0.5]
            label = "expected" if index == len(class_names) - 1 else None
            bars.plot(ends, [expected[index]] * 2, color=INK, linestyle="--", linewidth=1.4, label=label)
        start += len(own)
        _distribution(steps, own, most, colour, str(name))
    never = f"{int((draws == 0).sum())} of {len(draws)} images never drawn"
    dress(bars, f"{never}, one drawn {most} times", ylabel="draws")
    bars.set_xlabel("one bar per image, class by class, the most drawn first", color=SOFT_INK)
    bars.set_xticks([])
    bars.margins(x=0.01)
    bars.spines["bottom"].set_visible(False)
    whole_numbers(bars.yaxis)
    dress(steps, "Distribution in each class (ECDF)", xlabel="drawn at most so many times")
    steps.set_ylabel("share of the images of the class", color=SOFT_INK)
    percent(steps.yaxis)
    whole_numbers(steps.xaxis)
    steps.set_xlim(-0.2, most + 0.8)
    figure_legend(figure, bars)
    figure.keep(dict(zip(map(str, class_names), of_class, strict=True)))
    if expected is not None:
        figure.keep({"expected": expected})
    return figure


def _distribution(axes: Axes, own: IntArray, most: int, colour: object, name: str) -> None:
    """Draws the share of a class's items drawn at most 0, 1, 2... times."""
    values = np.concatenate([[0], own, [most + 1]])
    share = np.concatenate([[0.0], np.arange(1, len(own) + 1) / max(len(own), 1), [1.0]])
    axes.step(values, share, where="post", color=colour, linewidth=2.0, label=name)
