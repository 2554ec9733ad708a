"""Passes whose batches are tensors on a device of choice."""

from __future__ import annotations

import threading

import torch
from typing_extensions import Self

from pysampler import _core
from pysampler.inputs.memory import address_of
from pysampler.keys import StreamRange
from pysampler.samplers.iterators import Opener, PassIterator
from pysampler.sources.base import Source


class TensorIterator(PassIterator):
    """Indices in tensors on ``device``, drawn there if the source can.

    Args:
        sampler: Whose next pass begins at the first ``next``.
        device: Where the tensors shall be.
        batch_size: Indices per tensor.
        drop_last_batch: Whether a smaller last one is left out.
    """

    def __init__(self, sampler: Opener, device: torch.device, batch_size: int, drop_last_batch: bool) -> None:
        self._sampler, self._device = sampler, device
        self.batch_size, self.drop_last_batch = batch_size, drop_last_batch
        self.progress = _core.HandedOut()
        self._positions: _core.PositionSource | None = None
        self._there: Source | None = None
        self._lock = threading.RLock()  # two threads must not get the same batch

    @property
    def handed_out(self) -> int:  # type: ignore[override]
        """How many indices this iterator has handed out."""
        return self.progress.count

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> torch.Tensor:
        with self._lock:
            if self._positions is None:
                self._positions = self._begin()
                assert self.opened is not None
                self._there = self.opened.source.on(self._device)
            assert self.opened is not None
            where, share, draws = self.opened.where, self.opened.share, self.opened.draws
            count = min(self.batch_size, share.count(where.position, draws) - self.handed_out)
            if count <= 0:
                raise StopIteration
            start = where.position + share.rank + self.handed_out * share.world
            within = max(0, min(count, -((start - draws) // share.world))) if start < draws else 0
            indices = self._drawn(start, within, count)
            self.progress.add(count)
            return indices

    def _drawn(self, start: int, within: int, count: int) -> torch.Tensor:
        """Returns ``count`` indices from position ``start`` on, of which the first ``within`` lie in the epoch."""
        assert self.opened is not None
        if self._there is None:
            return self._on_cpu(0, count).to(self._device, non_blocking=True)
        where = self.opened.where
        assert where.key is not None
        assert where.stream_epoch is not None
        wanted = StreamRange(within, where.key, where.stream_epoch, start, self.opened.share.world)
        drawn = self._there._draw(wanted, self.opened.draws, None, None)
        if within == count:
            return drawn
        return torch.cat([drawn, self._on_cpu(within, count).to(drawn.device)])  # padding

    def _on_cpu(self, first: int, count: int) -> torch.Tensor:
        assert self._positions is not None
        indices = torch.empty(count - first, dtype=torch.int64, device="cpu")
        address, filled = address_of(indices) if len(indices) else 0, 0
        while filled < len(indices):  # what lies in the epoch and what pads it come one after the other
            taken = self.handed_out + first + filled
            filled += self._positions.take_into(taken, address + 8 * filled, len(indices) - filled)
        return indices
