"""Draws with replacement against the exact probabilities, after the exact tests: distribution, independence, power."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import torch
from chi_square import ALPHA, Array, check, p_value
from families import FAMILIES, hashed_integers

from pysampler import AliasTable, WeightedRandomSampler, multinomial

DRAWS = 1_000_000


def probabilities_of(weights: Array) -> Array:
    """Exact up to rounding, also where sums of doubles overflow or lose digits."""
    exact = oracle.exact_integers(weights)
    total = sum(exact)
    return np.array([weight / total for weight in exact])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [2, 10, 1000, 30_000])
def test_draws_follow_the_weights(family: str, items: int) -> None:
    """Weights, not masses, give the expectation: an error in the table would show as well."""
    weights = FAMILIES[family](items)
    probabilities = probabilities_of(weights)
    drawn = AliasTable(weights).draw(DRAWS, seed=1).numpy()
    if np.sort(probabilities)[-2] * DRAWS < 10:  # all but certain: a single cell would be left
        assert np.mean(drawn == probabilities.argmax()) > 1 - 1e-4
    else:
        check(drawn, probabilities)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("step", [1, 3, 16, 4096])
def test_any_stretch_of_the_stream_follows_the_weights(seed: int, step: int) -> None:
    weights = FAMILIES["power_law"](500)
    drawn = AliasTable(weights).draw(DRAWS // 4, seed=seed, epoch=seed + 1, start=seed * 10**9 + 3, step=step)
    check(drawn.numpy(), weights / weights.sum())


@pytest.mark.parametrize("distance", [1, 2, 7, 8, 9, 15, 16, 17, 128])
def test_draws_at_any_distance_are_independent(distance: int) -> None:
    """Distances up to a group of words and beyond: 8 is the other half of the same Philox block."""
    weights = np.array([1.0, 2, 3, 4, 0, 10])
    drawn = AliasTable(weights).draw(DRAWS, seed=2)
    pairs = drawn[:-distance] * 6 + drawn[distance:]
    probabilities = weights / weights.sum()
    # Pairs overlap; taking every (2 * distance)-th block of them makes them disjoint.
    disjoint = torch.arange(len(pairs)) // distance % 2 == 0
    check(pairs[disjoint].numpy(), np.outer(probabilities, probabilities).ravel())


@pytest.mark.parametrize("shift", [1, 2**20, 2**47])
def test_epochs_and_seeds_are_independent(shift: int) -> None:
    weights = np.array([1.0, 2, 3, 4, 0, 10])
    probabilities = weights / weights.sum()
    table = AliasTable(weights)
    base = table.draw(DRAWS // 2, seed=3)
    for other in (table.draw(DRAWS // 2, seed=3 + shift), table.draw(DRAWS // 2, seed=3, epoch=shift)):
        check((base * 6 + other).numpy(), np.outer(probabilities, probabilities).ravel())


def test_first_draws_over_many_epochs_follow_the_weights() -> None:
    weights = np.array([1.0, 2, 3, 4, 0, 10])
    sampler = WeightedRandomSampler(weights, 4, seed=4)
    firsts = np.array([next(iter(sampler)) for _ in range(50_000)])
    check(firsts, weights / weights.sum())


def test_rows_of_a_matrix_follow_their_own_weights() -> None:
    weights = torch.from_numpy(hashed_integers(40).reshape(4, 10))
    weights[1] *= 1e-20
    weights[2, 3:] = 0
    drawn = multinomial(weights, DRAWS // 4, True, generator=torch.Generator().manual_seed(5))
    for row, indices in zip(weights.numpy(), drawn.numpy(), strict=True):
        check(indices, row / row.sum())


def test_rows_of_a_matrix_are_independent() -> None:
    weights = torch.tensor([[1.0, 2.0, 3.0]]).repeat(2, 1)
    drawn = multinomial(weights, DRAWS // 4, True, generator=torch.Generator().manual_seed(6))
    probabilities = np.array([1, 2, 3]) / 6
    check((drawn[0] * 3 + drawn[1]).numpy(), np.outer(probabilities, probabilities).ravel())


def test_many_categories_are_drawn_evenly() -> None:
    """float32 cumulative sums have gaps and clusters there (pytorch #43115, #28390)."""
    items = 3_000_000
    drawn = AliasTable(torch.full((items,), 1 / items)).draw(6_000_000, seed=7)
    counts = torch.bincount(drawn, minlength=items)
    histogram = torch.bincount(counts).numpy()  # Poisson with mean 2, up to the exactness of multinomials
    expected = [np.exp(-2.0)]
    for k in range(1, len(histogram)):
        expected.append(expected[-1] * 2 / k)
    assert np.all(np.abs(histogram - items * np.array(expected)) < 6 * np.sqrt(items * np.array(expected)) + 6)
    blocks = counts.reshape(1000, -1).sum(dim=1).numpy()  # evenly along the range, too
    assert p_value(blocks.astype(np.float64), np.full(1000, 0.001)) > ALPHA


# ---- power: the checks fail where they should -----------------------------------------------------


@pytest.mark.parametrize("items", [2, 10, 1000])
def test_a_biased_table_fails(items: int) -> None:
    """One threshold moved: a hundredth of the total mass goes to another item."""
    weights = hashed_integers(items) + 2.0**19
    fair = AliasTable(weights)
    entries = oracle.entries_of(fair).copy()
    moved = 0
    for slot, entry in enumerate(entries.tolist()):
        if moved < items * 2**32 // 100:
            moved += entry & oracle.MASK32
            entries[slot] = entry >> 32 << 32  # the slot now belongs to its alias alone
    biased = AliasTable._around(type(fair._core).over(entries.tobytes(), True, 1), None, None)
    probabilities = weights / weights.sum()
    check(fair.draw(DRAWS, seed=1).numpy(), probabilities)
    with pytest.raises(AssertionError, match="p ="):
        check(biased.draw(DRAWS, seed=1).numpy(), probabilities)


def test_a_weight_off_by_three_percent_fails() -> None:
    weights = np.array([1.0, 2, 3, 4, 0, 10])
    wrong = weights * np.array([1, 1, 1.03, 1, 1, 1])
    with pytest.raises(AssertionError, match="p ="):
        check(AliasTable(wrong).draw(DRAWS, seed=1).numpy(), weights / weights.sum())


def test_a_draw_of_a_zero_weight_fails() -> None:
    drawn = np.array([0] * 500 + [2] * 500 + [1])
    with pytest.raises(AssertionError, match="p = 0"):
        check(drawn, np.array([0.5, 0, 0.5]))


def test_dependent_draws_fail() -> None:
    weights = np.array([1.0, 2, 3, 4])
    probabilities = weights / weights.sum()
    drawn = AliasTable(weights).draw(100_000, seed=1)
    with pytest.raises(AssertionError, match="p ="):
        check((drawn * 4 + drawn).numpy(), np.outer(probabilities, probabilities).ravel())


def test_p_values_of_fair_draws_are_spread_evenly() -> None:
    """The test statistic has the distribution that it is compared with, pooled cells included."""
    weights = FAMILIES["power_law"](200)
    table = AliasTable(weights)
    probabilities = weights / weights.sum()
    found = [
        p_value(np.bincount(table.draw(2000, seed=seed).numpy(), minlength=200).astype(np.float64), probabilities)
        for seed in range(1000)
    ]
    check((np.array(found) * 10).astype(np.int64).clip(0, 9), np.full(10, 0.1))
