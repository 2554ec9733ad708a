"""A plot of mixtures: how soon a run begins, what it takes in memory, and what each index costs, by library."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .mixture_peers import OURS
from .records import Record, Results, axis_value
from .tables import number

PANELS = (
    ("mixture-peers", "To the first index", "ms"),
    ("mixture-memory", "Memory meanwhile", "MB"),
    ("mixture-peers-index", "Each index from then on", "ns"),
)
RED, GREY, INK = "#c1272d", "#9a9a9a", "#222222"
ROOM = 0.4  # of the axis, for the figures beside the bars


def mixture_plot(results: Results) -> Figure | None:
    """Bars on logarithmic axes, a panel for each question, the libraries in the order of the first one."""
    measured = [each for each in results.select("mixture-peers") if each.rounds]
    if not any(each.contender == OURS for each in measured):
        return None
    case = max((each.case for each in measured), key=lambda case: sum(each.case == case for each in measured))
    shown = sorted((each for each in measured if each.case == case), key=lambda each: each.median)
    names = [each.contender for each in shown]
    figure = Figure(figsize=(11, 0.42 * len(names) + 1.7), layout="constrained")
    every_axes = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (group, title, unit) in zip(every_axes, PANELS, strict=True):
        found = [results.find(group, name, **case) for name in names]
        _bars(axes, found)
        axes.set_title(f"{title}, {unit}", loc="left", fontsize=10)
    every_axes[0].set_yticks(range(len(names)), names)
    every_axes[0].invert_yaxis()
    for label in every_axes[0].get_yticklabels():
        if label.get_text() == OURS:
            label.set_fontweight("bold")
    title = f"A run of {axis_value(case['draws'])} indices from {case['sources']} sources"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    about = results.environment
    figure.supxlabel(
        f"{about['cpu']}, {about['cpu_target']}; time of the processor, a process for each figure; an index as a "
        "Python loop gets it, with the rows where a library reads them",
        fontsize=7.5,
        color="#666666",
        x=0.99,
        ha="right",
    )
    return figure


def _bars(axes: Axes, records: list[Record | None]) -> None:
    values = [max(each.median, 1e-2) if each else None for each in records]
    known = [value for value in values if value is not None]
    low, high = min(known) / 3, max(known)
    end = high * (high / low) ** ROOM
    for row, (record, value) in enumerate(zip(records, values, strict=True)):
        if record is None or value is None:
            continue
        ours = record.contender == OURS
        axes.barh(row, value - low, left=low, height=0.62, color=RED if ours else GREY)
        text = number(record.median) if record.median >= 0.01 else "< 0.01"
        axes.annotate(
            text,
            (value, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=RED if ours else INK,
            fontweight="bold" if ours else "normal",
        )
    axes.set_xscale("log")
    axes.set_xlim(low, end)
    axes.set_xticks([])
    axes.minorticks_off()
    axes.tick_params(length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
