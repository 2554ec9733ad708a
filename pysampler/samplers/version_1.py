"""Pickled samplers of version 0.1, before every sampler had a source: read, never written."""

from __future__ import annotations

from typing import Any

import torch

from pysampler.samplers.pass_keys import PassKeys
from pysampler.samplers.passes import Passes
from pysampler.sources.base import Source
from pysampler.sources.editable_weights import EditableWeights
from pysampler.sources.shuffle import Shuffle
from pysampler.sources.systematic_table import SystematicTable
from pysampler.sources.without_replacement import WithoutReplacement

_KEPT = ("draws_per_epoch", "_source_changed", "_ranks", "drop_last", "batch_size")


class OwnWeights:
    """What held weights and table."""

    weights: torch.Tensor | None
    table: Source

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.weights, self.table = state["weights"], state["table"]


def from_version_1(state: dict[str, Any]) -> dict[str, Any]:
    """Returns the attributes that a sampler of today has, from those that it had."""
    source = _source(state)
    keys = PassKeys(state["_key"], state["generator"], source.one_key)
    keys._kept = state["_kept_key"]
    passes = Passes.restored(state["_passes"]._next, state["_copied"])
    kept = {name: state[name] for name in _KEPT if name in state}
    # Attributes that users have added stay.
    known = {*_KEPT, "_key", "_kept_key", "_passes", "_copied", "_run", "_own", "generator", "rounds", "num_items"}
    known |= {"replacement", "method", "keeps_key", "global_batch_size"}
    added = {name: value for name, value in state.items() if name not in known}
    return {**added, **kept, "_source": source, "_keys": keys, "_passes": passes}


def _source(state: dict[str, Any]) -> Source:
    if "rounds" in state:
        rounds: Source = state["rounds"]
        return rounds
    if "num_items" in state:
        return Shuffle(state["num_items"])
    own: OwnWeights = state["_own"]
    made = own.table
    if isinstance(made, SystematicTable):
        made = made.in_batches(state["global_batch_size"])
    elif not state["replacement"]:
        made = WithoutReplacement(made if own.weights is None else own.weights)
    return made if own.weights is None else EditableWeights.restored(own.weights, made)
