"""An alias table's entries in a GPU's memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import Self

from pysampler.cuda.availability import require
from pysampler.cuda.build import build_entries
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of

_COPIED_AT_A_TIME = 1 << 24  # entries


class CudaEntries:
    """What an ``AliasTable`` on a CUDA device draws from: 8 bytes per item there.

    Attributes:
        entries: int64 of shape (N,) on the device.
    """

    def __init__(self, entries: torch.Tensor) -> None:
        self.entries = entries

    @classmethod
    def build(cls, weights: torch.Tensor) -> Self:
        """Builds a table where the weights are: contiguous float32 or float64 of shape (N,) on a CUDA device."""
        require(weights.device)
        return cls(build_entries(weights))

    @classmethod
    def copy_of(cls, entries: npt.NDArray[np.int64], device: torch.device) -> Self:
        """Copies a table to a device, some 100 MB at a time, and waits for the last: any stream may read it then."""
        copied = torch.empty(len(entries), dtype=torch.int64, device=require(device))
        for begin in range(0, len(entries), _COPIED_AT_A_TIME):
            part = slice(begin, begin + _COPIED_AT_A_TIME)
            copied[part].copy_(torch.from_numpy(entries[part].copy()))
        return cls(copied)

    def __len__(self) -> int:
        return self.entries.numel()

    @property
    def device(self) -> torch.device:
        """Where the table is."""
        return self.entries.device

    def is_on(self, device: torch.device) -> bool:
        """Whether the table is on ``device``; "cuda" without a number is torch's current device."""
        return require(device) == self.device

    def to_cpu(self) -> Any:
        """Returns a copy on the CPU, as a buffer."""
        return self.entries.cpu().numpy().data

    def draw_into(self, out: torch.Tensor, wanted: tuple[int, int, int, int, int]) -> None:
        """Queues the draws (count, key, epoch, start, step) on torch's current stream of the device."""
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        with queue_on(self.device, self.entries, out) as stream:
            _cuda.draw_into(
                address_of(self.entries),
                len(self),
                address_of(out, "out"),
                out.dtype == torch.int32,
                *wanted,
                self.device.index,
                stream,
            )
