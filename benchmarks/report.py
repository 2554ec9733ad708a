"""Report: tables and plots made from a results file, so that they can be made again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .records import SLOWER, Record, Results, axis_value, ratio
from .tables import Reference, markdown, number, pivot
from .wanted import LIMIT, WANTED

LEGEND = """\
Figures are medians over interleaved rounds ± half the interquartile range; (3.0x) is how many times
the time of pysampler in the same rounds. A dash is a skip; reasons are at the end.
"""
USUAL = {("threads", 1), ("family", "uniform"), ("dtype", "float64")}
LOOP_PARTNERS = {
    "torch WeightedRandomSampler": "pysampler WeightedRandomSampler",
    "torch BatchSampler": "pysampler WeightedBatchSampler",
    "torch, sampler=": "pysampler, batch_sampler=",
    "pysampler, sampler=": "pysampler, batch_sampler=",
}


def write_report(path: Path) -> None:
    """Writes NAME.md and NAME-*.png beside NAME.json; without matplotlib only the tables."""
    results = Results.load(path)
    images: list[Path] = []
    try:
        plots: Any = importlib.import_module(".plots", __package__)
    except ImportError as error:
        print(f"no plots: {error}")
    else:
        images = plots.write_plots(results, path)
    target = path.with_suffix(".md")
    target.write_text(render(results, images), encoding="utf-8")
    print(f"wrote {target}" + "".join(f", {image.name}" for image in images))


def render(results: Results, images: list[Path]) -> str:
    """The whole report in markdown."""
    sections = [
        "# Benchmark results\n",
        _environment(results),
        LEGEND,
        "".join(f"![{image.stem}]({image.name})\n\n" for image in images),
        "## What was wanted\n\n" + wanted_table(results),
        *_draw_sections(results),
        *_other_sections(results),
        "## Skipped\n\n" + _skips(results),
        "## Notes\n\n" + _notes(results),
        "## How each was called\n\n" + _methods(results),
    ]
    return "\n".join(section for section in sections if section)


def wanted_table(results: Results) -> str:
    """Each demand beside what this run measured; how many it did not measure."""
    rows, missing = [], 0
    for wanted in WANTED:
        measured = wanted.measure(results)
        if measured is None:
            missing += 1
        else:
            reached = "yes" if wanted.reached(measured) else "**no**"
            rows.append([wanted.what, wanted.demand, f"{number(measured)} {wanted.unit}", reached])
    return markdown(["", "wanted", "measured", "reached"], rows) + f"\nNot measured in this run: {missing} others.\n"


def _environment(results: Results) -> str:
    about = results.environment
    commit = str(about["commit"])[:12] + (" with uncommitted changes" if about["dirty"] else "")
    versions = ", ".join(f"{name} {version}" for name, version in about["libraries"].items() if version)
    targets = ", ".join(about["cpu_targets"])
    lines = (
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}",
        f"CPU target {about['cpu_target']} (of {targets}), compiler {about['compiler']}",
        f"Python {about['python']}, {versions}",
        f"commit {commit}, {about['date']}, {results.settings['name']} run",
    )
    return "\n".join(f"- {line}" for line in lines) + "\n"


def _beside(results: Results, name: str = "pysampler") -> Reference:
    """The record of `name` in a record's own case."""
    return lambda record: results.find(record.group, name, **record.case)


def _draw_sections(results: Results) -> list[str]:
    sections = []
    for threads in (1, 2):
        records = list(results.select("draws", threads=threads))
        records += [each for each in results.select("draws") if "threads" not in each.case and threads == 1]
        if not records:
            continue
        plural = "thread" if threads == 1 else "threads"
        sections.append(
            f"## Draws, {threads} {plural}, ns per draw\n\n"
            + pivot(_in_order(records), ("items", "draws"), _contender, _beside(results))
        )
        sections.append(_share(results, threads))
    return sections


def _in_order(records: list[Record]) -> list[Record]:
    """By N, and with pysampler and the limit first, so that columns stay the same everywhere."""
    first = {"pysampler": 0, LIMIT: 1}
    return sorted(records, key=lambda each: (each.case["items"], first.get(each.contender, 2)))


def _share(results: Results, threads: int) -> str:
    rows = []
    for ours in results.select("draws", "pysampler", threads=threads):
        limit = results.find("draws", LIMIT, items=ours.case["items"], threads=threads)
        if limit and ours.rounds:
            share = f"{100 * ratio(limit, ours):.0f} %"
            rows.append([axis_value(ours.case["items"]), share, limit.how])
    header = ["N", "share of the gather limit", "fastest way to gather"]
    return markdown(header, rows, text=True) if rows else ""


