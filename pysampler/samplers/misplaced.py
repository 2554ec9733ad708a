"""Samplers that were given to a loader in the wrong place, which torch answers with an error about ints or lists.

A loader does not say what it iterates over them for, so the frame that calls ``__iter__`` is looked at: once in a pass,
0.3 us. The error comes at the first ``next``: before, loaders with workers cannot be taken down properly.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch.utils.data import BatchSampler, DataLoader

from pysampler.sources.base import Source

_LOADERS = frozenset({"torch.utils.data.dataloader", "torch.utils.data.sampler"})


def refused_as_batch_sampler(sampler: Any) -> Iterator[Any] | None:
    """Returns what raises TypeError if the ``__iter__`` that calls this is called for ``batch_sampler=``.

    If a loader makes batches of the sampler, warns where these are not those that its source promises.
    """
    around = _locals_around()
    outer: Any = around.get("self")
    loader = around.get("loader")
    if _makes_batches_of(outer, sampler) and sampler.source.batch_draws is not None:
        # Of all that the source checks, what it cannot know when the pass begins: torch's batches are made outside.
        share = replace(sampler.share(), batch_size=outer.batch_size)
        Source.check_share(sampler.source, sampler.draws_per_epoch, share)
    if not isinstance(loader, DataLoader) or getattr(loader, "batch_sampler", None) is not sampler:
        return None
    name = type(sampler).__name__
    size = getattr(getattr(sampler, "rounds", None), "batch_size", None)
    return _raising(
        f"batch_sampler= is for samplers that yield batches, but {name} yields one index after the other: give the "
        f"loader sampler= and batch_size={size or ''}, or batch_sampler=WeightedBatchSampler(sampler, {size or '...'})"
    )


def refused_as_sampler(sampler: Any) -> Iterator[Any] | None:
    """Returns what raises TypeError if the ``__iter__`` that calls this, of batches, is called to batch them again."""
    outer = _locals_around().get("self")
    if not _makes_batches_of(outer, sampler):
        return None
    return _raising(
        f"{type(sampler).__name__} yields batches already, so the loader must make none of them: give it as "
        "batch_sampler=, or as sampler= together with batch_size=None and BatchedDataset(dataset)"
    )


def _makes_batches_of(outer: Any, sampler: Any) -> bool:
    return type(outer) is BatchSampler and outer.sampler is sampler  # a subclass may do as it likes


def _locals_around() -> Mapping[str, Any]:
    """The variables of whoever called the ``__iter__`` that called the function that calls this, if that is torch.

    To look at a frame's variables keeps all of them alive until it ends, so those of users are left alone.
    """
    frame = sys._getframe(2).f_back
    return frame.f_locals if frame is not None and frame.f_globals.get("__name__") in _LOADERS else {}


def _raising(message: str) -> Iterator[Any]:
    yield from ()
    raise TypeError(message)
