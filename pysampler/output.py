"""The tensors that draws are written to."""

from __future__ import annotations

import torch

from pysampler.arguments import StreamRange

_DTYPES = (torch.int64, torch.int32)


def output_for(
    wanted: StreamRange, items: int, device: torch.device, dtype: torch.dtype | None, out: torch.Tensor | None
) -> torch.Tensor:
    """Returns ``out`` if it fits, else a new tensor of ``wanted.draws`` indices below ``items`` on ``device``.

    Raises:
        TypeError: A dtype other than int64 and int32, or an ``out`` of another dtype or device.
        ValueError: An ``out`` of another shape or not contiguous; int32 for indices beyond it.
    """
    if dtype is None and out is None:
        return torch.empty(wanted.draws, dtype=torch.int64, device=device)
    kind = dtype or (out.dtype if isinstance(out, torch.Tensor) and out.dtype in _DTYPES else torch.int64)
    if kind not in _DTYPES:
        raise TypeError(f"dtype must be torch.int64 or torch.int32, but is {kind}")
    if kind == torch.int32 and items > 2**31:
        raise ValueError(f"indices of {items} items do not fit into int32; use int64")
    if out is None:
        return torch.empty(wanted.draws, dtype=kind, device=device)
    if not isinstance(out, torch.Tensor) or out.dtype != kind or out.device != device:
        where = "the CPU" if device.type == "cpu" else str(device)
        raise TypeError(f"out must be an {str(kind).removeprefix('torch.')} tensor on {where}")
    if out.layout != torch.strided or out.shape != (wanted.draws,) or not out.is_contiguous():
        raise ValueError(f"out must be contiguous, of shape ({wanted.draws},), but its shape is {tuple(out.shape)}")
    return out
