"""WeightedBatchSampler: batches as lists of ints, made in C++."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch.utils.data

from pysampler import _core
from pysampler.arguments import MAX_POSITION, positive_count
from pysampler.sampler import WeightedRandomSampler


class WeightedBatchSampler(torch.utils.data.BatchSampler):
    """Groups a WeightedRandomSampler's indices into batches: torch's BatchSampler, several times faster.

    Pass it as ``DataLoader(dataset, batch_sampler=...)``.

    Args:
        sampler: A ``pysampler.WeightedRandomSampler``. Iterating begins a pass of it.
        batch_size: Indices per batch, >= 1.
        drop_last: Whether to leave out the last batch if it is smaller.

    Raises:
        TypeError: Any other sampler: its weights would be lost silently.
        ValueError: batch_size that is not a positive int, drop_last that is no bool.
    """

    def __init__(self, sampler: WeightedRandomSampler, batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, WeightedRandomSampler):
            raise TypeError(
                f"WeightedBatchSampler needs a pysampler.WeightedRandomSampler, but got {type(sampler).__name__}. "
                "If a framework has put its own sampler in place, tell it not to replace samplers"
            )
        size = positive_count(batch_size, "batch_size", MAX_POSITION)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler: Any = sampler
        self.batch_size = size
        self.drop_last = drop_last

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass, an int in [0, 2^48)."""
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full if self.drop_last or rest == 0 else full + 1

    def __iter__(self) -> Iterator[list[int]]:
        return _core.BatchIterator(self.sampler.begin_pass, self.batch_size, self.drop_last)
