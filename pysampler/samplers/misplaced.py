"""Samplers that were given to a loader in the wrong place, which torch answers with an error about ints or lists."""

from __future__ import annotations

import sys
from typing import Any

from torch.utils.data import BatchSampler, DataLoader


def refuse_as_batch_sampler(sampler: Any) -> None:
    """Raises TypeError if the ``__iter__`` that calls this, of a sampler of indices, is called for ``batch_sampler=``.

    A loader does not say what it iterates over for, so its frame is looked at: once in a pass, 0.3 us.
    """
    loader = sys._getframe(2).f_locals.get("loader")
    if isinstance(loader, DataLoader) and getattr(loader, "batch_sampler", None) is sampler:
        name = type(sampler).__name__
        size = getattr(getattr(sampler, "rounds", None), "batch_size", None)
        raise TypeError(
            f"batch_sampler= is for samplers that yield batches, but {name} yields one index after the other: give "
            f"the loader sampler= and batch_size={size or ''}, or "
            f"batch_sampler=WeightedBatchSampler(sampler, {size or '...'})"
        )


def refuse_as_sampler(sampler: Any) -> None:
    """Raises TypeError if the ``__iter__`` that calls this, of a sampler of batches, is called to batch its batches."""
    outer = sys._getframe(2).f_locals.get("self")
    if type(outer) is BatchSampler and outer.sampler is sampler:
        name = type(sampler).__name__
        raise TypeError(
            f"{name} yields batches already, so the loader must make none of them: give it as batch_sampler=, or as "
            "sampler= together with batch_size=None and BatchedDataset(dataset)"
        )
