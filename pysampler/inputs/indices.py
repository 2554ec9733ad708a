"""Indices in whatever form a loop has them, as flat arrays that C++ reads."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler.inputs.memory import as_array
from pysampler.inputs.shown import shown

IndexArray = NDArray[np.int64] | NDArray[np.int32]

_LEAST, _MOST = -(2**63), 2**63 - 1


def flat_indices(indices: Any) -> IndexArray:
    """Returns ``indices`` as a contiguous 1-d array of int64 or int32, which may share their memory.

    Args:
        indices: An integer, a tensor or NumPy array of integers of any shape on any device, or lists, tuples and other
            iterables of such, however nested: a batch as a loader gives it. Whole numbers beyond int64 become its
            nearest ones: no index either.

    Cost: nothing for contiguous int64 and int32, a copy for others, about 50 ns per Python int.

    Raises:
        TypeError: Anything else, booleans included.
    """
    if isinstance(indices, torch.Tensor):
        indices = as_array(indices, "indices")
    if isinstance(indices, list | tuple):
        indices = _from_list(indices)
    elif not isinstance(indices, np.ndarray):
        indices = _from_other(indices)
    return _as_signed(indices)


def shape_of(indices: Any, count: int) -> tuple[int, ...]:
    """Returns the shape of what ``flat_indices`` made ``count`` indices of; flat where there is none, as of sets."""
    try:
        shape = tuple(indices.shape) if hasattr(indices, "shape") else np.shape(indices)
    except ValueError:  # ragged
        return (count,)
    return shape if math.prod(shape) == count else (count,)


def _as_signed(array: NDArray[Any]) -> IndexArray:
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, but got an array of {array.dtype}")
    if array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(_MOST))
    if array.dtype not in (np.int32, np.int64):
        array = array.astype(np.int64)
    flat: IndexArray = np.require(array, requirements=["C", "ALIGNED"]).reshape(-1)
    return flat


def _from_list(indices: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    if not indices:
        return np.empty(0, np.int64)
    if all(type(index) is int for index in indices):
        try:
            return np.fromiter(indices, np.int64, len(indices))
        except OverflowError:
            return np.fromiter((min(max(index, _LEAST), _MOST) for index in indices), np.int64, len(indices))
    return np.concatenate([flat_indices(part) for part in indices])


def _from_other(indices: Any) -> NDArray[Any]:
    if isinstance(indices, bool):
        raise TypeError(f"indices must be integers, but got {indices}")
    try:
        return np.array([min(max(operator.index(indices), _LEAST), _MOST)], np.int64)
    except TypeError:
        pass
    if isinstance(indices, str | bytes | Mapping) or not isinstance(indices, Iterable):
        raise TypeError(f"indices must be integers, or arrays or iterables of integers, but got {shown(indices)[:100]}")
    return _from_list(list(indices))
