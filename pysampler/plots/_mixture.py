"""What a mixture gives in a run: each source's share as the run goes on, and how often each is gone through."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pysampler.plots._style import GRID, INK, SOFT_INK, class_colours, dress, new_figure, percent, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pysampler.plan.mixture import MixturePlan, SourcePlan
    from pysampler.plots._data_figure import DataFigure
    from pysampler.plots._records import FloatArray

_MOST_BANDS = 9  # more sources are drawn as one
_MOST_BARS = 24
_OTHERS = "#C9C9C9"
_WIDE = 30.0  # times as many passes, from where on their axis is logarithmic
_LEAST_NAMED = 0.028  # of the height: bands that thin have no name beside them


def mixture_plan(plan: MixturePlan, *, title: str | None = None) -> DataFigure:
    """Draws a mixture's plan: shares over the run on the left, passes over each source on the right.

    Args:
        plan: As ``pysampler.plan.plan_mixture`` makes it.
        title: Title of the figure; by default what was mixed.

    Returns:
        The figure. ``data``: as those of ``source_shares`` and ``source_passes``.

    Raises:
        ImportError: If matplotlib is missing.
    """
    bars = min(len(plan.sources), _MOST_BARS)
    figure = new_figure(_title(plan, title), width=12.0, height=min(max(4.4, 1.9 + 0.3 * bars), 9.5))
    shares, passes = figure.subplots(1, 2, width_ratios=(1.15, 1))
    figure.keep(_draw_shares(shares, plan))
    figure.keep(_draw_passes(passes, plan))
    return figure


def source_shares(plan: MixturePlan, *, title: str | None = None) -> DataFigure:
    """Draws each source's share of the draws as the run goes on: bands as delivered, lines as planned.

    Args:
        plan: As ``pysampler.plan.plan_mixture`` makes it.
        title: Title of the figure; by default what was mixed.

    Returns:
        The figure. ``data``: "draws", where the pieces of the run end, of shape (pieces,); "delivered", each source's
        share of a piece, and "planned", of shape (sources, pieces), in the order of "bands", the sources' numbers.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = new_figure(_title(plan, title), width=8.0, height=4.6)
    figure.keep(_draw_shares(figure.subplots(), plan))
    return figure


def source_passes(plan: MixturePlan, *, title: str | None = None) -> DataFigure:
    """Draws how often the run goes through each source: a bar each, the first pass darker than its repeats.

    Args:
        plan: As ``pysampler.plan.plan_mixture`` makes it.
        title: Title of the figure; by default what was mixed.

    Returns:
        The figure. ``data``: "passes", of shape (sources,), in the plan's order.

    Raises:
        ImportError: If matplotlib is missing.
    """
    bars = min(len(plan.sources), _MOST_BARS)
    figure = new_figure(_title(plan, title), width=8.0, height=min(max(3.4, 1.6 + 0.3 * bars), 9.5))
    figure.keep(_draw_passes(figure.subplots(), plan))
    return figure


def _title(plan: MixturePlan, title: str | None) -> str:
    return title or f"{plan.source[:1].upper()}{plan.source[1:]}, {amount(plan.draws)} draws"


def _draw_shares(axes: Axes, plan: MixturePlan) -> dict[str, Any]:
    """Draws a band per source as high as its share, from each piece of the run to the next."""
    ends = plan.positions[1:]
    delivered: FloatArray = np.diff(plan.counts, axis=0).T / np.diff(plan.positions)
    planned = _planned(plan)
    bands, rest = _bands(plan)
    edges = plan.positions / plan.draws
    colours = [*_colours(plan, bands), _OTHERS]
    low = np.zeros(len(ends))
    line = np.zeros(len(ends))
    last = 0.0
    for number, colour in zip([*bands, None], colours, strict=True):
        own = delivered[number] if number is not None else delivered[rest].sum(axis=0)
        aimed = planned[number] if number is not None else planned[rest].sum(axis=0)
        if number is None and not rest:
            break
        axes.stairs(low + own, edges, baseline=low, fill=True, color=colour, linewidth=0)
        low, line = low + own, line + aimed
        if float(line.max()) < 1 - 1e-9:
            axes.stairs(line, edges, baseline=None, color=INK, linewidth=1.1, linestyle=(0, (4, 2)))
        name = f"{len(rest)} others" if number is None else plan.sources[number].name
        if own[-1] >= _LEAST_NAMED:
            text = f"{plain(_short(name))}  {100 * own[-1]:.0f}%"
            axes.text(1.012, (last + low[-1]) / 2, text, va="center", fontsize=9, color=INK)
        last = float(low[-1])
    dress(axes, "Share of the draws: bands as delivered, dashed lines as planned", xlabel="draws")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    percent(axes.yaxis)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks, [amount(round(tick * plan.draws)) for tick in ticks])
    return {"draws": ends, "delivered": delivered, "planned": planned, "bands": bands}


