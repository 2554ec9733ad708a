"""Plots of a results file: draws over N, build over N, sampler loops, rows of weights seen once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator

from .dynamic_plot import dynamic_plot
from .mixture_plot import mixture_plot
from .records import Case, Record, Results, axis_value
from .row_map import rows_plot
from .tables import number
from .wanted import LIMIT

COLOURS = {
    "pysampler": "#c1272d",
    LIMIT: "#222222",
    "torch.multinomial": "#e07b00",
    "scipy DiscreteAliasUrn": "#2b6cb0",
    "GSL gsl_ran_discrete": "#2f855a",
    "numpy Generator.choice": "#7b5ea7",
}
LABELS = {
    LIMIT: "random-gather limit",
    "scipy DiscreteAliasUrn": "scipy DiscreteAliasUrn",
    "GSL gsl_ran_discrete": "GSL ran_discrete",
    "numpy Generator.choice": "numpy choice",
}
GREY = "#666666"
TORCH = COLOURS["torch.multinomial"]
LOOPS = (
    ("pysampler WeightedRandomSampler", "torch WeightedRandomSampler"),
    ("pysampler WeightedBatchSampler", "torch BatchSampler"),
)


def write_plots(results: Results, path: Path) -> list[Path]:
    """Writes those plots the results have figures for, beside the results file.

    Returns:
        The images written, as NAME-draws.png, NAME-build.png, NAME-loops.png, NAME-rows.png, NAME-peers.png,
        NAME-dynamic.png.
    """
    written = []
    plots = (
        ("draws", draws_plot),
        ("build", build_plot),
        ("loops", loops_plot),
        ("rows", rows_plot),
        ("peers", mixture_plot),
        ("dynamic", dynamic_plot),
    )
    for name, plot in plots:
        figure = plot(results)
        if figure is None:
            continue
        target = path.with_name(f"{path.stem}-{name}.png")
        FigureCanvasAgg(figure)
        figure.savefig(target, dpi=160)
        written.append(target)
    return written


def draws_plot(results: Results) -> Figure | None:
    """Time per draw against N for every library, one thread, with the gather limit below."""
    title = "Time per weighted draw, one thread"
    return _over_items(results, "draws", title, "ns per draw")


def build_plot(results: Results) -> Figure | None:
    """Time per item against N."""
    return _over_items(results, "build", "Time to build the alias table, one thread", "ns per item")


def _over_items(results: Results, group: str, title: str, unit: str) -> Figure | None:
    series = {name: [each for each in results.select(group, name, threads=1) if each.rounds] for name in COLOURS}
    series = {name: records for name, records in series.items() if records}
    if "pysampler" not in series:
        return None
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for name, records in series.items():
        _line(axes, name, records)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("number of items N")
    _finish(axes, title, unit, results)
    axes.grid(True, which="major", color="#e6e6e6", linewidth=0.8)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    low, high = axes.get_ylim()
    if high < 100 * low:  # Powers of ten alone would leave too few marks to read by.
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    _label_ends(axes, series)
    return figure


def _line(axes: Axes, name: str, records: Sequence[Record]) -> None:
    items = [int(record.case["items"]) for record in records]
    medians = [record.median for record in records]
    ours, limit = name == "pysampler", name == LIMIT
    axes.plot(
        items,
        medians,
        color=COLOURS[name],
        linewidth=2.6 if ours else 1.6,
        linestyle="--" if limit else "-",
        marker="" if limit else "o",
        markersize=6 if ours else 4,
        zorder=3 if ours else 2,
    )
    low, high = zip(*(each.quartiles for each in records), strict=True)
    axes.fill_between(items, low, high, color=COLOURS[name], alpha=0.12, linewidth=0)


def _label_ends(axes: Axes, series: dict[str, list[Record]]) -> None:
    """Names each line at its right end, moved apart where ends lie close together."""
    last = max(int(record.case["items"]) for records in series.values() for record in records)
    first = min(int(record.case["items"]) for records in series.values() for record in records)
    axes.set_xlim(first / 1.5, last * (last / first) ** 0.36)
    ticks = [10**power for power in range(3, 11) if first <= 10**power <= last]
    axes.set_xticks(ticks, [axis_value(tick) for tick in ticks])
    axes.minorticks_off()
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    ends = sorted((records[-1].median, name) for name, records in series.items())
    least_y = float("-inf")
    for median, name in ends:
        at = int(series[name][-1].case["items"])
        x, y = axes.transData.transform((at, median))
        least_y = max(y, least_y + 15)
        text = f"{LABELS.get(name, name)}  {number(median)}"
        if at < last:
            text += f" at N = {axis_value(at)}"
        axes.annotate(
            text,
            tuple(axes.transData.inverted().transform((x + 9, least_y))),
            color=COLOURS[name],
            va="center",
            fontsize=9,
            fontweight="bold" if name == "pysampler" else "normal",
            annotation_clip=False,
        )


def loops_plot(results: Results) -> Figure | None:
    """Bars of ns per index: plain loops and DataLoader, torch beside pysampler."""
    pairs = _loop_pairs(results)
    if not pairs:
        return None
    figure = Figure(figsize=(8, 0.72 * len(pairs) + 1.5), layout="constrained")
    axes = figure.add_subplot()
    widest = max(theirs.median for _, _, theirs in pairs)
    for place, (_, ours, theirs) in enumerate(reversed(pairs)):
        for record, offset, colour in (
            (theirs, -0.19, TORCH),
            (ours, 0.19, COLOURS["pysampler"]),
        ):
            axes.barh(place + offset, record.median, height=0.34, color=colour)
            text = number(record.median)
            if record is ours:
                text += f"   {number(theirs.median / ours.median)}x as fast"  # as the bars are long
            axes.text(
                record.median + widest * 0.01,
                place + offset,
                text,
                va="center",
                fontsize=9,
                fontweight="bold" if record is ours else "normal",
                color=colour,
            )
    axes.set_yticks(range(len(pairs)), [label for label, _, _ in reversed(pairs)])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, widest * 1.15)
    _finish(axes, "Time per index in sampling loops", "", results)
    axes.set_xlabel("ns per index")
    axes.spines["left"].set_visible(False)
    axes.legend(
        handles=[Patch(color=COLOURS["pysampler"]), Patch(color=TORCH)],
        labels=["pysampler", "torch"],
        frameon=False,
        loc="upper right",
    )
    return figure


def _loop_pairs(results: Results) -> list[tuple[str, Record, Record]]:
    """Label, our record and torch's, for every loop of which both were measured."""
    passes = [int(record.case["items"]) for record in results.select("loops") if record.rounds]
    smallest: Case = {"items": min(passes, default=0)}
    torch_loader = "torch, sampler="
    candidates: list[tuple[str, str, str, str, Case]] = [
        ("for i in sampler\n", "loops", *LOOPS[0], smallest),
        ("for batch in batch_sampler\n", "loops", *LOOPS[1], smallest),
    ]
    for workers, text in ((0, "no workers"), (2, "2 workers")):
        for way in ("sampler=", "batch_sampler="):
            label = f"DataLoader({way}...)\n{text}, "
            case: Case = {"workers": workers}
            candidates.append((label, "loaders", f"pysampler, {way}", torch_loader, case))
    pairs = []
    for label, group, our_name, their_name, case in candidates:
        ours = results.find(group, our_name, **case)
        theirs = results.find(group, their_name, **case)
        if ours and theirs:
            pairs.append((f"{label}N = {axis_value(ours.case['items'])}", ours, theirs))
    return pairs


def _finish(axes: Axes, title: str, unit: str, results: Results) -> None:
    """What every plot shares: title, source line, quiet frame."""
    about = results.environment
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.set_ylabel(unit)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure = axes.figure
    assert isinstance(figure, Figure)
    libraries = about["libraries"]
    source = (
        f"{about['cpu']}, {about['cpu_target']}; torch {libraries['torch']}, "
        f"numpy {libraries['numpy']}; medians of interleaved rounds"
    )
    figure.supxlabel(source, fontsize=7.5, color=GREY, x=0.99, ha="right")
