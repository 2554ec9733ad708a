"""Values of which each belongs to something: the shares of sources, the targets of classes. Their order counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Reversible, Set
from itertools import islice
from typing import Any

import numpy as np
import torch

from pysampler.inputs.memory import as_array
from pysampler.inputs.shown import shown


def listed(values: Any, name: str, most: int, wanted: str) -> list[Any]:
    """Returns the entries of ``values`` in their order, Python numbers of tensors and arrays.

    Args:
        values: A sequence, a 1-d tensor or array, what a dict holds (its keys, too, have an order), or an iterator.
        name: What errors call them.
        most: How many there may be. Of more, one more than that is returned: the caller says that they are too many.
        wanted: What errors say that they must be, as in "a sequence of numbers".

    Raises:
        TypeError: A set, whose order means nothing (that of a set of names is another one in each process); a text, a
            dict, nothing that has entries; a tensor that cannot be read.
        ValueError: A tensor or array of another number of dimensions.
    """
    if isinstance(values, Set) and not isinstance(values, Reversible):
        raise TypeError(f"{name} must be {wanted}; a {type(values).__name__} has no order to go by: pass a list")
    if isinstance(values, torch.Tensor):
        values = as_array(values, name)
    elif hasattr(values, "__array__") and not isinstance(values, np.ndarray):
        values = np.asarray(values)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ValueError(f"{name} must be {wanted}, but their shape is {values.shape}")
        entries: list[Any] = values[: most + 1].tolist()
        return entries
    if isinstance(values, str | bytes | bytearray | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be {wanted}, but got {shown(values)}")
    return list(islice(values, most + 1))


def by_label(values: Any, name: str) -> Mapping[Any, Any] | None:
    """Returns values that say what each belongs to: a mapping, or a pandas Series with an index of its own; else None.

    So ``labels.value_counts(normalize=True)``, whose order is that of the counts, is read by its classes; that of a
    DataFrame of one column, too, which names them by tuples of one.

    Raises:
        ValueError: A Series that has two values for something.
    """
    if isinstance(values, Mapping):
        return values
    index = getattr(values, "index", None)
    if not hasattr(values, "iloc") or getattr(values, "ndim", 0) != 1 or index is None:
        return None
    labels = list(index.get_level_values(0) if getattr(index, "nlevels", 2) == 1 else index)
    if all(type(label) is int for label in labels) and labels == list(range(len(labels))):
        return None  # nobody has labelled them
    found = dict(zip(labels, values.tolist(), strict=True))
    if len(found) < len(labels):
        repeated = next(label for number, label in enumerate(labels) if label in labels[:number])
        raise ValueError(f"{name} must have one value each, but {repeated!r} comes twice in the index")
    return found
