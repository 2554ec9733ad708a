"""Distributed samplers that people use today, each as rank r of w, without a process group."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DistributedSampler
from torch.utils.data import WeightedRandomSampler as TorchWeightedRandomSampler

from .timing import Unavailable


class ShardSampler:
    """Weighted draws inside each rank's own shard of the items, as MONAI's DistributedWeightedRandomSampler does.

    What a shard's weights add up to does not count: every rank draws the same number of times.
    """

    def __init__(self, weights: torch.Tensor, world: int, rank: int) -> None:
        items: Any = range(len(weights))
        self._weights = weights
        self._shard = DistributedSampler(items, world, rank, shuffle=False)

    def __iter__(self) -> Iterator[int]:
        shard = list(self._shard)
        drawn = torch.multinomial(self._weights[torch.tensor(shard)], len(shard), replacement=True)
        return iter([shard[place] for place in drawn.tolist()])


def torch_distributed(items: int, world: int, rank: int) -> Any:
    """Returns torch's DistributedSampler: uniform, the whole permutation on every rank."""
    dataset: Any = range(items)
    return DistributedSampler(dataset, world, rank)


def lightning_wrapper(weights: torch.Tensor, world: int, rank: int) -> Any:
    """Returns what Lightning makes of torch's WeightedRandomSampler on several ranks.

    Raises:
        Unavailable: Lightning is not installed.
    """
    try:
        module = importlib.import_module("lightning.fabric.utilities.distributed")
    except ImportError as error:
        raise Unavailable("lightning is not installed") from error
    sampler = TorchWeightedRandomSampler(weights, len(weights))  # type: ignore[arg-type]
    return module.DistributedSamplerWrapper(sampler, num_replicas=world, rank=rank)
