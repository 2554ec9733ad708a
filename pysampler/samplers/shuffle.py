"""Uniform shuffles in constant memory: each place of the order is computed on its own."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.data

from pysampler.samplers.distributed import RankedSampler
from pysampler.samplers.single import SingleSampler
from pysampler.sources.shuffle import Shuffle


class ShuffleSampler(SingleSampler, torch.utils.data.Sampler[int]):
    """Shuffles: every item once, in random order. torch's RandomSampler for billions of items.

    The order is a keyed permutation of which every place can be computed alone (see ``Shuffle``): no list of indices,
    the first index at once, 5 to 10 ns each plus the loop.

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
        self._set_up(Shuffle(items), num_samples, seed, generator)


class DistributedShuffleSampler(RankedSampler):
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
        self._set_up_ranks(Shuffle(items), num_samples, num_replicas, rank, seed, drop_last)
