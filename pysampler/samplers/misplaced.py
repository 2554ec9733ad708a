"""Samplers in a loader that they do not suit: in the wrong place, with other batches than promised, of other items.

torch answers the first with an error about ints or lists, and the others with nothing. A loader does not say what it
iterates over a sampler for, so the frames that call ``__iter__`` are looked at: once in a pass, about a microsecond.
The error comes at the first ``next``: before, loaders with workers cannot be taken down properly.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from torch.utils.data import BatchSampler, DataLoader

_LOADERS = frozenset(
    {
        "torch.utils.data.dataloader",
        "torch.utils.data.sampler",
        "torchdata.stateful_dataloader.stateful_dataloader",
        "torchdata.stateful_dataloader.sampler",
    }
)
_BETWEEN = frozenset({"pysampler.coverage.watch"})
_DEEPEST = 8  # frames of a loader above an ``__iter__``
_LOOKED_AT = 2**27
_compared: WeakKeyDictionary[Any, tuple[Any, int]] = WeakKeyDictionary()  # samplers, and what they were held against


def refused_as_batch_sampler(sampler: Any) -> Iterator[Any] | None:
    """Returns what raises TypeError if the ``__iter__`` that calls this is called for ``batch_sampler=``.

    If a loader makes batches of the sampler, warns where these are not those that its source promises; and where the
    loader's dataset has another number of items.
    """
    around = _Around.look()
    if around.batches_of(sampler):
        sampler.source.check_batches(replace(sampler.share(), batch_size=around.batch_size))
    if around.loader is None or _watched(getattr(around.loader, "batch_sampler", None)) is not sampler:
        check_items(sampler, around.dataset)
        return None
    name = type(sampler).__name__
    size = getattr(getattr(sampler, "rounds", None), "batch_size", None)
    return _raising(
        f"batch_sampler= is for samplers that yield batches, but {name} yields one index after the other: give the "
        f"loader sampler= and batch_size={size or ''}, or batch_sampler=WeightedBatchSampler(sampler, {size or '...'})"
    )


def refused_as_sampler(sampler: Any, items: Any) -> Iterator[Any] | None:
    """Returns what raises TypeError if the ``__iter__`` that calls this, of batches, is called to batch them again.

    Warns where the loader's dataset has another number of items than ``items``, the sampler that batches are made of.
    """
    around = _Around.look()
    if not around.batches_of(sampler):
        check_items(items, around.dataset)
        return None
    return _raising(
        f"{type(sampler).__name__} yields batches already, so the loader must make none of them: give it as "
        "batch_sampler=, or as sampler= together with batch_size=None and BatchedDataset(dataset)"
    )


def check_items(sampler: Any, dataset: Any, stacklevel: int = 4) -> None:
    """Warns if there are other items to draw from than the dataset has, where that can be told. Once for a dataset."""
    drawn = sampler.num_items
    if dataset is None or _were_compared(sampler, dataset, drawn):
        return
    try:
        items = len(dataset)
    except Exception:  # one without a length
        return
    if drawn < items:
        warnings.warn(
            f"{type(sampler).__name__} draws from {drawn} items, but the dataset has {items}, so the others never "
            "come: if these are the weights of classes, give each item its own, class_weights[labels]",
            UserWarning,
            stacklevel=stacklevel,
        )
    elif drawn > items and _may_draw_beyond(sampler, items):
        warnings.warn(
            f"{type(sampler).__name__} draws from {drawn} items, but the dataset has {items}: give one weight per item "
            "of this dataset",
            UserWarning,
            stacklevel=stacklevel,
        )


def _were_compared(sampler: Any, dataset: Any, drawn: int) -> bool:
    """Whether this was asked before. Lists, and samplers that cannot be keys, are compared in every pass."""
    try:
        known, of = _compared.get(sampler, (None, 0))
        _compared[sampler] = ref(dataset), drawn
    except TypeError:
        return False
    return known is not None and known() is dataset and of == drawn


def _may_draw_beyond(sampler: Any, items: int) -> bool:
    """False where all items from this one on have probability 0, as those of a table with room to grow may. O(N)."""
    if sampler.num_items > _LOOKED_AT:
        return True
    try:
        return bool((sampler.source.probabilities()[items:] > 0).any())
    except Exception:  # a source that does not say
        return True


class _Around(NamedTuple):
    """Who iterates over a sampler, as far as they are torch.

    Attributes:
        caller: Whose method calls ``__iter__``.
        batch_size: Its batches', if it makes some.
        loader: The DataLoader for which it does so itself, not through something that makes batches.
        dataset: The loader's.
    """

    caller: Any = None
    batch_size: Any = None
    loader: Any = None
    dataset: Any = None

    @classmethod
    def look(cls) -> _Around:
        """To be called by what an ``__iter__`` calls.

        To look at a frame's variables keeps all of them alive until it ends, so those of users are left alone.
        """
        frame = sys._getframe(2).f_back  # of none where a thread begins with the call
        while frame is not None and frame.f_globals.get("__name__") in _BETWEEN:
            frame = frame.f_back
        caller = batch_size = loader = dataset = None
        for depth in range(_DEEPEST):
            if frame is None or frame.f_globals.get("__name__") not in _LOADERS:
                break
            variables = frame.f_locals
            if depth == 0:
                caller, loader = variables.get("self"), variables.get("loader")
                loader = loader if isinstance(loader, DataLoader) else None
                batch_size = getattr(caller, "batch_size", variables.get("batch_size"))
            owner = variables.get("self")
            dataset = getattr(
                variables.get("loader"), "dataset", getattr(owner, "_dataset", getattr(owner, "dataset", None))
            )
            if dataset is not None:
                break
            frame = frame.f_back
        return cls(caller, batch_size, loader, dataset)

    def batches_of(self, sampler: Any) -> bool:
        """Whether the caller makes batches of what the sampler yields. Subclasses of torch's may do as they like."""
        caller = self.caller
        makes = type(caller) is BatchSampler or type(caller).__module__ == "torchdata.stateful_dataloader.sampler"
        return makes and _watched(getattr(caller, "sampler", None)) is sampler and self.batch_size is not None


def _watched(sampler: Any) -> Any:
    return getattr(sampler, "watched_sampler", sampler)


def _raising(message: str) -> Iterator[Any]:
    yield from ()
    raise TypeError(message)
