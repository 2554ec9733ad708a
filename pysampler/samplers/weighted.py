"""Weighted draws as the samplers use them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.numbers import positive_count
from pysampler.samplers.ranks import Share
from pysampler.samplers.resumable import Resumable, Source
from pysampler.samplers.state import Identity
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.class_table import ClassTable
from pysampler.sources.own_weights import OwnWeights, Table
from pysampler.sources.systematic_table import SystematicTable


class WeightedSampling(Resumable):
    """The part of the weighted samplers that knows weights: theirs is only how ranks share the draws."""

    replacement: bool
    method: str
    global_batch_size: int | None

    def _set_up_weights(
        self,
        weights: Any,
        draws: int | None,
        replacement: bool,
        method: str,
        strata: Any = None,
        global_batch_size: int | None = None,
    ) -> int:
        """Takes the weights; returns the draws of an epoch."""
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        if method not in ("iid", "systematic"):
            raise ValueError(f"method must be 'iid' or 'systematic', but got method={method!r}")
        systematic = method == "systematic"
        if systematic and not replacement:
            raise ValueError("systematic draws are with replacement: an item comes as often as its weight says")
        if not systematic and (strata is not None or global_batch_size is not None):
            raise ValueError(
                "strata and global_batch_size are for method='systematic'; independent draws know no batches"
            )
        if strata is not None and global_batch_size is None:
            raise ValueError("strata balance global batches: give global_batch_size as well")
        self.replacement = replacement
        self.method = method
        self.keeps_key = systematic
        self._own = OwnWeights(weights, partial(_systematic_table, strata) if systematic else _alias_table)
        draws = positive_count(len(self._own.table) if draws is None else draws, "num_samples")
        if not replacement:
            self._own.check_enough(draws)
        if isinstance(self._own.table, SystematicTable):
            self._own.table.check_draws(draws)
            self._own.table.check_global_batch_size(global_batch_size, draws)
        self.global_batch_size = global_batch_size
        return draws

    @property
    def table(self) -> Table:
        """The table that the next pass draws from, built again if the weights have changed.

        An ``AliasTable`` or ``ClassTable``, or with method="systematic" a ``SystematicTable``.
        """
        return self._own.table

    @property
    def weights(self) -> torch.Tensor:
        """The sampler's copy of the weights, in the dtype they were given in.

        If the sampler was given a table, its probabilities: built on request, and changes to them have no effect.
        """
        return self._own.weights

    @weights.setter
    def weights(self, weights: Any) -> None:
        own = OwnWeights(weights, self._remade_table if self.method == "systematic" else _alias_table)
        if not self.replacement:
            own.check_enough(self.draws_per_epoch)
        self._own = own

    def current_source(self) -> Source:
        """Returns the table as it is now, and how it is drawn from."""
        table = self._own.table
        if not self.replacement:
            self._own.check_enough(self.draws_per_epoch)
        return WeightedSource(
            self._own, table, self.draws_per_epoch, self.replacement, self.method, self._key, self.global_batch_size
        )

    def check_share(self, share: Share) -> None:
        """Warns if systematic draws are left out."""
        draws = self.draws_per_epoch
        left_out = draws - share.count(0, draws) * share.world
        if self.method == "systematic" and left_out > 0:
            unit = share.world * (share.batch_size if share.drop_last_batch else 1)
            nearest = " or ".join(str(n) for n in (draws // unit * unit, -(-draws // unit) * unit) if n > 0)
            warnings.warn(
                f"drop_last leaves out {left_out} of the epoch's {draws} draws, so items may be missed for longer than "
                f"method='systematic' promises: take num_samples={nearest}",
                stacklevel=2,
            )

    def _remade_table(self, weights: Any) -> Table:
        """Makes a table of other weights for the same strata."""
        old = self._own.table
        assert isinstance(old, SystematicTable)
        if isinstance(weights, ClassTable):
            weights = SystematicTable(weights)
        table = weights if isinstance(weights, SystematicTable) else old.with_weights(weights)
        table.check_global_batch_size(self.global_batch_size, self.draws_per_epoch)
        return table


@dataclass(frozen=True)
class WeightedSource:
    """The weights and their table as they were when a pass began, and how they are drawn from."""

    own: OwnWeights
    table: Table
    draws: int
    replacement: bool
    method: str
    seed: int | None
    global_batch_size: int | None

    @property
    def items(self) -> int:
        """How many items there are to draw from."""
        return len(self.table)

    def identity(self) -> Identity:
        """Returns what tells it from others. O(N) the first time."""
        return Identity(
            "weighted",
            self.method,
            self.replacement,
            self.draws,
            self.table.fingerprint,
            self.seed,
            self.global_batch_size,
        )

    def pass_draws(self, key: int, epoch: int) -> _core.PassDraws:
        """Returns an epoch's draws. Without replacement, they are all drawn now."""
        if isinstance(self.table, SystematicTable):
            return self.table._pass_draws(key, epoch, self.draws, self.global_batch_size)
        stream = self.table._pass_draws(key, epoch, self.draws)
        if self.replacement:
            return stream
        return _core.BufferDraws(self.own.draw_without_replacement(self.draws, key, epoch).numpy(), stream)


def _alias_table(weights: Any) -> AliasTable | ClassTable:
    if isinstance(weights, SystematicTable):
        raise TypeError("a SystematicTable is for method='systematic'; for method='iid' give weights or an AliasTable")
    return weights if isinstance(weights, (AliasTable, ClassTable)) else AliasTable(weights)


def _systematic_table(strata: Any, weights: Any) -> SystematicTable:
    if not isinstance(weights, SystematicTable):
        return SystematicTable(weights, strata)
    if strata is not None:
        raise ValueError("a SystematicTable has its labels: leave out strata")
    return weights
