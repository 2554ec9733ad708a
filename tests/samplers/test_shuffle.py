"""Shuffles without a list: every item once, in an order of which each place stands alone."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from chi_square import ALPHA
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pysampler import DistributedShuffleSampler, ShuffleSampler


@given(items=st.integers(1, 3000), epoch=st.integers(0, 3), seed=st.integers(0, 9))
def test_every_item_comes_once(items: int, epoch: int, seed: int) -> None:
    sampler = ShuffleSampler(items, seed=seed)
    sampler.set_epoch(epoch)
    assert sorted(sampler) == list(range(items))
    assert len(sampler) == items


def test_epochs_and_seeds_differ() -> None:
    orders = set()
    for seed in range(5):
        sampler = ShuffleSampler(50, seed=seed)
        orders |= {tuple(sampler) for _ in range(5)}
    assert len(orders) == 25


@pytest.mark.parametrize("items", [1, 2, 3, 4, 5])
def test_all_orders_are_equally_likely(items: int) -> None:
    trials = 200 * math.factorial(items)
    sampler = ShuffleSampler(items, seed=7)
    counts = dict.fromkeys(itertools.permutations(range(items)), 0)
    for _ in range(trials):
        counts[tuple(sampler)] += 1
    if items > 1:
        assert stats.chisquare(list(counts.values())).pvalue > ALPHA


def even(order: list[int]) -> bool:
    """Whether an even number of swaps makes the order."""
    seen, swaps = [False] * len(order), 0
    for first in range(len(order)):
        at = first
        while not seen[at]:
            seen[at], at, swaps = True, order[at], swaps + (order[at] != first)
    return swaps % 2 == 0


@pytest.mark.parametrize("items", [5, 64, 65, 80, 81, 115, 120, 121, 225, 289, 361, 441, 1089])
def test_half_of_all_orders_are_even(items: int) -> None:
    """Rounds alone would be even only on a square of odd sides; tests/cpp/test_permutation.cpp has the power check."""
    sampler = ShuffleSampler(items, seed=11)
    passes = 1000 if items < 300 else 200
    times = sum(even(list(sampler)) for _ in range(passes))
    assert stats.binomtest(times, passes).pvalue > ALPHA


def test_states_from_before_the_orders_changed_are_refused() -> None:
    sampler = ShuffleSampler(81, seed=1)
    old = {**sampler.state_dict(), "fingerprint": "81 items", "position": 3}
    with pytest.raises(ValueError, match="fingerprint is '81 items' in the state"):
        sampler.load_state_dict(old)


@pytest.mark.parametrize("items", [70, 5000, 10**6])
def test_neighbours_in_the_order_are_unrelated(items: int) -> None:
    """Ascents, and the places of low bits, as in a random permutation."""
    order = torch.tensor(list(itertools.islice(ShuffleSampler(items, seed=3), 70_000)))
    count = len(order) - 1
    ascents = (order[1:] > order[:-1]).double().sum().item()
    assert abs(ascents - count / 2) < 5 * math.sqrt((count + 2) / 12)
    parity = (order % 2 == 0).double()
    together = (parity[1:] * parity[:-1]).mean().item()
    assert abs(together - 0.25) < 5 * math.sqrt(0.25 * 0.75 / count) + 1 / items


def test_fewer_draws_are_distinct_and_more_go_round_again() -> None:
    assert len(set(ShuffleSampler(100, 30, seed=1))) == 30
    drawn = list(ShuffleSampler(100, 250, seed=1))
    assert sorted(drawn[:100]) == sorted(drawn[100:200]) == list(range(100))
    assert drawn[:100] != drawn[100:200]
    assert len(set(drawn[200:])) == 50


def test_billions_of_items_start_at_once() -> None:
    for items in (2**33, 2**62):
        first = list(itertools.islice(ShuffleSampler(items, seed=0), 1000))
        assert len(set(first)) == 1000
        assert all(0 <= index < items for index in first)
        assert max(first) > items // 2
        part = DistributedShuffleSampler(items, 4096, 17)
        assert len(part) == items // 4096
        assert next(iter(part)) == next(itertools.islice(ShuffleSampler(items, seed=0), 17, None))


@given(items=st.integers(1, 500), world=st.integers(1, 9), drop_last=st.booleans())
def test_ranks_share_one_order(items: int, world: int, drop_last: bool) -> None:
    if world > items:
        return
    parts = [list(DistributedShuffleSampler(items, world, rank, drop_last=drop_last)) for rank in range(world)]
    together = [index for row in zip(*parts, strict=True) for index in row]
    whole = list(ShuffleSampler(items, 2 * items, seed=0))
    per_rank = items // world if drop_last else -(-items // world)
    assert together == whole[: per_rank * world]  # what fills up is the beginning of the next permutation


def test_a_dataset_or_its_size() -> None:
    assert list(ShuffleSampler("abcdef", seed=0)) == list(ShuffleSampler(6, seed=0))


@pytest.mark.parametrize("items", [0, -1, 1.5, True, None, 2**62 + 1])
def test_bad_sizes_are_named(items: Any) -> None:
    for sampler in (ShuffleSampler, DistributedShuffleSampler):
        with pytest.raises(
            ValueError, match=f"num_items should be a positive integer value, but got num_items={items}"
        ):
            sampler(items)


def test_an_empty_dataset_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        ShuffleSampler([])


def test_manual_seed_decides_without_a_seed() -> None:
    torch.manual_seed(3)
    first = list(ShuffleSampler(100))
    torch.manual_seed(3)
    assert list(ShuffleSampler(100)) == first != list(ShuffleSampler(100))
