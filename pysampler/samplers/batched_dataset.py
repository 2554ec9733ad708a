"""BatchedDataset: a dataset that is asked for whole batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch.utils.data
from torch.utils.data import default_collate

from pysampler.inputs.shown import shown


class BatchedDataset(torch.utils.data.Dataset[Any]):
    """Wraps a dataset so that an index may be a list: ``DataLoader(BatchedDataset(d), sampler=..., batch_size=None)``.

    With ``batch_size=None``, a loader hands whatever its sampler yields to the dataset, and collates nothing. Most
    datasets cannot take a list; this one loads the items, by ``__getitems__`` where the dataset has it, and collates
    them.

    Args:
        dataset: A map-style dataset.
        collate_fn: Makes a batch of a list of items; by default torch's ``default_collate``.

    Raises:
        TypeError: The dataset has no ``__getitem__``.
    """

    def __init__(self, dataset: Any, collate_fn: Callable[[list[Any]], Any] | None = None) -> None:
        if not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"BatchedDataset needs a map-style dataset, but {type(dataset).__name__} has no __getitem__"
            )
        self.dataset = dataset
        self.collate_fn = default_collate if collate_fn is None else collate_fn

    def __getitem__(self, indices: Sequence[int]) -> Any:
        if not isinstance(indices, Iterable) or getattr(indices, "ndim", 1) == 0:
            raise TypeError(
                f"BatchedDataset needs a list of indices, but got {shown(indices)}: give the loader batch_size=None "
                "and a sampler that yields batches, such as DistributedWeightedBatchSampler"
            )
        whole = getattr(self.dataset, "__getitems__", None)  # None turns it off, as in torch's loader
        return self.collate_fn(whole(indices) if whole else [self.dataset[index] for index in indices])

    def __repr__(self) -> str:
        collated = "" if self.collate_fn is default_collate else f", collated by {_name(self.collate_fn)}"
        try:
            items = f", {len(self)} items"
        except Exception:  # a dataset that tells no length
            items = ""
        return f"BatchedDataset({type(self.dataset).__name__}{items}{collated})"

    def __len__(self) -> int:
        """How many items the dataset has (not batches): what frameworks expect of a dataset."""
        return len(self.dataset)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
