"""Tables: records laid out as markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .records import SLOWER, Record, axis_value, ratio

Reference = Callable[[Record], Record | None]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], *, text: bool = False) -> str:
    """A markdown table; every column but the first is right-aligned unless it holds text."""
    lines = [_line(header), _line(["---", *["---" if text else "---:"] * (len(header) - 1)])]
    return "\n".join([*lines, *map(_line, rows)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def number(value: float) -> str:
    """Three significant digits, or all digits before the point, with thin groups of thousands."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def figure(record: Record | None, reference: Record | None = None) -> str:
    """Median, half the interquartile range, and how many times the reference it is."""
    if record is None:
        return ""
    if not record.rounds:
        return "-"
    text = number(record.median)
    if len(record.rounds) > 1:
        text += f" ± {number(record.spread * record.median / 2)}"
    if reference is not None and reference is not record and reference.rounds:
        text += f" ({number(ratio(record, reference))}x)"
    return text


def pivot(
    records: Sequence[Record],
    rows: Sequence[str],
    columns: Callable[[Record], str],
    reference: Reference = lambda record: None,
) -> str:
    """Lays records out by their axes.

    Args:
        records: Of one unit; a skipped one shows as "-".
        rows: Axes that name a row.
        columns: Gives the column of a record; columns come in order of first appearance.
        reference: The record that a record's ratio is taken to, or None for no ratio.
    """
    shown = [record for record in records if not record.contender.endswith(SLOWER)]
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    names: list[str] = []
    for record in shown:
        if not all(axis in record.case or axis == "contender" for axis in rows):
            continue
        name = columns(record)
        if name not in names:
            names.append(name)
        key = tuple(record.contender if axis == "contender" else axis_value(record.case[axis]) for axis in rows)
        cells.setdefault(key, {})[name] = figure(record, reference(record))
    body = [[*key, *(row.get(name, "") for name in names)] for key, row in cells.items()]
    heads = [HEADS.get(axis, axis) for axis in rows]
    return markdown([*heads, *names], body)


HEADS = {"items": "N", "draws": "draws per call", "contender": ""}
