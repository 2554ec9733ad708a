"""What is read as labels, but may well have been meant otherwise: labels of several tasks, and counts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

JOINT_CLASSES = "for several tasks joint classes: a name such as 'red car' per item"
_JOIN = "[' '.join(map(str, item)) for item in labels]"


def doubt_columns(columns: list[Any]) -> None:
    """Warns that two columns of zeros and ones are read as two classes."""
    if len(columns) == 2:
        warnings.warn(
            f"the columns {columns} are read as two classes that an item may have or not have; if "
            "they are the labels of two tasks, make joint classes: table.astype(str).agg(' '.join, axis=1)",
            UserWarning,
            stacklevel=7,
        )


def doubt_pairs(pairs: Sequence[Any]) -> None:
    """Warns of (name, label) pairs whose names repeat, which are read by their second entries."""
    names = [item for item, _ in pairs if isinstance(item, str)]
    if len(set(names)) < len(names) / 2:
        warnings.warn(
            f"pairs such as {pairs[0]!r} are read as an item, or its path, and its label; if they are the labels of "
            f"two tasks, make joint classes: {_JOIN}",
            UserWarning,
            stacklevel=8,
        )


def doubt_tuples(values: Sequence[Any]) -> None:
    """Warns that tuples of equal length are read as several labels of an item. TypeError if they cannot be."""
    if len({isinstance(entry, str) for value in values for entry in value}) > 1:
        raise TypeError(
            f"tuples such as {values[0]!r} are no labels, since numbers and names have no common order; if they are "
            f"those of several tasks, make joint classes: {_JOIN}"
        )
    warnings.warn(
        f"tuples such as {values[0]!r} are read as several labels of an item, which lists and sets say as well; if "
        f"they are those of several tasks, make joint classes: {_JOIN}",
        UserWarning,
        stacklevel=8,
    )


def refuse_counts(series: Any) -> None:
    """Raises ValueError for what ``groupby(...).size()`` and ``value_counts()`` return: counts by class, no labels."""
    if getattr(series, "name", None) not in (None, "count", "size") or not hasattr(series, "index"):
        return
    named = any(name is not None for name in getattr(series.index, "names", ()))
    ranked = (
        series.name == "count" and series.is_monotonic_decreasing and list(series.index) != list(range(len(series)))
    )
    if (named or ranked) and getattr(series.dtype, "kind", "") in "iu" and series.index.is_unique:
        of = f"{list(series.index.names)}" if named else f"{list(series.index[:4])} and so on"
        raise ValueError(
            f"these look like counts by {of}, one number per class: pass the labels themselves, "
            "one per item; if they are labels, pass .to_numpy()"
        )


def refuse_items(values: Sequence[Any]) -> None:
    """Raises TypeError for items that hold more than labels: dicts, and tuples that hold arrays or dicts anywhere."""
    first = values[0] if values else None
    if isinstance(first, dict):
        keys = list(first)
        label = next((key for key in keys if key in ("label", "labels", "target", "class", "y")), None)
        shown = ", ".join(map(repr, keys[:6]))
        raise TypeError(
            f"labels must be numbers or names, but labels[0] is a dict of {shown}: pass the labels alone, "
            f"[item[{'...' if label is None else repr(label)}] for item in labels]"
        )
    if isinstance(first, list | tuple) and any(map(_has_parts, first)):
        kinds = ", ".join(type(entry).__name__ for entry in first[:6])
        place = next((number for number, entry in enumerate(first) if isinstance(entry, int | str | np.integer)), "...")
        raise TypeError(
            f"labels must be numbers or names, but labels[0] is a {type(first).__name__} of {kinds}: pass the labels "
            f"alone, [item[{place}] for item in labels]"
        )


def _has_parts(entry: Any) -> bool:
    """Whether an entry of an item is itself a dict, a list or an array, and so no label."""
    return isinstance(entry, dict | list | tuple) or np.ndim(entry) > 0
