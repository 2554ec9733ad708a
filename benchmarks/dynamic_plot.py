"""The plot of dynamic tables: draws and updates in batches beside other trees of sums."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from .dynamic_peers import NAMES
from .records import Results, axis_value

_COLOURS = dict(zip(NAMES, ("#c1272d", "#666666", "#2b6cb0", "#e07b00"), strict=True))
_PANELS = (("dynamic-draws", "a draw, ns"), ("dynamic-updates", "an update, ns"))


def dynamic_plot(results: Results, batch: int = 256) -> Figure | None:
    """Time of a draw and of an update against N, from Python in batches of 256, one thread."""
    if not any(each.rounds for each in results.select("dynamic-draws", "pysampler", batch=batch)):
        return None
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, (group, unit) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for name, colour in _COLOURS.items():
            records = [each for each in results.select(group, name, batch=batch) if each.rounds]
            if not records:
                continue
            items, medians = [int(each.case["items"]) for each in records], [each.median for each in records]
            axes.plot(
                items, medians, marker="o", color=colour, linewidth=2.4 if name == "pysampler" else 1.5, label=name
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        ticks = sorted({int(each.case["items"]) for each in results.select(group, "pysampler", batch=batch)})
        axes.set_xticks(ticks, [axis_value(tick) for tick in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(True, axis="y", color="#e6e6e6")
        axes.set_xlabel("weights")
        axes.set_title(f"{unit}, batches of {batch} from Python", fontsize=11, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    return figure
