"""States that must not be loaded: of other samplers, damaged, or too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from families import hashed_integers
from stateful import DRAWS, SAMPLERS, TABLE, advanced, epoch_of

from pysampler import (
    ShuffleSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "another class": (lambda: ShuffleSampler(300, DRAWS, seed=1), "kind is 'shuffle'"),
    "other weights": (lambda: WeightedRandomSampler(hashed_integers(300) + 2, DRAWS, seed=1), "fingerprint"),
    "another length": (lambda: WeightedRandomSampler(TABLE, DRAWS + 1, seed=1), "draws_per_epoch is 101.*100 here"),
    "without replacement": (lambda: WeightedRandomSampler(TABLE, DRAWS, False, seed=1), "replacement is False"),
    "another seed": (lambda: WeightedRandomSampler(TABLE, DRAWS, seed=2), "seed is 2 in the state but 1 here"),
    "no seed": (lambda: WeightedRandomSampler(TABLE, DRAWS), "seed is None"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_of_another_sampler_is_refused_by_name(name: str) -> None:
    make, message = OTHERS[name]
    sampler = SAMPLERS["iid"]()
    for target in (sampler, iter(sampler), WeightedBatchSampler(sampler, 5)):
        with pytest.raises(ValueError, match=message):
            target.load_state_dict(make().state_dict())
    assert list(sampler) == epoch_of(SAMPLERS["iid"], 0)


def test_edited_weights_make_old_states_void() -> None:
    sampler = WeightedRandomSampler(hashed_integers(300) + 1, DRAWS, seed=1)
    state = advanced(sampler, 5).state_dict()
    sampler.weights[3] = 0
    assert sampler.state_dict()["fingerprint"] == state["fingerprint"]  # the running pass is not affected
    with pytest.raises(ValueError, match="fingerprint"):
        sampler.load_state_dict(state)


def damaged(**changes: Any) -> dict[str, Any]:
    return {**SAMPLERS["iid"]().state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (damaged(position=-1), r"position must be an int in \[0, 100\], but is -1"),
        (damaged(position=101), "position"),
        (damaged(position=3.0), "position"),
        (damaged(position=True), "position"),
        (damaged(epoch=-1), "epoch"),
        (damaged(epoch=2**48), "epoch"),
        (damaged(epoch=None), "epoch"),
        (damaged(key=7), "key 7 differs from seed 1"),
        (damaged(key=2**64), "key"),
        (damaged(key=None, position=5), "without a key"),
        (damaged(draws_per_epoch="100"), "draws_per_epoch is '100'"),
        (damaged(version=3), "version 3, but this pysampler reads up to 2"),
        (damaged(version="1"), "version is '1'"),
        ({}, "no sampler's state"),
        ({"version": 1}, "lacks kind"),
        ({name: value for name, value in damaged().items() if name != "position"}, "lacks position"),
    ],
)
def test_damaged_states_are_refused_by_name(state: Any, message: str) -> None:
    sampler = SAMPLERS["iid"]()
    for target in (sampler, iter(sampler)):
        with pytest.raises(ValueError, match=message):
            target.load_state_dict(state)
    assert list(sampler) == epoch_of(SAMPLERS["iid"], 0)


@pytest.mark.parametrize("state", [None, 5, "state", [("version", 1)]])
def test_a_state_that_is_no_dict_is_a_type_error(state: Any) -> None:
    with pytest.raises(TypeError, match="dict"):
        SAMPLERS["iid"]().load_state_dict(state)


def test_a_running_iterator_takes_no_state() -> None:
    sampler = SAMPLERS["iid"]()
    running = advanced(sampler, 1)
    with pytest.raises(RuntimeError, match="has begun"):
        running.load_state_dict(sampler.state_dict())
