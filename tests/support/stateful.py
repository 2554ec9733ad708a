"""One sampler of each kind for the tests of states, and ways to run it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from families import hashed_integers

from pysampler import (
    AliasTable,
    ShuffleSampler,
    WeightedRandomSampler,
)

TABLE = AliasTable(hashed_integers(300) + 1)
DRAWS = 100
STRATA = [index % 3 for index in range(300)]

SAMPLERS: dict[str, Callable[..., Any]] = {
    "iid": lambda **more: WeightedRandomSampler(TABLE, DRAWS, **{"seed": 1, **more}),
    "without replacement": lambda **more: WeightedRandomSampler(TABLE, DRAWS, False, **{"seed": 1, **more}),
    "shuffle": lambda **more: ShuffleSampler(DRAWS, **{"seed": 1, **more}),
    "systematic": lambda **more: WeightedRandomSampler(TABLE, DRAWS, method="systematic", **{"seed": 1, **more}),
    "systematic in batches": lambda **more: WeightedRandomSampler(
        TABLE, DRAWS, method="systematic", strata=STRATA, global_batch_size=8, **{"seed": 1, **more}
    ),
}
every_sampler = pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)


def epoch_of(make: Callable[..., Any], number: int) -> list[int]:
    sampler = make()
    sampler.set_epoch(number)
    return list(sampler)


def through_json(state: Any) -> Any:
    return json.loads(json.dumps(state))


def advanced(sampler: Any, steps: int) -> Iterator[Any]:
    iterator = iter(sampler)
    for _ in range(steps):
        next(iterator)
    return iterator
