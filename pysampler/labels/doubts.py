"""What is read as labels, but may well have been meant otherwise: labels of several tasks, and counts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

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
    if named and getattr(series.dtype, "kind", "") in "iu" and series.index.is_unique:
        raise ValueError(
            f"these look like counts by {list(series.index.names)}, one number per class: pass the labels themselves, "
            "one per item; if they are labels, pass .to_numpy()"
        )
