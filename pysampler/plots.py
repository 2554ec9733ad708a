"""Figures that show what a weighted sampler does to the data that a model sees.

Each figure has a data companion, which needs numpy only: the companion turns recorded batches into
an array, the figure draws that array and nothing else. So the numbers behind a picture can be
checked, saved or drawn some other way.

    batches of item indices ─► class_counts_per_batch ─► class_mix_per_batch
                            ├► draws_of_each_item     ─► draws_per_item
                            └► unique_items_seen      ─► coverage_curve

The figures need matplotlib (``pip install "pysampler[plots]"``), imported when the first is drawn.
They never touch pyplot or any global setting: save one with ``figure.savefig("mix.png")``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

IntArray = npt.NDArray[np.int64]

# Okabe and Ito's palette, told apart under every common form of colour blindness. Many classes are
# ordered (frequent to rare), so they get an ordered scale instead.
_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
_INK, _SOFT_INK, _GRID = "#222222", "#666666", "#E3E3E3"


# ---- data companions: numpy only ----------------------------------------------------------------


def class_counts_per_batch(batches: Iterable[npt.ArrayLike], labels: npt.ArrayLike, num_classes: int) -> IntArray:
    """Counts the items of each class in each batch.

    Args:
        batches: Item indices, one array or list per batch, in the order of delivery.
        labels: The class of every item, integers in [0, num_classes), shape (items,).
        num_classes: Number of classes.

    Returns:
        int64 array of shape (batches, num_classes).
    """
    of_item = np.asarray(labels, dtype=np.int64)
    rows = [np.bincount(of_item[np.asarray(batch, dtype=np.int64)], minlength=num_classes) for batch in batches]
    return np.asarray(rows, dtype=np.int64).reshape(len(rows), num_classes)


def draws_of_each_item(batches: Iterable[npt.ArrayLike], num_items: int) -> IntArray:
    """Counts how often each item was drawn: int64 array of shape (num_items,)."""
    counts = np.zeros(num_items, dtype=np.int64)
    for batch in batches:
        counts += np.bincount(np.asarray(batch, dtype=np.int64), minlength=num_items)
    return counts


def unique_items_seen(epochs: Iterable[Iterable[npt.ArrayLike]], labels: npt.ArrayLike, num_classes: int) -> IntArray:
    """Counts the distinct items of each class seen after 0, 1, 2... epochs.

    Args:
        epochs: The batches of each epoch, each batch an array or list of item indices.
        labels: The class of every item, integers in [0, num_classes), shape (items,).
        num_classes: Number of classes.

    Returns:
        int64 array of shape (epochs + 1, num_classes); row 0, before any epoch, is zero.
    """
    of_item = np.asarray(labels, dtype=np.int64)
    seen = np.zeros(len(of_item), dtype=bool)
    rows = [np.zeros(num_classes, dtype=np.int64)]
    for batches in epochs:
        for batch in batches:
            seen[np.asarray(batch, dtype=np.int64)] = True
        rows.append(np.bincount(of_item[seen], minlength=num_classes))
    return np.asarray(rows, dtype=np.int64)


# ---- figures ------------------------------------------------------------------------------------


def class_mix_per_batch(
    panels: Mapping[str, IntArray],
    class_names: Sequence[str],
    *,
    title: str = "Class mix per batch",
) -> Figure:
    """Draws what each batch is made of: one stacked bar per batch, one panel per way of sampling.

    Args:
        panels: Panel title -> counts as `class_counts_per_batch` returns them.
        class_names: A name per class, frequent classes first.
        title: Title of the figure.

    Returns:
        The figure, one axes per panel.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = _new_figure(title, width=9.0, height=1.1 + 2.3 * len(panels))
    every_axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    colours = _class_colours(len(class_names))
    for axes, (panel, counts) in zip(every_axes, panels.items(), strict=True):
        batch = np.arange(1, len(counts) + 1)
        floor = np.zeros(len(counts), dtype=np.int64)
        for name, colour, column in zip(class_names, colours, counts.T, strict=True):
            edge = {"edgecolor": "white", "linewidth": 0.6}
            axes.bar(batch, column, bottom=floor, width=0.86, color=colour, label=name, **edge)
            floor = floor + column
        _dress(axes, panel, ylabel="images in the batch")
        _whole_numbers(axes.xaxis)
        _whole_numbers(axes.yaxis)
        axes.margins(x=0.01)
    every_axes[-1].set_xlabel("batch of the epoch", color=_SOFT_INK)
    _class_legend(figure, every_axes[0], reverse=True)  # in the order in which they are stacked
    return figure


