"""A packed dynamic table (csrc/core/packed_table.h) in a GPU's memory: kernels that update it and draw from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from pysampler.cuda.availability import require_compiled
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of, address_of_output

_HEADER_WORDS = 16
_MASK = 2**64 - 1


class Held(NamedTuple):
    """What a table holds, as numbers.

    Attributes:
        items: How many weights there are.
        total: The sum of their masses.
        positive: How many are positive.
        scale: The power of two that weights are multiplied by.
        low: With ``high``, the sum that the table's fingerprint is made of.
        high: See ``low``.
    """

    items: int
    total: int
    positive: int
    scale: int
    low: int
    high: int


class CudaTree:
    """What a dynamic table on a CUDA device is: one tensor, and what an update needs beside it, 4 bytes an item.

    Args:
        packed: What ``DynamicTable.as_tensor()`` returns, on the CPU. Copied.
        device: Where to.

    Attributes:
        words: The table, int64, on the device.
        capacity: How many weights there is room for.
        dtype: Of the weights.
        held: What the host knows of it.

    Raises:
        RuntimeError: The device cannot be used, or there are no compiled kernels; says why.
    """

    def __init__(self, packed: torch.Tensor, device: torch.device | str) -> None:
        place = require_compiled(device, "a dynamic table")
        self.capacity: int
        items, self.capacity, wide, scale, total, positive, low, high = packed[:8].tolist()
        self.dtype = torch.float64 if wide else torch.float32
        self.held = Held(items, total, positive, scale, low & _MASK, high & _MASK)
        self.words = torch.empty(packed.shape, dtype=torch.int64, device=place)
        self._claims = torch.zeros(self.capacity, dtype=torch.int32, device=place)
        self.words.copy_(packed)  # waits for both: any stream may use them

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.words.device

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.words.nbytes + self._claims.nbytes

    @property
    def weights(self) -> torch.Tensor:
        """The weights: a view, shape (items,). Not to be written to."""
        begin = self.words.numel() - self.capacity * self.dtype.itemsize // 8
        return self.words[begin:].view(self.dtype)[: self.held.items]

    def update(self, indices: torch.Tensor | None, weights: torch.Tensor) -> str:
        """Gives items new weights, and waits for what there is to say.

        Args:
            indices: int64, flat and contiguous, on the device; None appends.
            weights: As many, in the table's dtype, on the device; at least one.

        Returns:
            "done"; or "refused", as the CPU would refuse it, or "new scale", when nothing was changed.

        Raises:
            RuntimeError: The GPU reports an error.
        """
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        count, wide = weights.numel(), self.dtype == torch.float64
        items = self.held.items + (count if indices is None else 0)
        batch = (weights,) if indices is None else (weights, indices)
        with queue_on(self.device, self.words, self._claims, *batch) as stream:
            scratch = torch.empty(_cuda.dynamic_scratch_bytes(count, wide), dtype=torch.uint8, device=self.device)
            outcome, *held = _cuda.dynamic_update(
                address_of(self.words),
                address_of(self._claims),
                0 if indices is None else address_of(indices, "indices"),
                self.held.items,
                address_of(weights, "weights"),
                wide,
                count,
                items,
                address_of(scratch),
                self.device.index,
                stream,
            )
        self.held = Held(*held)
        return outcome

    def become(self, packed: torch.Tensor) -> None:
        """Takes over another table of this capacity and dtype, on the CPU, in the same memory: graphs go on with it."""
        items, _, _, scale, total, positive, low, high = packed[:8].tolist()
        self.words.copy_(packed)
        self.held = Held(items, total, positive, scale, low & _MASK, high & _MASK)

    def draw_into(self, out: torch.Tensor, wanted: tuple[int, int, int, int, int], strata: int) -> None:
        """Queues the draws (count, key, epoch, start, step) on torch's current stream of the device."""
        draw_packed_into(self.words, out, wanted, strata, None)

    def masses(self, weights: torch.Tensor) -> torch.Tensor:
        """Queues the masses of weights in the table's dtype under its scale: int64, of the same shape."""
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        values = weights.contiguous()
        found = torch.empty(values.shape, dtype=torch.int64, device=self.device)
        if values.numel() > 0:
            with queue_on(self.device, self.words, values, found) as stream:
                where = address_of(self.words), address_of(values, "weights"), self.dtype == torch.float64
                _cuda.dynamic_masses(*where, values.numel(), address_of_output(found), self.device.index, stream)
        return found


def draw_packed_into(
    words: torch.Tensor,
    out: torch.Tensor,
    wanted: tuple[int, int, int, int, int],
    strata: int,
    state: torch.Tensor | None,
) -> None:
    """Queues draws from a packed table on torch's current stream of its device.

    Args:
        words: The table, on a CUDA device that is ready (``availability.require``).
        out: int64 or int32 of shape (count,), on the same device.
        wanted: (count, key, epoch, start, step). With a state only count and step matter.
        strata: How many equal shares to draw from in turn, or 0.
        state: What ``stream_state`` returns, on the same device. It is moved on.
    """
    from pysampler import _cuda  # noqa: PLC0415 - may be missing

    kept: list[Any] = [words, out] if state is None else [words, out, state]
    with queue_on(words.device, *kept) as stream:
        _cuda.dynamic_draw(
            address_of(words, "table"),
            words.numel(),
            address_of_output(out),
            out.dtype == torch.int32,
            *wanted,
            strata,
            0 if state is None else address_of(state, "state"),
            words.device.index,
            stream,
        )
