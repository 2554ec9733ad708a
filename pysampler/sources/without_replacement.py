"""WithoutReplacement: epochs of distinct items, by the law of successive sampling."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.memory import address_of
from pysampler.inputs.output import output_for
from pysampler.inputs.weights import readable
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source


class WithoutReplacement(Source):
    """Each draw of an epoch takes one of the items left, in proportion to their weights.

    The draws of an epoch depend on each other, so they are all drawn when it begins (8 bytes each). What pads the
    shares of ranks is drawn with replacement.

    Args:
        weights: A tensor of shape (N,), kept, or a table, whose probabilities are taken. Those of an ``AliasTable`` are
            worked out once, and kept: 8 bytes an item.

    Cost: an epoch of k draws costs about 3 ns per item and 15 ns per draw, on one thread; some 10 ns per draw for
    k <= 2/5 N, of weights or an ``AliasTable``.

    Raises:
        ValueError: See ``AliasTable``.
        TypeError: See ``AliasTable``.
    """

    replacement = False

    def __init__(self, weights: Any) -> None:
        self.table = weights if isinstance(weights, Source) else AliasTable(weights)
        self._weights: torch.Tensor | None = weights if isinstance(weights, torch.Tensor) else None

    @property
    def weights(self) -> torch.Tensor:
        """What it draws by: the weights, or the table's probabilities."""
        if self._weights is not None:
            return self._weights
        if isinstance(self.table, AliasTable):  # never changes
            return self._probabilities
        return self.table.probabilities()

    @cached_property
    def _probabilities(self) -> torch.Tensor:
        return self.table.probabilities()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_probabilities"}

    def with_weights(self, weights: Any) -> Source:
        """Returns the same over other weights."""
        return WithoutReplacement(weights)

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return self.table.num_items

    @property
    def fingerprint(self) -> str:
        """That of the table."""
        return self.table.fingerprint

    @cached_property
    def positive(self) -> int:
        """How many items have a positive weight. O(N) the first time."""
        source = readable(self.weights)
        return _core.positive_weights(
            address_of(source, "weights"), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
        )

    def check_draws(self, draws: int) -> None:
        """Raises ValueError unless ``draws`` distinct items can be drawn."""
        if draws > self.positive:
            raise ValueError(
                f"num_samples={draws} draws without replacement need as many positive weights, but there are "
                f"{self.positive}"
            )

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Draws the whole epoch, and returns it."""
        self.check_draws(draws)
        source = readable(self.weights)
        indices = output_for(draws, self.num_items, torch.device("cpu"), torch.int64, None)
        _core.draw_without_replacement_into(
            address_of(indices, "the epoch"),
            draws,
            address_of(source, "weights"),
            source.numel(),
            source.dtype == torch.float64,
            self.table._core if isinstance(self.table, AliasTable) else None,
            key,
            epoch,
            torch.get_num_threads(),
        )
        return _core.BufferDraws(indices.numpy(), self.table.epoch(key, epoch, draws))

    def probabilities(self) -> torch.Tensor:
        """What the first draw of an epoch is drawn with."""
        return self.table.probabilities()

    def __repr__(self) -> str:
        return f"WithoutReplacement({self.num_items} items)"
