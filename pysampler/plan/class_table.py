"""The table of a plan's classes, as text."""

from __future__ import annotations

from collections.abc import Sequence

from pysampler.plan.class_plan import ClassPlan

_MOST_CLASSES = 40
_MOST_NAME = 20
_KEY = (
    "draws: expected in an epoch; per item: the same for one item of the class;",
    "unseen: expected share of the class that an epoch of independent draws does not show",
)
_HEADING = ("class", "items", "in data", "weight", "target", "expected", "draws", "per item", "unseen")


def class_table(classes: Sequence[ClassPlan]) -> list[str]:
    """Returns the lines of the table: the first and the last 20 of more than 40 classes."""
    half = _MOST_CLASSES // 2
    shown = list(classes) if len(classes) <= _MOST_CLASSES else [*classes[:half], *classes[-half:]]
    rows = [_HEADING, *map(_cells, shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    if len(shown) < len(classes):
        lines.insert(1 + len(shown) // 2, f"... {len(classes) - len(shown)} more classes (all with --json)")
    return [*lines, *_KEY]


def _cells(own: ClassPlan) -> tuple[str, ...]:
    return (
        _printable(own.name),
        str(own.num_items),
        _share(own.data_share),
        f"{own.weight:.3g}",
        "-" if own.target_share is None else _share(own.target_share),
        _share(own.draw_share),
        f"{own.draws_per_epoch:.1f}",
        f"{own.draws_per_item:.3g}",
        _share(own.unseen_share),
    )


def _printable(name: str) -> str:
    """Keeps names from moving the cursor, and columns narrow."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= _MOST_NAME else f"{plain[: _MOST_NAME - 1]}…"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else "< 0.1 %"
