"""Weighted draws as the samplers use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from pysampler import _core
from pysampler.arguments import positive_count
from pysampler.own_weights import OwnWeights
from pysampler.resumable import Resumable, Source
from pysampler.state import Identity
from pysampler.table import AliasTable


class WeightedSampling(Resumable):
    """The part of the weighted samplers that knows weights: theirs is only how ranks share the draws."""

    replacement: bool
    method: str

    def _set_up_weights(self, weights: Any, draws: int | None, replacement: bool, method: str) -> int:
        """Takes the weights; returns the draws of an epoch."""
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        if method != "iid":
            raise ValueError(f"method must be 'iid', but got method={method!r}")
        self.replacement = replacement
        self.method = method
        self._own = OwnWeights(weights)
        draws = positive_count(len(self._own.table) if draws is None else draws, "num_samples")
        if not replacement:
            self._own.check_enough(draws)
        return draws

    @property
    def table(self) -> AliasTable:
        """The table that the next pass draws from, built again if the weights have changed."""
        return self._own.table

    @property
    def weights(self) -> torch.Tensor:
        """The sampler's copy of the weights, in the dtype they were given in.

        If the sampler was given a table, its probabilities: built on request, and changes to them have no effect.
        """
        return self._own.weights

    @weights.setter
    def weights(self, weights: Any) -> None:
        own = OwnWeights(weights)
        if not self.replacement:
            own.check_enough(self.draws_per_epoch)
        self._own = own

    def current_source(self) -> Source:
        """Returns the table as it is now, and how it is drawn from."""
        table = self._own.table
        if not self.replacement:
            self._own.check_enough(self.draws_per_epoch)
        return WeightedSource(self._own, table, self.draws_per_epoch, self.replacement, self.method, self._key)


@dataclass(frozen=True)
class WeightedSource:
    """The weights and their table as they were when a pass began, and how they are drawn from."""

    own: OwnWeights
    table: AliasTable
    draws: int
    replacement: bool
    method: str
    seed: int | None

    def identity(self) -> Identity:
        """Returns what tells it from others. O(N) the first time."""
        return Identity("weighted", self.method, self.replacement, self.draws, self.table.fingerprint, self.seed)

    def pass_draws(self, key: int, epoch: int) -> _core.PassDraws:
        """Returns an epoch's draws. Without replacement, they are all drawn now."""
        stream = self.table._pass_draws(key, epoch, self.draws)
        if self.replacement:
            return stream
        return _core.BufferDraws(self.own.draw_without_replacement(self.draws, key, epoch).numpy(), stream)
