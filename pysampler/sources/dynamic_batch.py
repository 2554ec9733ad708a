"""Batches of indices and weights as a dynamic table takes them: arrays that C++ reads, cheap for small ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.indices import flat_indices
from pysampler.inputs.memory import address_of, check_dense
from pysampler.inputs.output import new_like_indices
from pysampler.inputs.weights import converted, to_tensor

_CPU = torch.device("cpu")
_INT64 = np.dtype(np.int64)
_SAFE = (1e-30, 1e30)  # neither lost nor infinite in either dtype
_ARRAYS: dict[torch.dtype, np.dtype[Any]] = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}

# A draw and an update of the usual arguments, in the one call that small batches can afford: draws, or True; None with
# nothing done if anything is unusual, or wrong: the errors are told by what comes then.
draw_at_once, update_at_once = _core.make_dynamic_at_once(
    torch.Tensor, torch.int64, torch.float32, torch.float64, new_like_indices(), torch.get_num_threads
)


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
    if not _is_plain_array(indices, _INT64):
        indices = flat_indices(indices).astype(np.int64, copy=False)
    return _of_array(indices)


def weight_batch(weights: Any, dtype: torch.dtype, count: int | None = None) -> Batch:
    """Returns weights in a table's dtype; shares memory with tensors and arrays of that dtype.

    Args:
        weights: Numbers, any shape; for ``count`` indices a single one stands for all.
        dtype: torch.float32 or torch.float64.
        count: How many are wanted; None takes any.

    Raises:
        ValueError: Another number of weights, or one that is positive and in ``dtype`` is not.
        TypeError: Not numbers.
    """
    if _is_plain_array(weights, _ARRAYS[dtype]) and (count is None or weights.size == count):
        return _of_array(weights)
    if type(weights) is float and count is not None and _SAFE[0] <= weights <= _SAFE[1]:
        return _of_array(np.full(count, weights, _ARRAYS[dtype]))
    values = weights if _is_plain(weights, dtype) else _converted(weights, dtype)
    given = values.numel()
    if count is not None and given != count:
        if given != 1:
            raise ValueError(f"there must be one weight per index, but there are {given} for {count}")
        address_of(values, "weights")  # or torch would read what is not there
        values = values.reshape(-1).expand(count).contiguous()
    return Batch(values, address_of(values, "weights"), values.numel())


def check_appended(weights: Any) -> None:
    """Raises ValueError for a matrix: whether its rows or its columns were items nobody can tell.

    Of weights that could be read as a batch: of other tensors no shape can be asked.
    """
    if isinstance(weights, torch.Tensor):
        check_dense(weights, "weights")  # of others the shape cannot always be asked
    shape = getattr(weights, "shape", None)
    if shape is None:
        nested = isinstance(weights, list | tuple) and any(isinstance(each, list | tuple) for each in weights)
        shape = np.shape(weights) if nested else ()
    if len(shape) > 1:
        raise ValueError(f"weights to append must be a 1d sequence, but their shape is {tuple(shape)}")


def _is_plain(values: Any, dtype: torch.dtype) -> bool:
    return (
        type(values) is torch.Tensor
        and values.dtype is dtype
        and values.device == _CPU
        and values.layout is torch.strided
        and values.is_contiguous()
        and not values.is_neg()
    )


def _is_plain_array(values: Any, dtype: np.dtype[Any]) -> bool:
    return type(values) is np.ndarray and values.dtype == dtype and values.flags.c_contiguous and values.flags.aligned


def _of_array(array: NDArray[Any]) -> Batch:
    # array.ctypes.data gives the same, and takes longer than a small update.
    return Batch(array, _core.buffer_address(array), array.size)


def _converted(weights: Any, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(weights, int | float) and not isinstance(weights, bool):
        try:
            weights = np.float64(weights)
        except OverflowError:
            raise ValueError("weights must be finite, but one is beyond the range of floats") from None
    tensor = to_tensor(weights)
    values = converted(tensor, dtype)
    # Only into a narrower type can a number be lost: then it was positive and is not. Counted by NumPy, whose small
    # calls take a fraction of torch's.
    narrowed = tensor.dtype == torch.float64 and values is not tensor
    if narrowed and np.count_nonzero(values.numpy()) != np.count_nonzero(tensor.numpy()):
        raise ValueError(f"weights must be representable in the table's {dtype}, but some become zero")
    return values.reshape(-1)
