"""WeightedBatchSampler: batches as lists of ints, made in C++."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch.utils.data

from pysampler.inputs.numbers import MAX_POSITION, drop_last_flag, positive_count
from pysampler.samplers.iterators import BatchIterator, IndexIterator
from pysampler.samplers.misplaced import refused_as_sampler
from pysampler.samplers.resumable import Resumable
from pysampler.samplers.state import State


class WeightedBatchSampler(torch.utils.data.BatchSampler):
    """Groups a sampler's indices into batches: torch's BatchSampler, several times faster.

    Pass it as ``DataLoader(dataset, batch_sampler=...)``.

    Args:
        sampler: A sampler of this package. Iterating begins a pass of it.
        batch_size: Indices per batch, >= 1.
        drop_last: Whether to leave out the last batch if it is smaller.

    Raises:
        TypeError: Any other sampler: its weights would be lost silently. Or one that yields batches itself, or a
            subclass that yields something else than it draws.
        ValueError: batch_size that is not a positive int, drop_last that is no bool.
    """

    def __init__(self, sampler: Resumable, batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, Resumable):
            raise TypeError(
                f"WeightedBatchSampler needs a sampler of pysampler, but got {type(sampler).__name__}. If a framework "
                "has put its own sampler in place, the weights are lost: give the loader what frameworks leave alone, "
                "DistributedWeightedSampler as sampler= with a batch_size, or DistributedWeightedBatchSampler as "
                "sampler= with batch_size=None and BatchedDataset"
            )
        indices = iter(sampler)  # type: ignore[call-overload]  # has no effect yet
        if isinstance(indices, BatchIterator):
            raise TypeError(f"{type(sampler).__name__} yields batches already")
        if not isinstance(indices, IndexIterator):
            raise TypeError(
                f"{type(sampler).__name__} has an __iter__ of its own, which batches made in C++ would pass over: use "
                "torch.utils.data.BatchSampler"
            )
        self.sampler: Any = sampler
        self.batch_size = positive_count(batch_size, "batch_size", MAX_POSITION)
        self.drop_last = drop_last_flag(drop_last)

    def __repr__(self) -> str:
        return f"WeightedBatchSampler({self.sampler!r}, batch_size={self.batch_size}, drop_last={self.drop_last})"

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass, an int in [0, 2^48)."""
        self.sampler.set_epoch(epoch)

    def state_dict(self, consumed: int | None = None, *, since_begun: int | None = None) -> State:
        """Returns the sampler's state. The counts are of items, not of batches. See the sampler."""
        state: State = self.sampler.state_dict(consumed, since_begun=since_begun)
        return state

    def load_state_dict(self, state: Any) -> None:
        """Makes the next pass go on from ``state``. See the sampler."""
        self.sampler.load_state_dict(state)

    def batches_on(self, device: torch.device | str) -> Iterator[torch.Tensor]:
        """Yields the next pass's batches as tensors on ``device``. See the sampler."""
        batches: Iterator[torch.Tensor] = self.sampler.batches_on(device, self.batch_size, self.drop_last)
        return batches

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full if self.drop_last or rest == 0 else full + 1

    def __iter__(self) -> Iterator[list[int]]:
        return refused_as_sampler(self, self.sampler) or BatchIterator(self.sampler, self.batch_size, self.drop_last)
