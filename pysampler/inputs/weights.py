"""What users pass as weights, turned into tensors the core can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from pysampler.inputs.memory import address_if_held, check_dense, is_aligned, without_tensors

MAX_ITEMS = 2**32 - 1

# Held exactly by float32; everything else goes through float64.
_EXACT_IN_FLOAT32 = frozenset(
    {torch.bool, torch.uint8, torch.int8, torch.int16, torch.float16, torch.bfloat16, torch.float32}
)
_READ_AS_THEY_ARE = (torch.float64, torch.float32)


def to_tensor(weights: Any, to_cpu: bool = True) -> torch.Tensor:
    """Returns ``weights`` as a CPU tensor of real numbers, in the caller's dtype where torch has it.

    Shares memory with the argument where possible, so callers that keep it make a copy.

    Args:
        weights: A strided torch tensor on any device, a NumPy array (any stride or byte order), anything
            with ``__array__`` (a pandas Series), or a sequence of numbers. Any shape.
        to_cpu: Whether tensors on other devices are copied to the CPU.

    Raises:
        TypeError: A Dataset, strings, complex numbers, objects, a sparse or meta tensor, an iterator.
    """
    if isinstance(weights, torch.Tensor):
        return _from_torch(weights).cpu() if to_cpu else _from_torch(weights)
    if isinstance(weights, Dataset):
        raise TypeError(
            f"weights must be numbers, one per item, but got the dataset itself ({type(weights).__name__}); "
            "compute weights from its labels, for instance 1 / count of the item's class"
        )
    if isinstance(weights, (str, bytes)) or not (
        isinstance(weights, Sequence) or hasattr(weights, "__array__") or _has_buffer(weights)
    ):
        raise TypeError(
            f"weights must be a tensor, an array or a sequence of numbers, but got {type(weights).__name__}"
        )
    try:
        array = np.asarray(without_tensors(weights, "weights"))
    except (ValueError, OverflowError) as error:
        raise TypeError(f"weights must be numbers in a regular shape: {error}") from error
    return _from_numpy(array)


def address_of_plain(weights: Any) -> int:
    """Returns the address of weights that need neither conversion nor explanation, else 0.

    Such are a plain tensor on the CPU, 1-d, float32 or float64, contiguous, of 1 to 2^32 - 1 entries. What this says 0
    of is not wrong: ``to_tensor``, ``check_shape`` and ``readable`` look at it closely, which takes 7 us.

    Cost: 1 us.
    """
    if type(weights) is not torch.Tensor or not weights.is_cpu or weights.is_nested:
        return 0
    if weights.dtype not in _READ_AS_THEY_ARE or weights.layout is not torch.strided or weights.ndim != 1:
        return 0
    try:
        if not weights.is_contiguous() or weights.is_neg() or not 1 <= weights.numel() <= MAX_ITEMS:
            return 0
        return address_if_held(weights)
    except (RuntimeError, NotImplementedError):  # inside vmap and grad
        return 0


def _has_buffer(value: object) -> bool:
    try:
        memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _from_torch(weights: torch.Tensor) -> torch.Tensor:
    check_dense(weights, "weights")
    if weights.is_complex():
        raise TypeError(f"weights must be real numbers, but their dtype is {weights.dtype}")
    return weights.detach().resolve_neg()


def _from_numpy(array: np.ndarray[Any, Any]) -> torch.Tensor:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"weights must be real numbers, but their dtype is {array.dtype}")
    if array.dtype.itemsize > 8 or array.dtype in (np.uint16, np.uint32, np.uint64):
        array = array.astype(np.float64)
    # torch takes neither foreign byte orders nor negative strides, and warns about read-only memory.
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    alone = native.size < 2  # NumPy calls a single entry contiguous whatever its stride
    if alone or not native.flags.writeable or not native.flags.aligned:
        native = native.copy()
    # ascontiguousarray makes 0-d arrays 1-d.
    return torch.from_numpy(native.reshape(array.shape))


def check_shape(weights: torch.Tensor) -> None:
    """Raises ValueError unless ``weights`` is one-dimensional, with 1 to 2^32 - 1 entries."""
    shape = tuple(weights.shape)
    if weights.ndim == 2 and 1 in shape:
        way_out = "weights.squeeze(1) (of lists, numpy.squeeze(weights, 1))" if shape[1] == 1 else "weights[0]"
        raise ValueError(f"weights should be a 1d sequence but given weights have shape {shape}: pass {way_out}")
    if weights.ndim == 2 and min(shape) > 0:
        raise ValueError(
            f"weights should be a 1d sequence but given weights have shape {shape}. A matrix of "
            "(items, classes) comes from indexing class weights with one-hot labels: use class indices, "
            "class_weights[labels.argmax(1)], which gives one weight per item"
        )
    if weights.ndim != 1:
        raise ValueError(f"weights should be a 1d sequence but given weights have shape {shape}")
    if weights.numel() == 0:
        raise ValueError("weights must have at least one entry, but they are empty")
    if weights.numel() > MAX_ITEMS:
        raise ValueError(f"weights must have at most 2^32 - 1 entries, but they have {weights.numel()}")


def readable(weights: torch.Tensor) -> torch.Tensor:
    """Returns contiguous float32 or float64 with the same values, sharing memory where possible.

    Exact for every dtype but 64-bit integers, which are rounded to float64 beyond 2^53. MemoryError if a copy is needed
    that there is no memory for.
    """
    dtype = torch.float32 if weights.dtype in _EXACT_IN_FLOAT32 or weights.element_size() == 1 else torch.float64
    return converted(weights, dtype)


def converted(weights: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Returns a contiguous tensor of this dtype, sharing memory where possible. MemoryError if it is not."""
    try:
        made = weights.to(dtype).contiguous()
        return made if not made.numel() or not made.is_cpu or is_aligned(made) else made.clone()
    except RuntimeError as error:
        if not weights.is_cpu:
            raise  # torch.cuda.OutOfMemoryError, which users catch
        raise MemoryError(f"there is no memory for {weights.numel()} weights: {error}") from None