def draws_per_item(
    draws: IntArray,
    labels: npt.ArrayLike,
    class_names: Sequence[str],
    *,
    title: str = "Draws per image",
) -> Figure:
    """Draws how often each item was shown: a bar per item, and the distribution per class (ECDF).

    Args:
        draws: Draws of each item, shape (items,), as `draws_of_each_item` returns them.
        labels: The class of every item, shape (items,).
        class_names: A name per class, frequent classes first.
        title: Title of the figure.

    Returns:
        The figure; its first axes has the bars, its second the distributions.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = _new_figure(title, width=11.0, height=4.6)
    bars, steps = figure.subplots(1, 2, width_ratios=(3, 2))
    most, start = int(draws.max(initial=0)), 0
    colours = _class_colours(len(class_names))
    for index, (name, colour) in enumerate(zip(class_names, colours, strict=True)):
        own = np.sort(draws[np.asarray(labels) == index])
        bars.bar(start + np.arange(len(own)), own[::-1], width=1.0, color=colour, label=name)
        # A strip under the axis as wide as the class, so that images never drawn have a place too.
        strip = {"color": colour, "alpha": 0.45, "align": "edge"}
        bars.bar(start - 0.5, -0.025 * most, width=len(own), **strip)
        start += len(own)
        values = np.concatenate([[0], own, [most + 1]])
        share = np.concatenate([[0.0], np.arange(1, len(own) + 1) / max(len(own), 1), [1.0]])
        steps.step(values, share, where="post", color=colour, linewidth=2.0, label=name)
    never = f"{int((draws == 0).sum())} of {len(draws)} images never drawn"
    _dress(bars, f"{never}, one drawn {most} times", ylabel="draws")
    bars.set_xlabel("one bar per image, class by class, the most drawn first", color=_SOFT_INK)
    bars.set_xticks([])
    bars.margins(x=0.01)
    bars.spines["bottom"].set_visible(False)
    _whole_numbers(bars.yaxis)
    _dress(steps, "Distribution in each class (ECDF)", xlabel="drawn at most so many times")
    steps.set_ylabel("share of the images of the class", color=_SOFT_INK)
    _percent(steps.yaxis)
    _whole_numbers(steps.xaxis)
    steps.set_xlim(-0.2, most + 0.8)
    _class_legend(figure, bars)
    return figure


def coverage_curve(
    seen: IntArray,
    class_sizes: Sequence[int],
    class_names: Sequence[str],
    *,
    share: bool = False,
    title: str = "Coverage",
) -> Figure:
    """Draws how many distinct items have been seen after each epoch, per class and in total.

    A ring marks the epoch at which a line has reached its end: everything seen.

    Args:
        seen: Distinct items seen, shape (epochs + 1, classes), as `unique_items_seen` returns them.
        class_sizes: Number of items of each class.
        class_names: A name per class, frequent classes first.
        share: Draw percent of the class instead of numbers of items; right for many classes.
        title: Title of the figure.

    Returns:
        The figure, with one axes: a line per class in the given order, then the total.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = _new_figure(title, width=8.0, height=4.8)
    axes = figure.subplots()
    total = sum(class_sizes)
    lines, sizes = [*seen.T, seen.sum(axis=1)], [*class_sizes, total]
    names = [*class_names, "all images"]
    colours = [*_class_colours(len(class_names)), _INK]
    for line, name, size, colour in zip(lines, names, sizes, colours, strict=True):
        height = line / size if share else line
        axes.plot(height, color=colour, linewidth=2.0 if colour is not _INK else 2.8, label=name)
        if line[-1] == size:  # an empty unclipped line would spoil the layout
            ring = {"markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 2.0}
            full = int(np.argmax(line == size))
            axes.plot(full, height[full], "o", markersize=8, zorder=4, clip_on=False, **ring)
    top = 1.0 if share else total
    axes.axhline(top, color=_SOFT_INK, linestyle="--", linewidth=1.2, zorder=1, label="everything seen")
    _dress(axes, _coverage_sentence(seen, total), xlabel="epochs")
    axes.set_ylabel(f"{'share of the class' if share else 'unique images'} seen so far")
    axes.set_xlim(0, max(len(seen) - 1, 1))
    axes.set_ylim(0, 1.06 * top)
    _whole_numbers(axes.xaxis)
    if share:
        _percent(axes.yaxis)
    _class_legend(figure, axes)
    return figure


def _coverage_sentence(seen: IntArray, total: int) -> str:
    """Says in words when everything had been seen."""
    of_epoch = seen.sum(axis=1)
    full = np.flatnonzero(of_epoch == total)
    after_one = f"{of_epoch[min(1, len(seen) - 1)]} of {total} images seen in the first epoch"
    if len(full):
        return f"{after_one}, all of them after {full[0]} epochs"
    return f"{after_one}, {of_epoch[-1]} after {len(seen) - 1} epochs"


# ---- one look for every figure ------------------------------------------------------------------


def _matplotlib() -> ModuleType:
    """Imports matplotlib, or says how to install it."""
    try:
        import matplotlib.backends.backend_agg  # noqa: PLC0415 - optional, and slow to import
        import matplotlib.figure  # noqa: PLC0415
        import matplotlib.layout_engine  # noqa: PLC0415
        import matplotlib.ticker  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            f"pysampler.plots needs matplotlib, which cannot be imported ({error}); "
            'install it with: pip install "pysampler[plots]"'
        ) from error
    return matplotlib


