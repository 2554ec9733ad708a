"""States by what was trained on rather than drawn, and what set_epoch does to a loaded one."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from oracle import flat
from stateful import DRAWS, SAMPLERS, TABLE, advanced, epoch_of, through_json

from pysampler import (
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)


def test_consumed_says_what_was_trained_on_whatever_was_prefetched() -> None:
    for world in (1, 2, 3):
        sampler = DistributedWeightedSampler(TABLE, DRAWS, world, 0)
        advanced(sampler, 30)
        state = sampler.state_dict(consumed=12)
        assert state["position"] == 12 * world
        again = DistributedWeightedSampler(TABLE, DRAWS, 1, 0)
        again.load_state_dict(state)
        assert list(again) == TABLE.draw(DRAWS, seed=0).tolist()[12 * world :]
        whole = sampler.state_dict(consumed=len(sampler))
        assert whole["position"] == DRAWS


@pytest.mark.parametrize("seed", [None, 1])
def test_consumed_means_the_running_pass_though_its_epoch_is_pinned_again(seed: int | None) -> None:
    """Lightning's order with workers: iter, first next, set_epoch. Without a seed, only that pass has the key."""
    sampler = SAMPLERS["iid"](seed=seed)
    running = iter(sampler)
    delivered = [next(running) for _ in range(10)]
    sampler.set_epoch(0)
    state = through_json(sampler.state_dict(consumed=4))
    delivered += running
    again = SAMPLERS["iid"](seed=seed)
    again.load_state_dict(state)
    assert list(again) == delivered[4:]
    assert sampler.state_dict()["position"] == 0  # without consumed, it is about the pass that was asked for
    sampler.set_epoch(3)
    assert (sampler.state_dict(consumed=0)["epoch"], sampler.state_dict(consumed=0)["position"]) == (3, 0)
    sampler.load_state_dict({**state, "position": 7})
    assert sampler.state_dict(consumed=7)["key"] == state["key"]  # a loaded pass is not the running one


def test_consumed_at_the_end_is_the_end_although_drop_last_drops_some() -> None:
    distributed = DistributedWeightedSampler(TABLE, DRAWS, 3, 0, drop_last=True)
    batches = WeightedBatchSampler(SAMPLERS["iid"](), 16, drop_last=True)
    for sampler, items in ((distributed, 33), (batches, 96)):
        assert len(flat([batch] if isinstance(batch, int) else batch for batch in sampler)) == items
        assert sampler.state_dict(consumed=items) == sampler.state_dict()
        assert sampler.state_dict()["position"] == DRAWS


def test_consumed_of_an_unseeded_pass_that_has_not_begun_is_an_error() -> None:
    """Its state could not be loaded."""
    sampler = WeightedRandomSampler(TABLE, DRAWS)
    with pytest.raises(ValueError, match="consumed of a pass that has not begun"):
        sampler.state_dict(consumed=5)
    sampler.load_state_dict(sampler.state_dict(consumed=0))
    advanced(sampler, 7)
    sampler.load_state_dict(sampler.state_dict(consumed=5))


def test_batch_samplers_count_items_too() -> None:
    batches = WeightedBatchSampler(SAMPLERS["iid"](), 8)
    advanced(batches, 5)
    assert batches.state_dict()["position"] == 40
    assert batches.state_dict(consumed=24)["position"] == 24


def test_since_begun_counts_from_where_the_pass_began_on_any_number_of_ranks() -> None:
    four = DistributedWeightedSampler(TABLE, DRAWS, 4, 0)
    advanced(four, 20)
    state = four.state_dict(since_begun=10)
    assert state == four.state_dict(consumed=10)
    assert state["position"] == 40
    three = DistributedWeightedSampler(TABLE, DRAWS, 3, 1)
    three.load_state_dict(state)
    assert three.state_dict(since_begun=0)["position"] == 40
    advanced(three, 15)
    state = three.state_dict(since_begun=5)
    assert state["position"] == 55
    with pytest.raises(ValueError, match=r"began at position 40, which 3 ranks do not divide.*since_begun"):
        three.state_dict(consumed=15)
    with pytest.raises(ValueError, match="not both"):
        three.state_dict(15, since_begun=5)
    with pytest.raises(ValueError, match=r"since_begun must be in \[0, 20\]"):
        three.state_dict(since_begun=21)
    alone = DistributedWeightedSampler(TABLE, DRAWS, 1, 0)
    alone.load_state_dict(state)
    assert list(alone) == TABLE.draw(DRAWS, seed=0).tolist()[55:]
    assert WeightedBatchSampler(alone, 5).state_dict(since_begun=10)["position"] == 65


@pytest.mark.parametrize("consumed", [-1, DRAWS + 1, 2.5, True, "3"])
def test_consumed_beyond_the_epoch_is_an_error(consumed: Any) -> None:
    sampler = SAMPLERS["iid"]()
    with pytest.raises((ValueError, TypeError), match="consumed"):
        sampler.state_dict(consumed)


def test_set_epoch_of_the_loaded_epoch_keeps_the_position() -> None:
    state = advanced(SAMPLERS["iid"](), 30).state_dict()
    again = SAMPLERS["iid"]()
    again.load_state_dict(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.set_epoch(0)
        again.set_epoch(0)
    assert list(again) == epoch_of(SAMPLERS["iid"], 0)[30:]


def test_set_epoch_of_another_epoch_drops_it_and_says_so() -> None:
    sampler = SAMPLERS["iid"]()
    sampler.set_epoch(2)
    state = advanced(sampler, 30).state_dict()
    again = SAMPLERS["iid"]()
    again.load_state_dict(state)
    with pytest.warns(UserWarning, match=r"set_epoch\(0\).*epoch 2 at position 30") as caught:
        again.set_epoch(0)
    assert caught[0].filename == __file__
    assert list(again) == epoch_of(SAMPLERS["iid"], 0)
