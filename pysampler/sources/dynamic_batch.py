"""Batches of indices and weights as a dynamic table takes them: arrays that C++ reads, cheap for small ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from pysampler.inputs.indices import flat_indices
from pysampler.inputs.memory import address_of
from pysampler.inputs.weights import to_tensor

_CPU = torch.device("cpu")


class Batch(NamedTuple):
    """So many numbers, contiguous in memory that ``owner`` (a tensor or an array) holds."""

    owner: Any
    address: int
    entries: int


def index_batch(indices: Any) -> Batch:
    """Returns int64 indices; shares memory with int64 tensors and arrays.

    Raises:
        TypeError: Not integers.
    """
    if _is_plain(indices, torch.int64):
        return Batch(indices, address_of(indices, "indices"), indices.numel())
    places = flat_indices(indices).astype(np.int64, copy=False)
    # places.ctypes.data gives the same, and takes longer than a small update.
    return Batch(places, places.__array_interface__["data"][0], len(places))


def weight_batch(weights: Any, dtype: torch.dtype, count: int | None = None) -> Batch:
    """Returns weights in a table's dtype; shares memory with tensors of that dtype.

    Args:
        weights: Numbers, any shape; for ``count`` indices a single one stands for all.
        dtype: torch.float32 or torch.float64.
        count: How many are wanted; None takes any.

    Raises:
        ValueError: Another number of weights, or one that is positive and in ``dtype`` is not.
        TypeError: Not numbers.
    """
    values = weights if _is_plain(weights, dtype) else _converted(weights, dtype)
    given = values.numel()
    if count is not None and given != count:
        if given != 1:
            raise ValueError(f"there must be one weight per index, but there are {given} for {count}")
        values = values.reshape(-1).expand(count).contiguous()
    return Batch(values, address_of(values, "weights"), values.numel())


def shape_of(indices: Any) -> tuple[int, ...]:
    """Returns the shape that what is told of these indices has."""
    return tuple(indices.shape) if isinstance(indices, torch.Tensor) else np.shape(indices)


def _is_plain(values: Any, dtype: torch.dtype) -> bool:
    return (
        type(values) is torch.Tensor
        and values.dtype is dtype
        and values.device == _CPU
        and values.layout is torch.strided
        and values.is_contiguous()
        and not values.is_neg()
    )


def _converted(weights: Any, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(weights, int | float) and not isinstance(weights, bool):
        weights = np.float64(weights)
    tensor = to_tensor(weights)
    values = tensor.to(dtype)
    # Only into a narrower type can a number be lost: then it was positive and is not.
    if values is not tensor and bool(((values == 0) & (tensor != 0)).any()):
        raise ValueError(f"weights must be representable in the table's {dtype}, but some become zero")
    return values.reshape(-1).contiguous()
