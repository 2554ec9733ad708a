"""Uniform shuffles in constant memory: each place of the order is computed on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils.data

from pysampler import _core
from pysampler.inputs.numbers import MAX_POSITION, positive_count
from pysampler.samplers.distributed import RankedSampling
from pysampler.samplers.iterators import IndexIterator
from pysampler.samplers.resumable import Resumable, Source
from pysampler.samplers.state import Identity

MAX_ITEMS = 2**62


class ShuffledSampling(Resumable):
    """The part of the shuffling samplers that knows what is shuffled."""

    def _set_up_items(self, items: Any, draws: int | None) -> int:
        """Takes the number of items; returns the draws of an epoch."""
        if isinstance(items, Sized):
            items = len(items)
            if items == 0:
                raise ValueError("there is nothing to shuffle: the dataset is empty")
        self.num_items = positive_count(items, "num_items", MAX_ITEMS)
        return positive_count(self.num_items if draws is None else draws, "num_samples", MAX_POSITION)

    def current_source(self) -> Source:
        """Returns the number of items, and how they are drawn from."""
        return ShuffledSource(self.num_items, self.draws_per_epoch, self._key)


@dataclass(frozen=True)
class ShuffledSource:
    """Keyed permutations of some items, one after another."""

    items: int
    draws: int
    seed: int | None

    def identity(self) -> Identity:
        """Returns what tells it from others."""
        shuffled = f"{self.items} items, permutation {_core.PERMUTATION_VERSION}"
        return Identity("shuffle", "permutation", False, self.draws, shuffled, self.seed)

    def pass_draws(self, key: int, epoch: int) -> _core.PassDraws:
        """Returns an epoch's draws."""
        return _core.ShuffledDraws(self.items, key, epoch)


class ShuffleSampler(ShuffledSampling, torch.utils.data.Sampler[int]):
    """Shuffles: every item once, in random order. torch's RandomSampler for billions of items.

    The order is a keyed permutation (a Feistel network with cycle walking) of which every place can be computed alone:
    no list of indices, the first index at once, 5 to 10 ns each plus the loop. Up to 64 items, all orders are equally
    likely, as far as 64-bit keys go; beyond, pairs of items are spread evenly to about 1e-7.

    Args:
        items: A dataset or another sized object, or the number of items, at most 2^62.
        num_samples: Draws per epoch, by default the number of items. Fewer: that many different ones. More: further
            permutations follow, so that counts differ by at most one.
        generator: Where each pass takes its 64-bit key from; by default torch's global generator.
        seed: Instead of a generator: the same order for the same epoch, everywhere.

    Passes, ``set_epoch``, state: as for ``WeightedRandomSampler``.

    Raises:
        ValueError: No items; num_samples that is not a positive int; seed and generator together.

    Example:
        >>> sorted(ShuffleSampler(5, seed=0))
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        items: Any,
        num_samples: int | None = None,
        generator: torch.Generator | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        draws = self._set_up_items(items, num_samples)
        self._set_up(draws, seed, generator)

    @property
    def num_samples(self) -> int:
        """Draws per epoch."""
        return self.draws_per_epoch

    def __len__(self) -> int:
        return self.draws_per_epoch

    def __iter__(self) -> Iterator[int]:
        return IndexIterator(self)


class DistributedShuffleSampler(ShuffledSampling, RankedSampling):  # type: ignore[misc]
    """Shuffles over ranks: torch's DistributedSampler without its list of all indices on every rank.

    Each rank computes only its own part; the first index comes at once, whatever the number of items. If ranks do not
    divide the draws, ``drop_last`` drops the last ones, else the order goes on to fill up: beyond all items, with the
    beginning of the next permutation.

    Args:
        items: A dataset or another sized object, or the number of items, at most 2^62.
        num_replicas: Number of ranks; by default torch.distributed's.
        rank: This process's; by default torch.distributed's.
        seed: The same on every rank.
        drop_last: See above.
        num_samples: Draws per epoch over all ranks, by default the number of items.

    State and errors: as for ``DistributedWeightedSampler``.

    Example:
        >>> len(DistributedShuffleSampler(10, num_replicas=3, rank=0))
        4
    """

    def __init__(
        self,
        items: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        seed: int = 0,
        drop_last: bool = False,
        num_samples: int | None = None,
    ) -> None:
        draws = self._set_up_items(items, num_samples)
        self._set_up_ranks(draws, num_replicas, rank, seed, drop_last)
