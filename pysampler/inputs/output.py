"""The tensors that draws are written to."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from pysampler import _core
from pysampler.inputs.memory import check_memory, is_aligned
from pysampler.inputs.modes import plain_tensors

_DTYPES = (torch.int64, torch.int32)
_CPU = torch.device("cpu")
with plain_tensors():
    _LIKE = torch.empty(0, dtype=torch.int64, device=_CPU)
_MANY = 2**19  # so many indices are megabytes, of which to touch each page for the first time costs more than the draws


def output_for(
    draws: int, items: int, device: torch.device, dtype: torch.dtype | None, out: torch.Tensor | None
) -> torch.Tensor:
    """Returns ``out`` if it fits, else a new tensor of ``draws`` indices below ``items`` on ``device``.

    Raises:
        TypeError: A dtype other than int64 and int32, or an ``out`` of another dtype or device, or
            without memory, such as a DTensor.
        ValueError: An ``out`` of another shape, not contiguous or not aligned; int32 for indices beyond it.
        MemoryError: No memory for a new tensor on the CPU.
    """
    if dtype is None and out is None:
        new = small_output(draws) if draws < _MANY and device == _CPU else None
        return new_output((draws,), torch.int64, device) if new is None else new
    kind = dtype or (out.dtype if isinstance(out, torch.Tensor) and out.dtype in _DTYPES else torch.int64)
    if kind not in _DTYPES:
        raise TypeError(f"dtype must be torch.int64 or torch.int32, but is {kind}")
    if kind == torch.int32 and items > 2**31:
        raise ValueError(f"indices of {items} items do not fit into int32; use int64")
    if out is None:
        return new_output((draws,), kind, device)
    if not isinstance(out, torch.Tensor) or out.dtype != kind or out.device != device:
        where = "the CPU" if device.type == "cpu" else str(device)
        raise TypeError(f"out must be an {str(kind).removeprefix('torch.')} tensor on {where}")
    if out.layout != torch.strided or out.shape != (draws,) or not out.is_contiguous():
        raise ValueError(f"out must be contiguous, of shape ({draws},), but its shape is {tuple(out.shape)}")
    check_memory(out, "out")
    if not is_aligned(out):
        raise ValueError("out must be aligned in memory, but begins in the midst of a number")
    if out.is_neg():
        raise ValueError("out must hold what is written to it, but is a negated view: pass out.resolve_neg()")
    return out


def new_output(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Returns a new tensor to write to.

    Raises:
        MemoryError: There is no memory for it on the CPU.
        TypeError: Nor for any tensor, under FakeTensorMode.
    """
    try:
        new = torch.empty(shape, dtype=dtype, device=device)
    except RuntimeError as error:
        if device.type != "cpu":
            raise  # torch.cuda.OutOfMemoryError, which users catch
        raise MemoryError(f"there is no memory for {math.prod(shape)} draws: {error}") from None
    try:
        address = new.data_ptr()
    except RuntimeError:  # inside torch.func.grad and its like
        raise TypeError(
            "draws cannot be made inside a function that torch.func transforms: draw before, and hand them to it"
        ) from None
    if type(new) is not torch.Tensor or address == 0:  # under FakeTensorMode there is no memory
        check_memory(new, "the result")
    elif new.numel() >= _MANY and device.type == "cpu":
        _core.prefer_huge_pages(address, new.nbytes)
    return new


def new_like_indices() -> Callable[..., torch.Tensor]:
    """Returns what makes a new int64 tensor on the CPU of given sizes, in less time than torch.empty takes."""
    return _LIKE.new_empty


def small_output(draws: int) -> torch.Tensor | None:
    """Returns a new int64 tensor of shape (draws,) on the CPU so.

    None where it would have no memory: it is empty, or made under FakeTensorMode.
    """
    try:
        new = _LIKE.new_empty(draws)
        return new if type(new) is torch.Tensor and new.data_ptr() else None
    except (RuntimeError, AssertionError):
        return None
