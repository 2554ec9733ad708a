"""Alias tables from weights on a GPU, built there."""

from __future__ import annotations

import torch

from pysampler.cuda.generator import refuse_capture
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of


def build_entries(weights: torch.Tensor) -> torch.Tensor:
    """Builds the table that the CPU builds from the same weights, bit for bit.

    Args:
        weights: Contiguous float32 or float64 of shape (N,), 1 <= N < 2^32, on a CUDA device that is ready
            (``availability.require``).

    Returns:
        int64 tensor of shape (N,) on that device: the entries of the table.

    Cost: queued on torch's current stream, with one wait at its end, after which any stream may read the table. About
    10 bytes of the device's memory per item while it is built, besides weights and table.

    Raises:
        ValueError: All zero, or an entry that is negative, NaN or infinite; as on the CPU.
        RuntimeError: A CUDA graph is being captured, or the GPU reports an error.
    """
    from pysampler import _cuda  # noqa: PLC0415 - may be missing

    items, device = weights.numel(), weights.device
    with queue_on(device, weights) as stream:
        refuse_capture("the construction of a table, which has to look at its weights")
        entries = torch.empty(items, dtype=torch.int64, device=device)
        scratch = torch.empty(_cuda.build_scratch_bytes(items), dtype=torch.uint8, device=device)
        _cuda.build_table(
            address_of(weights, "weights"),
            items,
            weights.dtype == torch.float64,
            address_of(entries),
            address_of(scratch),
            device.index,
            stream,
        )
    return entries
