"""Everything that takes weights, so that each bad input is tried with each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from pysampler import AliasTable, WeightedRandomSampler, multinomial


def _assign(weights: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="there were weights for 1 items")  # which is true
        WeightedRandomSampler([1.0], 1).weights = weights


BY_NAME: dict[str, Callable[[Any], Any]] = {
    "AliasTable": AliasTable,
    "sampler": lambda weights: WeightedRandomSampler(weights, 1),
    "sampler-without": lambda weights: WeightedRandomSampler(weights, 1, False),
    "sampler.weights": _assign,
    "multinomial": lambda weights: multinomial(weights, 1, True),
    "multinomial-without": lambda weights: multinomial(weights, 1, False),
}
TAKERS = list(BY_NAME.values())
TAKERS_OF_LISTS = [take for name, take in BY_NAME.items() if "multinomial" not in name]
