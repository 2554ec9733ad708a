"""Weighted: what users see of the weights of a sampler that has any."""

from __future__ import annotations

from typing import Any

import torch

from pysampler.samplers.resumable import Resumable
from pysampler.sources.base import Source
from pysampler.sources.choose import replaced
from pysampler.sources.editable_weights import EditableWeights, warn_of_another_number


class Weighted(Resumable):
    """The part of the weighted samplers that users see of the weights."""

    @property
    def table(self) -> Source:
        """What the next pass draws from, built again if the weights have changed.

        An ``AliasTable`` or ``ClassTable``, with method="systematic" a ``SystematicTable``, or the source given.
        """
        current = self._source.current()
        table: Source = getattr(current, "table", current)
        return table

    @property
    def weights(self) -> torch.Tensor:
        """The sampler's copy of the weights, in the dtype they were given in.

        If the sampler was given a table or another source, its probabilities: built on request, and changes to them
        have no effect.
        """
        own = isinstance(self._source, EditableWeights)
        return self._source.weights if own else self._source.probabilities()  # type: ignore[attr-defined]

    @weights.setter
    def weights(self, weights: Any) -> None:
        before, source = self._source, replaced(self._source, weights)
        source.check_draws(self.draws_per_epoch)
        self._source = source
        warn_of_another_number(before.num_items, source.num_items)
