"""Samplers of which every rank takes its part: torch DistributedSamplers over one global stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data.distributed import DistributedSampler

from pysampler.inputs.numbers import MAX_POSITION, drop_last_flag, positive_count
from pysampler.samplers.iterators import BatchIterator, IndexIterator
from pysampler.samplers.misplaced import refused_as_batch_sampler, refused_as_sampler
from pysampler.samplers.ranks import Ranks
from pysampler.samplers.resumable import Resumable
from pysampler.samplers.weighted import Weighted
from pysampler.share import Share
from pysampler.sources.base import Source
from pysampler.sources.choose import Method, as_source


class _GivenAtConstruction:
    """A property that torch has as an attribute, and that only the constructor can set here."""

    def __init__(self, read: Any) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, sampler: Any, owner: Any = None) -> Any:
        return self if sampler is None else self._read(sampler)

    def __set__(self, sampler: Any, value: Any) -> None:
        argument = {"total_size": "num_samples"}.get(self._name, self._name)
        raise AttributeError(
            f"{self._name} cannot be set: give {argument}= to the constructor of {type(sampler).__name__}"
        )


class RankedSampler(Resumable, DistributedSampler[Any]):  # type: ignore[misc]  # torch has attributes, not properties
    """The part of the distributed samplers that knows ranks, in the words of torch's DistributedSampler."""

    shuffle = True

    def _set_up_ranks(
        self, source: Source, draws: int | None, num_replicas: int | None, rank: int | None, seed: Any, drop_last: Any
    ) -> None:
        # torch's constructor is not called: it wants a dataset, and a process group at once.
        if seed is None:
            raise ValueError(
                "a distributed sampler needs a seed, so that all ranks draw from one stream; seed=0 will do"
            )
        self._ranks = Ranks(num_replicas, rank)
        self.drop_last = drop_last_flag(drop_last)
        self._set_up(source, draws, seed)

    def share(self) -> Share:
        """Returns this rank's share of an epoch. RuntimeError if there is no process group yet but should be."""
        rank, world = self._ranks.resolve()
        return Share(rank, world, self.drop_last)

    @_GivenAtConstruction
    def rank(self) -> int:
        """This process's rank. See ``num_replicas``."""
        return self._ranks.resolve()[0]

    @_GivenAtConstruction
    def num_replicas(self) -> int:
        """The number of ranks: as given, else torch.distributed's as soon as there is a process group."""
        return self._ranks.resolve()[1]

    @_GivenAtConstruction
    def num_samples(self) -> int:
        """Draws per epoch on each rank, padding included."""
        return self.share().count(0, self.draws_per_epoch)

    @_GivenAtConstruction
    def total_size(self) -> int:
        """Draws per epoch over all ranks, padding included."""
        share = self.share()
        return share.count(0, self.draws_per_epoch) * share.world

    def __len__(self) -> int:
        return self.share().count(0, self.draws_per_epoch)

    def __iter__(self) -> Iterator[Any]:
        return refused_as_batch_sampler(self) or IndexIterator(self)