def _other_sections(results: Results) -> list[str]:
    ours, ranked = _beside(results), _beside(results, "pysampler DistributedWeightedSampler")
    uniform, widest = _beside(results, "uniform"), _beside(results, "avx512")
    layouts: list[tuple[str, str, tuple[str, ...], Reference]] = [
        ("families", "Draws by weight family, ns per draw", ("family",), ours),
        ("bulk", "Bulk draws, ns per draw", ("items", "draws", "threads"), ours),
        ("huge", "N = 1e9, ns per draw", ("items", "draws", "threads"), ours),
        ("build", "Build, ns per item", ("items", "threads"), ours),
        ("registry", "Draws beside everything in the package index, ns per draw", ("items",), ours),
        ("registry-tables", "Tables beside everything in the package index, ns per item", ("items",), ours),
        ("small-calls", "Small calls from a standing table, µs per call", ("items", "draws"), ours),
        ("one-shot", "Weights seen once, µs per call", ("items", "draws"), ours),
        (
            "rows",
            "Rows of weights seen once, µs per call",
            ("rows", "columns", "draws", "replacement", "weights", "threads"),
            ours,
        ),
        ("first-index", "First index of a pass, µs", ("items",), ours),
        (
            "without-replacement",
            "Without replacement, ns per draw",
            ("items", "draws", "threads"),
            ours,
        ),
        ("dynamic-draws", "Draws by weights that change, ns per draw", ("items", "batch"), ours),
        ("dynamic-updates", "Updates of such weights, ns per update", ("items", "batch"), ours),
        (
            "dynamic-draws-cold",
            "The same draws, each call after 64 MB of other memory were read, ns per draw",
            ("items", "batch"),
            ours,
        ),
        (
            "dynamic-updates-cold",
            "The same updates, each call after 64 MB of other memory were read, ns per update",
            ("items", "batch"),
            ours,
        ),
        ("dynamic-ones", "A draw and the update of its item, one by one in C++, warm, ns", ("items",), ours),
        (
            "dynamic-ones-cold",
            "The same, 256 of them after 64 MB of other memory were read, ns",
            ("items",),
            ours,
        ),
        ("replay", "Prioritised replay: a batch drawn and its priorities updated, µs", ("items", "batch"), ours),
        ("mixture", "Mixtures, ns of the processor per index", ("sources",), ours),
        ("mixture-first", "First index of a mixture at position 1e12, µs", ("sources",), ours),
        ("mixture-made", "A mixture made, ms", ("sources",), ours),
        ("ranks-first-batch", "First batch of 256 on one rank, ms", ("items", "world"), ranked),
        ("ranks-epoch", "One rank's part of an epoch, ms", ("items", "world"), ranked),
        ("ranks-memory", "Memory of one rank's epoch over what stood before it, MB", ("items", "world"), ranked),
        (
            "ranks-fairness",
            "Share of draws of an item with 90 % of the weight, all ranks, %",
            ("items", "world"),
            ranked,
        ),
        ("marking", "Marking coverage, ns per index", ("items", "indices", "threads"), ours),
        ("audits", "Audits, ns per draw", ("items", "draws", "threads"), lambda each: None),
        ("cpu-targets", "CPU targets, ns per draw or item", ("task", "items"), widest),
    ]
    sections = [
        f"## {title}\n\n" + pivot(list(results.select(group)), axes, _contender, reference)
        for group, title, axes, reference in layouts
        if any(results.select(group))
    ]
    partner: Reference = lambda each: results.find(  # noqa: E731
        each.group, LOOP_PARTNERS.get(each.contender, ""), **each.case
    )
    for group, title in (
        ("mixture-peers", "From standing data to a mixture's first index, ms of the processor"),
        ("mixture-peers-wall", "The same by the clock, ms"),
        ("mixture-peers-index", "Each index of it from then on, ns of the processor"),
        ("mixture-memory", "Memory until a mixture's first index, MB"),
    ):
        records = [record for record in results.select(group) if record.contender != "all"]
        if records:
            sections.append(f"## {title}\n\n" + pivot(records, ("contender",), _mixture_case))
    by_contender: list[tuple[str, str, str, Reference]] = [
        ("build-families", "Build by weight family, ns per item", "dtype", uniform),
        ("loops", "Sampler loops, ns per index", "items", partner),
        ("loaders", "DataLoader, ns per index", "workers", partner),
        ("memory", "Memory of one pass over what stood before it, MB", "draws", lambda each: None),
        ("cold-start", "In a new process, ms", "items", lambda each: None),
    ]
    for group, title, axis, reference in by_contender:
        records = [record for record in results.select(group) if axis in record.case]
        if records:
            name = {"items": "N", "draws": "draws"}.get(axis, axis)
            column = _column(axis, name)
            sections.append(f"## {title}\n\n" + pivot(records, ("contender",), column, reference))
    return sections


def _mixture_case(record: Record) -> str:
    return f"{axis_value(record.case['sources'])} sources, {axis_value(record.case['draws'])} draws"


def _contender(record: Record) -> str:
    return record.contender


def _column(axis: str, name: str) -> Callable[[Record], str]:
    return lambda record: f"{name} {axis_value(record.case[axis])}"


def _skips(results: Results) -> str:
    """Every skip with its reason; cases that share both are one row."""
    return _grouped(
        [record for record in results.records if record.skipped],
        lambda record: str(record.skipped),
        "reason",
    )


def _notes(results: Results) -> str:
    return _grouped(
        [record for record in results.records if record.note],
        lambda record: record.note,
        "note",
    )


def _grouped(records: list[Record], say: Callable[[Record], str], title: str) -> str:
    cases: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        where = cases.setdefault((record.group, record.contender, say(record)), [])
        where.append(_describe(record))
    rows = [[group, name, "; ".join(where), text] for (group, name, text), where in cases.items()]
    return markdown(["group", "contender", "cases", title], rows, text=True) if rows else "None.\n"


def _describe(record: Record) -> str:
    """The axes that tell one case of a group from another."""
    shown = ("items", "threads", "family", "workers", "dtype")
    heads = {"items": "N"}
    return " ".join(
        f"{heads.get(axis, axis)} {axis_value(record.case[axis])}"
        for axis in shown
        if axis in record.case and (axis, record.case[axis]) not in USUAL
    )


def _methods(results: Results) -> str:
    seen: dict[str, dict[str, None]] = {}
    for record in results.records:
        if record.how and record.contender != LIMIT and not record.contender.endswith(SLOWER):
            seen.setdefault(record.how, {})[f"{record.contender}"] = None
    rows = [[", ".join(names), how] for how, names in seen.items()]
    return markdown(["contender", "call"], rows, text=True)
