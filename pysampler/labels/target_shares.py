"""Target shares of some classes, completed by those of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from pysampler.inputs.listed import by_label
from pysampler.inputs.shown import shown
from pysampler.labels.read import read_labels
from pysampler.labels.schemes import SUM_TOLERANCE, in_class_order


def complete_targets(
    labels: Any, targets: Mapping[Any, float], rest: Literal["data", "equal"] = "data"
) -> dict[Any, float]:
    """Completes the target shares of some classes: what they leave is shared by the classes they do not name.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned.
        targets: The share of draws of some classes, such as {"Birman": 0.5}: each in [0, 1], together at most one.
        rest: Whether the other classes come in proportion to their items, as in the "data", or in "equal" shares.

    Returns:
        The share of every class that has items, summing to one: what ``class_weights``, ``sample_weights``,
        ``ClassTable.from_targets`` and ``plan_labels`` take as ``targets``.

    Cost: reading the labels, and O(C).

    Raises:
        ValueError: Shares that are negative, NaN or beyond one in all; a name that is no class; a rest, and no class to
            take it; another word for ``rest``; see ``read_labels``.
        TypeError: Targets that are no mapping to numbers; see ``read_labels``.

    Example:
        >>> complete_targets(["Siamese"] * 3 + ["Persian"] + ["Birman"] * 4, {"Birman": 0.5})
        {'Birman': 0.5, 'Persian': 0.125, 'Siamese': 0.375}
    """
    if rest not in ("data", "equal"):
        raise ValueError(f"rest must be 'data' or 'equal', but got rest={shown(rest)}")
    given = by_label(targets, "targets")
    if given is None:
        raise TypeError(f"targets must be a mapping from classes to shares, but got {type(targets).__name__}")
    read = read_labels(labels)
    named = in_class_order(read.classes, np.zeros_like(read.counts), given, "targets")
    wrong = np.flatnonzero(~((named >= 0) & (named <= 1)))
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(f"targets must be in [0, 1], but that of {read.classes[first]!r} is {named[first]}")
    left = 1.0 - float(named.sum())
    if left < -SUM_TOLERANCE:
        raise ValueError(f"targets must leave a rest, but they sum to {named.sum():.9g}")
    unnamed = np.array([name not in given for name in read.classes]) & (read.counts > 0)
    if not unnamed.any() and left > SUM_TOLERANCE:
        raise ValueError(f"targets leave a rest of {left:.9g}, but they name every class that has items")
    parts = unnamed * (read.counts if rest == "data" else 1)
    shares = named + max(left, 0.0) * parts / max(int(parts.sum()), 1)
    return {name: float(share) for name, share in zip(read.classes, shares, strict=True) if share or name in given}
