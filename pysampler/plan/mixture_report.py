"""A mixture's plan as text for a terminal, and as plain values for JSON."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Any

from pysampler.plan.mixture import MixturePlan, SourcePlan

WIDTH = 88
_MOST_SOURCES = 40
_MOST_STAGES = 12
_MOST_NAME = 20
_KEY = (
    "draws: of the source in the run, exact; passes: draws for each of its items;",
    "repeats from: the first draw of the window in which its second pass begins",
)


def mixture_as_text(plan: MixturePlan) -> str:
    """Returns the plan in lines of about 88 characters."""
    lines = [
        plan.source,
        f"{len(plan.sources)} sources of {_amount(plan.items)} items; a run of {_amount(plan.draws)} draws, shares "
        f"hold in every {plan.window}",
        "",
        *_table(plan),
        "",
        *_stages(plan),
    ]
    if plan.advice:
        lines += ["Advice"]
        for sentence in plan.advice:
            lines += textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines).rstrip()


def mixture_as_values(plan: MixturePlan) -> dict[str, Any]:
    """Returns the plan as dictionaries, lists, numbers and strings."""
    return {
        "source": plan.source,
        "items": plan.items,
        "draws": plan.draws,
        "window": plan.window,
        "length_unit": plan.length_unit,
        "stages": [{"position": first, "shares": list(shares)} for first, shares in plan.stages],
        "sources": [{**asdict(own), "unseen": own.unseen} for own in plan.sources],
        "curve": {"positions": plan.positions.tolist(), "counts": plan.counts.tolist()},
        "advice": list(plan.advice),
    }


def _table(plan: MixturePlan) -> list[str]:
    heading = ["source", "items", "in data", "in draws", "draws", "passes", "repeats from"]
    if plan.length_unit is not None:
        heading += [plan.length_unit, "share"]
    own = plan.sources
    half = _MOST_SOURCES // 2
    shown = own if len(own) <= _MOST_SOURCES else own[:half] + own[-half:]
    rows = [heading, *map(_cells, shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    if len(shown) < len(own):
        lines.insert(1 + half, f"... {len(own) - len(shown)} more sources (all with --json)")
    return [*lines, *_KEY]


def _cells(own: SourcePlan) -> list[str]:
    cells = [
        printable(own.name),
        _amount(own.items),
        share_text(own.data_share),
        share_text(own.draw_share),
        _amount(own.draws),
        f"{own.passes:.3g}",
        "-" if own.repeats_from is None else _amount(own.repeats_from),
    ]
    if own.length is not None and own.length_share is not None:
        cells += [_amount(round(own.length)), share_text(own.length_share)]
    return cells


def _stages(plan: MixturePlan) -> list[str]:
    if len(plan.stages) < 2:
        return []
    lines = ["Stages"]
    for first, shares in plan.stages[:_MOST_STAGES]:
        largest = sorted(range(len(shares)), key=lambda i: -shares[i])[:6]
        named = ", ".join(f"{printable(plan.sources[i].name)} {share_text(shares[i])}" for i in largest if shares[i])
        more = sum(share > 0 for share in shares) - len(largest)
        text = f"from draw {_amount(first)}: {named}" + (f" and {more} more" if more > 0 else "")
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    if len(plan.stages) > _MOST_STAGES:
        lines.append(f"  ... {len(plan.stages) - _MOST_STAGES} more stages (all with --json)")
    return [*lines, ""]


def _amount(number: int) -> str:
    """12345 as it is, larger ones as 1.23e+09: to be read at a glance."""
    return str(number) if number < 1_000_000 else f"{number:.4g}".replace("e+0", "e").replace("e+", "e")


def printable(name: str) -> str:
    """Keeps names from moving the cursor, and columns narrow."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= _MOST_NAME else f"{plain[: _MOST_NAME - 1]}…"


def share_text(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else "< 0.1 %"
