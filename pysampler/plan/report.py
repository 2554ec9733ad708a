"""A plan as text for a terminal, and as plain values for JSON."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, fields
from typing import Any

from pysampler.plan.class_plan import ClassPlan
from pysampler.plan.plan import SamplingPlan

WIDTH = 88
_MOST_CLASSES = 40
_MOST_NAME = 20
_KEY = (
    "draws: expected in an epoch; per item: the same for one item of the class;",
    "unseen: expected share of the class that an epoch of independent draws does not show",
)
_HEADING = ("class", "items", "in data", "weight", "target", "expected", "draws", "per item", "unseen")


def as_text(plan: SamplingPlan) -> str:
    """Returns the plan in lines of about 88 characters; the name of the source may be longer."""
    lines = [plan.source, f"{plan.num_items} items, {_origin(plan.scheme)}, {plan.draws_per_epoch} draws per epoch", ""]
    lines += _class_table(plan.classes) if plan.classes else _item_lines(plan)
    _, *forecast = str(plan.forecast).splitlines()  # the first line repeats what stands above
    lines += ["", "Independent draws", *(f"  {line}" for line in forecast)]
    epochs = f"{plan.systematic_epochs} epoch{'' if plan.systematic_epochs == 1 else 's'}"
    lines += ["", "Systematic draws", f"  every item within {epochs}, always (three-gap bound)", "", "Advice"]
    for sentence in plan.advice:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def as_values(plan: SamplingPlan) -> dict[str, Any]:
    """Returns the plan as dictionaries, lists, numbers and strings.

    "items" is what "num_items" was called in version 0.1, and "positive_weight_items" of the forecast.
    """
    forecast = plan.forecast
    shown = {item.name: getattr(forecast, item.name) for item in fields(forecast) if not item.name.startswith("_")}
    shown = {"items": forecast.positive_weight_items, "num_items": forecast.num_items, **shown}
    least, middle, most = plan.draws_per_item
    return {
        "source": plan.source,
        "scheme": plan.scheme,
        "items": plan.num_items,
        "num_items": plan.num_items,
        "draws_per_epoch": plan.draws_per_epoch,
        "classes": [{"items": own.num_items, **asdict(own)} for own in plan.classes],
        "draws_per_item": {"least": least, "median": middle, "most": most},
        "independent": shown,
        "systematic": {"every_item_within_epochs": plan.systematic_epochs},
        "advice": list(plan.advice),
    }


def _origin(scheme: str) -> str:
    return {"targets": "weights by targets", "given": "weights as given"}.get(scheme, f"scheme {scheme}")


def _class_table(classes: tuple[ClassPlan, ...]) -> list[str]:
    shown = classes if len(classes) <= _MOST_CLASSES else classes[: _MOST_CLASSES // 2] + classes[-_MOST_CLASSES // 2 :]
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


def _item_lines(plan: SamplingPlan) -> list[str]:
    least, middle, most = plan.draws_per_item
    zeros = plan.forecast.zero_weight_items
    return [
        f"expected draws of an item in an epoch: least {least:.3g}, median {middle:.3g}, most {most:.3g}",
        *([f"items of weight zero, never drawn: {zeros}"] if zeros else []),
    ]


def _printable(name: str) -> str:
    """Keeps names from moving the cursor, and columns narrow."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= _MOST_NAME else f"{plain[: _MOST_NAME - 1]}…"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else "< 0.1 %"
