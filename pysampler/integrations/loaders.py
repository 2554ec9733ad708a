"""What a loader draws from, once a framework has wrapped it."""

from __future__ import annotations

from typing import Any

from torch.utils.data.distributed import DistributedSampler

from pysampler.samplers.resumable import Resumable


def sampler_of(loader: Any) -> Resumable:
    """Returns the sampler of this package that ``loader`` draws from, through the layers that frameworks add.

    Call it on what a framework's ``prepare`` returned: to ``set_epoch``, to save the state, or only to make sure that
    the weights are still there.

    Raises:
        TypeError: It draws from something else: the weights are lost.
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
    return layer


def batch_size_of(loader: Any) -> int:
    """Returns how many indices make one batch of ``loader``, before a framework shares it out."""
    source = getattr(loader, "batch_sampler", None)
    if source is None:
        source = loader.sampler  # batch_size=None: whatever the sampler yields is a batch
    return int(getattr(source, "batch_size", 1))