def _new_figure(title: str, *, width: float, height: float) -> Figure:
    """Makes an empty figure of the shared style, sizes in inches."""
    mpl = _matplotlib()
    layout = mpl.layout_engine.ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    figure: Figure = mpl.figure.Figure(figsize=(width, height), dpi=150, layout=layout, facecolor="white")
    mpl.backends.backend_agg.FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.1 / width, ha="left", fontsize=14, fontweight="bold", color=_INK)
    return figure


def _class_colours(num_classes: int) -> list[Any]:
    """Gives every class a colour: distinct ones for few classes, an ordered scale for many."""
    if num_classes <= len(_PALETTE):
        return list(_PALETTE[:num_classes])
    return list(_matplotlib().colormaps["viridis"](np.linspace(0.0, 0.92, num_classes)))


def _dress(axes: Axes, title: str, *, xlabel: str = "", ylabel: str = "") -> None:
    """Gives axes the shared look: title on the left, light horizontal grid, no frame."""
    axes.set_title(title, loc="left", fontsize=10.5, color=_INK)
    axes.set_xlabel(xlabel, color=_SOFT_INK)
    axes.set_ylabel(ylabel, color=_SOFT_INK)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT_INK)
    axes.tick_params(colors=_SOFT_INK, length=0)


def _whole_numbers(axis: Axis) -> None:
    axis.set_major_locator(_matplotlib().ticker.MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))


def _percent(axis: Axis) -> None:
    axis.set_major_formatter(_matplotlib().ticker.PercentFormatter(xmax=1.0, decimals=0))


def _class_legend(figure: Figure, axes: Axes, *, reverse: bool = False) -> None:
    """Puts one legend for the whole figure outside its axes, on the right."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", reverse=reverse, frameon=False, labelcolor=_INK)
