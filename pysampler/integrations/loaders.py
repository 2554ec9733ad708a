"""What a loader draws from, once a framework has wrapped it."""

from __future__ import annotations

from typing import Any

from torch.utils.data.distributed import DistributedSampler

from pysampler.samplers.misplaced import check_items
from pysampler.samplers.resumable import Resumable


def sampler_of(loader: Any) -> Resumable:
    """Returns the sampler of this package that ``loader`` draws from, through the layers that frameworks add.

    Call it on what a framework's ``prepare`` returned: to ``set_epoch``, to save the state, or only to make sure that
    the weights are still there.

    Raises:
        TypeError: It draws from something else: the weights are lost.
        ValueError: It draws from more items than the dataset has.

    Warns:
        UserWarning: It draws from fewer items than the dataset has, as where weights are those of the classes.
    """
    layer = getattr(loader, "batch_sampler", None)
    if layer is None:
        layer = getattr(loader, "sampler", None)
    while layer is not None and not isinstance(layer, Resumable):
        outer, layer = layer, getattr(layer, "batch_sampler", None)
        if layer is None and not isinstance(outer, DistributedSampler):  # a foreign one shares out as it likes
            layer = getattr(outer, "sampler", None)
        if layer is None:
            raise TypeError(
                f"the loader draws from {type(outer).__name__}, not from a sampler of pysampler: the weights are lost. "
                "Lightning, Ray and ignite replace or wrap every sampler that is no DistributedSampler: give them "
                "DistributedWeightedSampler with a batch_size, or DistributedWeightedBatchSampler with "
                "batch_size=None and BatchedDataset"
            )
    if layer is None:
        raise TypeError(f"{type(loader).__name__} has no sampler: the weights are lost")
    _check_items(layer, loader)
    return layer


def _check_items(sampler: Resumable, loader: Any) -> None:
    """Compares how many items there are to draw from with how many the dataset has, if it tells."""
    try:
        items = len(loader.dataset)
    except (AttributeError, TypeError, NotImplementedError):
        return
    if sampler.num_items > items:
        raise ValueError(
            f"{type(sampler).__name__} draws from {sampler.num_items} items, but the dataset has {items}: give one "
            "weight per item of this dataset"
        )
    check_items(sampler, loader.dataset)


def batch_size_of(loader: Any) -> int:
    """Returns how many indices make one batch of ``loader``, before a framework shares it out."""
    source = getattr(loader, "batch_sampler", None)
    if source is None:
        source = loader.sampler  # batch_size=None: whatever the sampler yields is a batch
    return int(getattr(source, "batch_size", 1))