def _planned(plan: MixturePlan) -> FloatArray:
    """Each source's planned share of each piece of the run, of shape (sources, pieces)."""
    begins = np.array([first for first, _ in plan.stages] + [plan.draws])
    shares = np.array([shares for _, shares in plan.stages]).T
    lasting = np.maximum(begins, 0)
    reached = np.clip(plan.positions[:, None] - lasting[None, :-1], 0, np.diff(begins)[None, :])
    expected: FloatArray = shares @ reached.T
    result: FloatArray = np.diff(expected, axis=1) / np.diff(plan.positions)
    return result


def _bands(plan: MixturePlan) -> tuple[list[int], list[int]]:
    """Returns which sources have a band of their own, in the plan's order, and which share one."""
    if len(plan.sources) <= _MOST_BANDS + 1:
        return list(range(len(plan.sources))), []
    largest = sorted(range(len(plan.sources)), key=lambda i: -plan.sources[i].draws)[:_MOST_BANDS]
    chosen = set(largest)
    return sorted(largest), [i for i in range(len(plan.sources)) if i not in chosen]


def _colours(plan: MixturePlan, bands: list[int]) -> list[Any]:
    return class_colours(len(bands))


def _draw_passes(axes: Axes, plan: MixturePlan) -> dict[str, Any]:
    """Draws a bar per source, the most repeated first if there are too many to show."""
    bands, _ = _bands(plan)
    colour_of = dict(zip(bands, _colours(plan, bands), strict=True))
    numbers = list(range(len(plan.sources)))
    if len(numbers) > _MOST_BARS:
        ranked = sorted(numbers, key=lambda i: -plan.sources[i].passes)
        numbers = ranked[: _MOST_BARS // 2] + ranked[-_MOST_BARS // 2 :]
    shown = [plan.sources[number] for number in numbers]
    most = max(own.passes for own in shown)
    least = min((own.passes for own in shown if own.passes > 0), default=most)
    logarithmic = most > _WIDE * max(least, 1e-12) and most > 2
    floor = 10.0 ** math.floor(math.log10(max(min(least, 1.0), 1e-12) / 1.5)) if logarithmic else 0.0
    end = most * (most / floor) ** 0.48 if logarithmic else max(most, 1.0) * 1.45
    for row, (number, own) in enumerate(zip(numbers, shown, strict=True)):
        colour = colour_of.get(number, _OTHERS)
        first = min(own.passes, 1.0)
        axes.barh(row, max(first - floor, 0.0), left=floor, height=0.72, color=colour)
        axes.barh(row, max(own.passes - max(1.0, floor), 0.0), left=1.0, height=0.72, color=colour, alpha=0.45)
        place = max(own.passes, floor)
        offset: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": 8.5}
        offset["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}  # over the line at 1
        axes.annotate(_said(own), (place, row), color=SOFT_INK, **offset)
    axes.axvline(1.0, color=INK, linewidth=1.1, linestyle=(0, (4, 2)))
    dress(axes, _passes_title(plan, len(shown)), xlabel="passes over the source")
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_yticks(range(len(shown)), [plain(_short(own.name)) for own in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.tick_params(axis="x", which="minor", length=0)
    axes.set_xlim(floor, end)
    return {"passes": [own.passes for own in plan.sources]}


def _said(own: SourcePlan) -> str:
    if own.draws == 0:
        return "never drawn"
    if own.repeats_from is not None:
        return f"{own.passes:.3g}, repeats from {amount(own.repeats_from)}"
    if own.passes >= 1:
        return f"{own.passes:.3g}"
    return f"{own.passes:.3g}, {100 * own.unseen / own.items:.0f}% unseen"


def _passes_title(plan: MixturePlan, shown: int) -> str:
    if shown < len(plan.sources):
        return f"The {shown // 2} most and least repeated of {len(plan.sources)}: repeats are light"
    return "Passes: the first is dark, repeats are light"


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def amount(number: int) -> str:
    """950, 12k, 3.4M, 1.2B: to be read at a glance."""
    for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{letter}"
    return str(number)
