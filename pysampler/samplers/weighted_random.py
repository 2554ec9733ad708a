"""WeightedRandomSampler: torch's class over an alias table, or over any other source."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.data

from pysampler.samplers.single import SingleSampler
from pysampler.samplers.weighted import Weighted
from pysampler.sources.choose import Method, as_source


class WeightedRandomSampler(SingleSampler, Weighted, torch.utils.data.WeightedRandomSampler):  # type: ignore[override]
    """Draws indices with given weights: a drop-in for ``torch.utils.data.WeightedRandomSampler``.

    Indices are handed out as Python ints while they are drawn, in C++: an epoch is never held in memory, the first
    index comes within microseconds, and the number of items is limited by memory only (below 2^32).

    For plain loaders, and for frameworks that share out the batches themselves (Accelerate, Hugging Face's Trainer).
    Where every process has a loader of its own (DistributedDataParallel, Lightning, Ray), take
    DistributedWeightedSampler.

    Args:
        weights: One weight per item: 1-d tensor, array or sequence, finite and >= 0, not all zero. The sampler keeps a
            copy in the same dtype. Or a table or any other ``Source``, which is shared.
        num_samples: Draws per epoch; by default the number of items.
        replacement: Whether an item may come again within an epoch. Without, the law is that of successive sampling,
            the epoch's indices (8 bytes each) are drawn at its beginning, and ``num_samples`` must not exceed the
            number of positive weights.
        generator: Where each pass takes its 64-bit key from; by default torch's global generator, so that
            ``torch.manual_seed`` works. Read when a pass begins; may be set at any time.
        seed: Instead of a generator: the same indices for the same epoch, in every process and on every machine. In
            [-2^63, 2^64).
        method: "iid": independent draws. "systematic": draws that are spread evenly, so that every item and class comes
            as often as its weight says, rounded down or up, in every epoch; see ``SystematicTable``. Its promises over
            several epochs need one key, so without a seed the first pass takes one and the others keep it.
        strata: With "systematic": the class of each item, in any form that ``read_labels`` reads, to make every global
            batch a small copy of the classes. Needs ``global_batch_size``.
        global_batch_size: With "systematic" and strata: how many consecutive draws make a batch.

    A pass begins at the first ``next`` of an iterator and takes the epoch pinned by ``set_epoch`` (or the position
    loaded by ``load_state_dict``), else the epoch after the last begun. With a seed, epoch e always yields the same
    indices. An iterator keeps the weights, key and epoch that its pass began with. Sampler and iterators have
    ``state_dict`` and ``load_state_dict``, which torchdata's StatefulDataLoader calls by itself.

    In-place changes of ``sampler.weights`` by torch and assignments to it are honoured when the next pass begins; the
    table is then built again, 3 to 6 ns per item, and older states are refused. (Writing through ``.numpy()`` or
    ``.data`` goes unnoticed: torch does not count that as a change.)

    Raises:
        ValueError: See ``AliasTable``; num_samples that is not a positive int; seed and generator together.
        TypeError: See ``AliasTable``; replacement that is no bool.

    Example:
        >>> sampler = WeightedRandomSampler([0.1, 0.9], num_samples=3, seed=0)
        >>> len(list(sampler))
        3
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int | None = None,
        replacement: bool = True,
        generator: torch.Generator | None = None,
        *,
        seed: int | None = None,
        method: Method | None = None,
        strata: Any = None,
        global_batch_size: int | None = None,
    ) -> None:
        # torch's constructor is not called: it would copy the weights as float64.
        source = as_source(weights, replacement, method, strata, global_batch_size)
        self._set_up(source, num_samples, seed, generator)
