"""Draws on a GPU: by the compiled kernels, or by Triton's where pysampler was installed without nvcc."""

from __future__ import annotations

import torch

from pysampler.cuda.availability import draws_by_triton
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of, address_of_output


def draw_into(entries: torch.Tensor, out: torch.Tensor, wanted: tuple[int, int, int, int, int]) -> None:
    """Queues the draws (count, key, epoch, start, step) on torch's current stream of the device.

    Args:
        entries: A table, int64 of shape (N,), on a CUDA device that is ready (``availability.require``).
        out: int64 or int32 of shape (count,), on the same device.
        wanted: A ``StreamRange``.
    """
    with queue_on(entries.device, entries, out) as stream:
        if draws_by_triton():
            from pysampler.cuda import triton_draws  # noqa: PLC0415 - may be missing

            triton_draws.draw_into(entries, out, wanted)
            return
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        is_int32, device = out.dtype == torch.int32, entries.device.index
        addresses = address_of(entries, "table"), entries.numel(), address_of_output(out)
        _cuda.draw_into(*addresses, is_int32, *wanted, device, stream)


def draw_from_state(entries: torch.Tensor, state: torch.Tensor, out: torch.Tensor, step: int) -> None:
    """Queues as many draws as ``out`` holds, at the positions that ``state`` says then, and moves it on."""
    count = out.numel()
    with queue_on(entries.device, entries, state) as stream:
        if draws_by_triton():
            from pysampler.cuda import triton_draws  # noqa: PLC0415 - may be missing

            triton_draws.draw_from_state(entries, state, out, count, step)
            return
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        addresses = address_of(entries, "table"), entries.numel(), address_of_output(out)
        is_int32, device = out.dtype == torch.int32, entries.device.index
        _cuda.draw_from_state(*addresses, is_int32, count, address_of(state, "state"), step, device, stream)