class DistributedWeightedSampler(Weighted, RankedSampler):  # type: ignore[misc]
    """Draws indices with given weights, each rank its own part of one global stream.

    For DistributedDataParallel, Lightning, Ray Train and ignite, which take it for the DistributedSampler that it is.
    (Accelerate and Hugging Face's Trainer share out batches themselves: give them a WeightedRandomSampler.) Rank r of w
    hands out positions r, r + w, r + 2w, ... of the epoch: the ranks together yield exactly what one process would, and
    none computes more than its own part.

    Args:
        weights: One weight per item of the whole dataset, the same on every rank (``check_same_on_all_ranks`` makes
            sure), or a table. See ``WeightedRandomSampler``.
        num_samples: Draws per epoch over all ranks; by default the number of items. The attribute ``num_samples`` is
            each rank's, in torch's words.
        num_replicas: Number of ranks; by default torch.distributed's.
        rank: This process's; by default torch.distributed's.
        seed: The same on every rank, in [-2^63, 2^64).
        drop_last: If ranks do not divide the draws: whether to drop the last ones instead of adding some. Added ones
            are independent draws, which do not count as positions of the epoch.
        replacement: Whether an item may come again within an epoch. Without, every rank draws the whole epoch at its
            beginning and keeps it (8 bytes a draw): draws without replacement depend on each other.
        method: "iid": independent draws. "systematic": draws that are spread evenly, so that every item and class comes
            as often as its weight says, rounded down or up, in every epoch; see ``SystematicTable``. Its promises over
            several epochs need one key, so without a seed the first pass takes one and the others keep it.
        strata: With "systematic": the class of each item, in any form that ``read_labels`` reads, to make every global
            batch a small copy of the classes. Needs ``global_batch_size``.
        global_batch_size: With "systematic" and strata: how many draws make a batch over all ranks, the batch size of
            one rank times their number. It is part of the state: another number of ranks must keep it.

    Passes, ``set_epoch``, state: as for ``WeightedRandomSampler``. States are the same on every rank, and may be loaded
    on any number of ranks: nothing is repeated and nothing lost of what an uninterrupted run would have drawn.

    Raises:
        ValueError: See ``WeightedRandomSampler``; rank or num_replicas out of range; seed=None.
        TypeError: See ``WeightedRandomSampler``.
        RuntimeError: When first used: WORLD_SIZE says that there are several processes, but there is no process group.

    Example:
        >>> sampler = DistributedWeightedSampler([0.1, 0.9], num_samples=4, num_replicas=2, rank=1)
        >>> len(sampler), sampler.total_size
        (2, 4)
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        seed: int = 0,
        drop_last: bool = False,
        replacement: bool = True,
        method: Method | None = None,
        strata: Any = None,
        global_batch_size: int | None = None,
    ) -> None:
        source = as_source(weights, replacement, method, strata, global_batch_size)
        self._set_up_ranks(source, num_samples, num_replicas, rank, seed, drop_last)


class DistributedWeightedBatchSampler(DistributedWeightedSampler):
    """Yields batches as lists of ints: a DistributedWeightedSampler whose batches are made in C++.

    Pass it as ``DataLoader(BatchedDataset(dataset), sampler=..., batch_size=None)``: it stays a DistributedSampler,
    which frameworks leave alone. Without a framework, ``DataLoader(dataset, batch_sampler=...)`` does as well.

    Args:
        batch_size: Indices per batch on each rank, >= 1.
        drop_last: Whether to leave out the last batch of every rank if it is smaller, and what ranks do not divide.

    The others are those of DistributedWeightedSampler. ``len()`` counts batches.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        batch_size: int,
        seed: int = 0,
        drop_last: bool = False,
        replacement: bool = True,
        method: Method | None = None,
        strata: Any = None,
        global_batch_size: int | None = None,
    ) -> None:
        super().__init__(
            weights,
            num_samples,
            num_replicas,
            rank,
            seed=seed,
            drop_last=drop_last,
            replacement=replacement,
            method=method,
            strata=strata,
            global_batch_size=global_batch_size,
        )
        self.batch_size = positive_count(batch_size, "batch_size", MAX_POSITION)

    def share(self) -> Share:
        """Returns this rank's share of an epoch. ValueError if it makes no batch."""
        share = replace(super().share(), batch_size=self.batch_size, drop_last_batch=self.drop_last)
        if share.count(0, self.draws_per_epoch) == 0:
            raise ValueError(
                f"an epoch of {self.draws_per_epoch} draws makes no batch of {self.batch_size} on each of "
                f"{share.world} ranks, and drop_last drops smaller ones: lower batch_size or raise num_samples"
            )
        return share

    def batches_on(
        self, device: torch.device | str, batch_size: int | None = None, drop_last: bool | None = None
    ) -> Iterator[torch.Tensor]:
        """Yields the next pass's batches as tensors on ``device``: see ``DistributedWeightedSampler``.

        Args:
            device: See there.
            batch_size: The sampler's own, which is the default.
            drop_last: The sampler's own, which is the default.

        Raises:
            ValueError: Others than the sampler's own.
        """
        if batch_size not in (None, self.batch_size) or drop_last not in (None, self.drop_last):
            raise ValueError(
                f"this sampler makes batches of {self.batch_size} with drop_last={self.drop_last}: for batch_size="
                f"{batch_size} and drop_last={drop_last} make another, or a DistributedWeightedSampler"
            )
        return super().batches_on(device, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        return (super().__len__() + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        return refused_as_sampler(self, self) or BatchIterator(self, self.batch_size, self.drop_last)
