"""as_source: what users give samplers to draw from, made into a source."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch

from pysampler.inputs.shown import shown
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source
from pysampler.sources.class_table import ClassTable
from pysampler.sources.editable_weights import EditableWeights
from pysampler.sources.systematic_table import SystematicTable
from pysampler.sources.without_replacement import WithoutReplacement

Method = Literal["iid", "systematic"]


def as_source(
    given: Any,
    replacement: bool = True,
    method: Method | None = None,
    strata: Any = None,
    global_batch_size: int | None = None,
) -> Source:
    """Returns what a sampler draws from. See ``WeightedRandomSampler``, which says what the arguments mean.

    Args:
        given: Weights, of which an editable copy is made, or any source.
        replacement: Whether an item may come again within an epoch; weights and tables only.
        method: None means "iid", but for a ``SystematicTable`` "systematic".
        strata: Weights and flat tables only.
        global_batch_size: With strata, or a table that has classes.

    Raises:
        ValueError: Arguments that exclude each other, or that this source does not know. See also ``AliasTable``.
        TypeError: See ``AliasTable``; a SystematicTable for method="iid".
    """
    if not isinstance(replacement, bool):
        raise ValueError(f"replacement should be a boolean value, but got replacement={shown(replacement, str)}")
    if method not in (None, "iid", "systematic"):
        raise ValueError(f"method must be 'iid' or 'systematic', but got method={shown(method)}")
    if isinstance(given, Source) and not isinstance(given, (AliasTable, ClassTable, SystematicTable)):
        return _unchanged(given, replacement, method, strata, global_batch_size)
    if isinstance(given, SystematicTable) and method is None:
        method = "systematic"
    if method == "systematic":
        return _systematic(given, replacement, strata, global_batch_size)
    if strata is not None or global_batch_size is not None:
        raise ValueError("strata and global_batch_size are for method='systematic'; independent draws know no batches")
    if isinstance(given, SystematicTable):
        raise TypeError("a SystematicTable is for method='systematic'; for method='iid' give weights or an AliasTable")
    if isinstance(given, Source):
        return given if replacement else WithoutReplacement(given)
    return EditableWeights(given, AliasTable if replacement else WithoutReplacement)


def replaced(source: Source, given: Any) -> Source:
    """Returns what a sampler draws from that drew from ``source``, once its weights are set to ``given``."""
    return source.with_weights(given) if isinstance(given, Source) else EditableWeights(given, source.with_weights)


def _unchanged(given: Source, replacement: bool, method: Method | None, strata: Any, batch: int | None) -> Source:
    """A source that says by itself how it is drawn from."""
    name = type(given).__name__
    if not replacement and given.replacement:
        raise ValueError(f"{name} draws with replacement: replacement=False is for weights and tables")
    if method not in (None, given.method):
        raise ValueError(f"{name} draws by method={given.method!r} of its own: leave out method={method!r}")
    if strata is not None or batch is not None:
        raise ValueError(f"strata and global_batch_size are for method='systematic', not for {name}")
    return given


def _systematic(given: Any, replacement: bool, strata: Any, batch: int | None) -> Source:
    if not replacement:
        raise ValueError("systematic draws are with replacement: an item comes as often as its weight says")
    if strata is not None and batch is None:
        raise ValueError("strata balance global batches: give global_batch_size as well")
    if isinstance(given, SystematicTable):
        if strata is not None:
            raise ValueError("a SystematicTable has its labels: leave out strata")
        return given if batch is None else given.in_batches(batch)
    make = partial(_systematic_table, strata, batch)
    return make(given) if isinstance(given, Source) else EditableWeights(given, make)


def _systematic_table(strata: Any, batch: int | None, weights: torch.Tensor | Source) -> SystematicTable:
    return SystematicTable(weights, strata).in_batches(batch)
