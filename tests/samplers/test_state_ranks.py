"""States on another number of ranks: nothing repeated, nothing lost."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import flat
from stateful import DRAWS, TABLE, advanced

from pysampler import (
    DistributedShuffleSampler,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedRandomSampler,
)


def ranks(kind: str, world: int, drop_last: bool = False) -> list[Any]:
    if kind == "shuffle":
        return [DistributedShuffleSampler(DRAWS, world, rank, drop_last=drop_last) for rank in range(world)]
    replacement = kind == "iid"
    return [
        DistributedWeightedSampler(TABLE, DRAWS, world, rank, drop_last=drop_last, replacement=replacement)
        for rank in range(world)
    ]


def interleaved(parts: list[list[int]]) -> list[int]:
    return flat(list(row) for row in itertools.zip_longest(*parts))


@pytest.mark.parametrize("kind", ["iid", "without replacement", "shuffle"])
@settings(max_examples=30, deadline=None)
@given(worlds=st.lists(st.integers(1, 9), min_size=1, max_size=5), data=st.data())
def test_any_chain_of_world_sizes_yields_the_uninterrupted_sequence(
    kind: str, worlds: list[int], data: st.DataObject
) -> None:
    uninterrupted = list(ranks(kind, 1)[0])
    seen: list[int] = []
    state: Any = None
    for turn, world in enumerate(worlds):
        group = ranks(kind, world)
        if state is not None:
            for sampler in group:
                sampler.load_state_dict(state)
        if state is not None and state["position"] == DRAWS:
            break
        left = -(-(DRAWS - len(seen)) // world)
        steps = left if turn == len(worlds) - 1 else data.draw(st.integers(0, left))
        iterators = [iter(sampler) for sampler in group]
        parts = [list(itertools.islice(iterator, steps)) for iterator in iterators]
        seen += interleaved(parts)
        states = [sampler.state_dict() for sampler in group]
        assert all(other == states[0] for other in states)
        state = states[0]
        seen = seen[: state["position"]]  # what lies beyond the epoch is padding
        assert state["position"] == len(seen)
    assert seen == uninterrupted[: len(seen)]
    if state["position"] == DRAWS:
        assert seen == uninterrupted


def test_fewer_left_than_ranks_is_an_epoch_that_is_over() -> None:
    """Resumed on more ranks with drop_last, nothing whole is left: the next epoch follows, not an empty one."""
    one = DistributedWeightedSampler(TABLE, DRAWS, 1, 0, drop_last=True)
    advanced(one, 97)
    for rank in range(4):
        again = DistributedWeightedSampler(TABLE, DRAWS, 4, rank, drop_last=True)
        again.load_state_dict(one.state_dict())
        assert list(again) == TABLE.draw(25, seed=0, epoch=1, start=rank, step=4).tolist()


def test_a_pinned_epoch_of_which_too_little_is_left_is_empty_rather_than_another() -> None:
    """Loops that count epochs themselves would train the next one twice."""
    one = DistributedWeightedSampler(TABLE, DRAWS, 1, 0, drop_last=True)
    advanced(one, 97)
    again = DistributedWeightedSampler(TABLE, DRAWS, 4, 0, drop_last=True)
    again.load_state_dict(one.state_dict())
    again.set_epoch(0)
    assert list(again) == []
    again.set_epoch(1)
    assert list(again) == TABLE.draw(25, seed=0, epoch=1, start=0, step=4).tolist()


def test_a_rank_free_run_goes_on_distributed_and_back() -> None:
    alone = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    advanced(alone, 40)
    group = [DistributedWeightedBatchSampler(TABLE, DRAWS, 2, rank, batch_size=5) for rank in range(2)]
    for sampler in group:
        sampler.load_state_dict(alone.state_dict())
    parts = [flat(sampler) for sampler in group]
    assert interleaved(parts) == TABLE.draw(DRAWS, seed=0).tolist()[40:]
    alone.load_state_dict(group[0].state_dict())
    assert list(alone) == TABLE.draw(DRAWS, seed=0, epoch=1).tolist()
