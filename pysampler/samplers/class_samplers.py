"""Samplers that go through the items of classes in rounds."""

from __future__ import annotations

from typing import Any

import torch.utils.data

from pysampler.keys import seed_key
from pysampler.samplers.distributed import RankedSampler
from pysampler.samplers.resumable import Resumable
from pysampler.samplers.single import SingleSampler
from pysampler.sources.class_rounds import ClassRounds
from pysampler.sources.m_per_class import MPerClassBatches
from pysampler.sources.under_sampling import UnderSampling


class _Rounds(Resumable):
    """The part that says what an epoch shows."""

    @property
    def rounds(self) -> ClassRounds:
        """What an epoch shows, by position: the source."""
        assert isinstance(self._source, ClassRounds)
        return self._source


class UnderSampler(SingleSampler, _Rounds, torch.utils.data.Sampler[int]):
    """Equally many items of every class, in random order, and other items of the large classes every epoch.

    Random under-sampling throws most of a large class away for good. This one rotates: epochs 0 to ceil(n / q) - 1 show
    all n items of a class of which an epoch shows q, and so do the next ceil(n / q), in a new order. Within an epoch no
    item comes twice unless q > n. See ``UnderSampling``, which says what an epoch shows (the attribute ``rounds``).

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned.
        per_class: How many items of each class an epoch shows: an int, one number per class in the order of the
            classes, or a mapping from names to numbers. By default as many as the smallest class has.
        seed: The same indices for the same epoch, everywhere. In [-2^63, 2^64).

    Passes, ``set_epoch``, state: as for ``WeightedRandomSampler``.

    Raises:
        ValueError: See ``UnderSampling``.
        TypeError: See ``UnderSampling``; a seed that is no integer.

    Example:
        >>> sampler = UnderSampler(["Siamese"] * 160 + ["Birman"] * 10)
        >>> len(sampler), sampler.rounds.epochs_to_show_all
        (20, 16)
    """

    def __init__(self, labels: Any, per_class: Any = None, *, seed: int = 0) -> None:
        # Epochs complement each other, so there must be a seed: each would begin anew without.
        self._set_up(UnderSampling(labels, per_class), None, seed_key(seed))


class MPerClassSampler(SingleSampler, _Rounds, torch.utils.data.Sampler[int]):
    """m items of each of ``batch_size / m`` classes in every batch, with pytorch-metric-learning's signature.

    Goes to a loader together with the same batch size: ``DataLoader(dataset, batch_size, sampler=...)``. Every class
    comes before any comes again, and so do the items of a class: see ``MPerClassBatches``, which says what an epoch
    shows (the attribute ``rounds``).

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned.
        m: Items per class, in [1, 2^32).
        batch_size: A multiple of m, at most m times the number of classes; by default all classes are in every batch.
        length_before_new_iter: Indices per epoch, rounded down to whole batches; at least one batch.
        seed: The same indices for the same epoch, everywhere. In [-2^63, 2^64).

    Passes, ``set_epoch``, state: as for ``WeightedRandomSampler``.

    Raises:
        ValueError: See ``MPerClassBatches``.
        TypeError: See ``MPerClassBatches``; a seed that is no integer.

    Example:
        >>> sampler = MPerClassSampler([0, 0, 0, 1, 1, 1, 2, 2], m=2, batch_size=4, length_before_new_iter=10)
        >>> len(sampler)
        8
    """

    def __init__(
        self,
        labels: Any,
        m: int,
        batch_size: int | None = None,
        length_before_new_iter: int = 100000,
        *,
        seed: int = 0,
    ) -> None:
        self._set_up(MPerClassBatches(labels, m, batch_size, length_before_new_iter), None, seed_key(seed))


class DistributedUnderSampler(_Rounds, RankedSampler):  # type: ignore[misc]
    """``UnderSampler`` over ranks: together they show what one process would.

    Args:
        labels: As for ``UnderSampler``, the same on every rank.
        per_class: As for ``UnderSampler``.
        num_replicas: Number of ranks; by default torch.distributed's.
        rank: This process's; by default torch.distributed's.
        seed: The same on every rank.
        drop_last: If ranks do not divide an epoch: whether to drop the last ones instead of adding items that the epoch
            has shown already.

    State and errors: as for ``DistributedWeightedSampler``.

    Example:
        >>> len(DistributedUnderSampler([0] * 160 + [1] * 10, num_replicas=2, rank=0))
        10
    """

    def __init__(
        self,
        labels: Any,
        per_class: Any = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self._set_up_ranks(UnderSampling(labels, per_class), None, num_replicas, rank, seed, drop_last)


class DistributedMPerClassSampler(_Rounds, RankedSampler):  # type: ignore[misc]
    """``MPerClassSampler`` over ranks: m items of each class in the batches of all ranks together.

    Rank r of w hands out positions r, r + w, ...: where w divides m, its batches of ``batch_size / w`` have m / w items
    of each of the same classes.

    Args:
        labels: As for ``MPerClassSampler``, the same on every rank.
        m: As for ``MPerClassSampler``, over all ranks.
        batch_size: As for ``MPerClassSampler``, over all ranks.
        length_before_new_iter: As for ``MPerClassSampler``, over all ranks.
        num_replicas: Number of ranks; by default torch.distributed's.
        rank: This process's; by default torch.distributed's.
        seed: The same on every rank.
        drop_last: If ranks do not divide an epoch: whether to drop the last ones instead of adding what follows.

    State and errors: as for ``DistributedWeightedSampler``.

    Example:
        >>> labels = [0, 0, 0, 1, 1, 1]
        >>> len(DistributedMPerClassSampler(labels, 2, 4, 12, num_replicas=2, rank=0))
        6
    """

    def __init__(
        self,
        labels: Any,
        m: int,
        batch_size: int | None = None,
        length_before_new_iter: int = 100000,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        source = MPerClassBatches(labels, m, batch_size, length_before_new_iter)
        self._set_up_ranks(source, None, num_replicas, rank, seed, drop_last)
