"""Shuffle: uniform orders in constant memory, each place of which is computed on its own."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.numbers import positive_count
from pysampler.inputs.shown import shown
from pysampler.sources.base import MAX_ITEMS, Source


class Shuffle(Source):
    """Keyed permutations of some items, one after another.

    The order is a Feistel network with cycle walking. Up to 64 items, all orders are equally likely, as far as 64-bit
    keys go; beyond, pairs of items are spread evenly to about 1e-7.

    Args:
        items: A dataset or another sized object, or the number of items, at most 2^62.

    Cost: 5 to 10 ns per position and thread; no memory.

    Raises:
        ValueError: No items, or too many.
        TypeError: A tensor that has no length.
    """

    kind = "shuffle"
    method = "permutation"
    replacement = False

    def __init__(self, items: Any) -> None:
        if isinstance(items, torch.Tensor) and (items.is_nested or torch.nn.parameter.is_lazy(items)):
            raise TypeError(f"a dataset must tell its length, but got {shown(items)}")
        if isinstance(items, Sized) and getattr(items, "ndim", 1) != 0:  # tensors and arrays may be numbers
            items = len(items)
            if items == 0:
                raise ValueError("there is nothing to shuffle: the dataset is empty")
        self._items = positive_count(items, "num_items", MAX_ITEMS)

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return self._items

    @property
    def fingerprint(self) -> str:
        """The number of items, and which permutations put them in order."""
        return f"{self._items} items, permutation {_core.PERMUTATION_VERSION}"

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws: beyond all items, with the beginning of the next permutation."""
        return _core.ShuffledDraws(self._items, key, epoch)

    def probabilities(self) -> torch.Tensor:
        """1 / N for each item: float64 of shape (N,)."""
        return torch.full((self._items,), 1 / self._items, dtype=torch.float64, device="cpu")
