"""Weighted draws without replacement: every index at most once, in the order of successive sampling."""

from __future__ import annotations

import itertools
import pickle
from fractions import Fraction

import numpy as np
import oracle
import pytest
import torch
from chi_square import Array, check
from families import FAMILIES, hashed_integers
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, WeightedRandomSampler, multinomial

FROZEN_RACE = [4, 8, 2, 6, 0, 3, 5, 1, 9]
FROZEN_FEW = [5, 1, 8]


def drawn(weights: object, count: int, seed: int = 1, epoch: int = 0) -> list[int]:
    """One pass of a seeded sampler."""
    sampler = WeightedRandomSampler(weights, count, False, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def law_of(weights: list[float], count: int) -> dict[tuple[int, ...], Fraction]:
    """The exact probability of every ordered outcome of successive sampling."""
    exact = [Fraction(weight) for weight in weights]
    law = {}
    for outcome in itertools.permutations([i for i, weight in enumerate(exact) if weight > 0], count):
        left, probability = sum(exact), Fraction(1)
        for item in outcome:
            probability *= exact[item] / left
            left -= exact[item]
        law[outcome] = probability
    return law


def check_law(weights: list[float], count: int, outcomes: Array) -> None:
    """Chi-square of ordered outcomes, one per row."""
    law = law_of(weights, count)
    assert sum(law.values()) == 1
    number = {outcome: i for i, outcome in enumerate(law)}
    cells = np.array([number[tuple(row)] for row in outcomes.tolist()])
    check(cells, np.array([float(probability) for probability in law.values()]))


# ---- exact --------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [1, 2, 17, 1000, 70_001])
def test_all_positive_items_come_exactly_once_and_no_other(family: str, items: int) -> None:
    weights = FAMILIES[family](items)
    positive = np.flatnonzero(weights > 0)
    for count in {1, (len(positive) + 1) // 2, len(positive)} - {0}:
        for found in (drawn(weights, count), multinomial(weights, count).tolist()):
            assert len(found) == len(set(found)) == count
            assert np.all(weights[found] > 0)
        assert count < len(positive) or sorted(found) == positive.tolist()


@pytest.mark.parametrize("family", ["uniform", "power_law", "one_heavy", "sixty_decades", "mostly_zero", "constant"])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.6, 1.0])
def test_any_number_of_threads_draws_the_same(family: str, share: float) -> None:
    weights = FAMILIES[family](200_003)
    count = max(1, int(share * np.count_nonzero(weights)))
    found = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        found.append((drawn(weights, count), multinomial(weights, count, generator=torch.Generator()).tolist()))
    assert all(other == found[0] for other in found[1:])


def key_of(generator: torch.Generator) -> int:
    """The 64 bits that a call takes from a generator."""
    return int(torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=generator).item())


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [1, 17, 1024, 1025, 20_001])
def test_multinomial_gives_items_in_the_order_of_an_exponential_race(family: str, items: int) -> None:
    weights = FAMILIES[family](items)
    order = oracle.race_order(weights, key_of(seeded()))
    for count in {len(order) // 50, len(order) // 3, len(order)} - {0, 1}:  # one is drawn as with replacement
        assert multinomial(weights, count, generator=seeded()).tolist() == order[:count]


@pytest.mark.parametrize("columns", [40, 1500])
def test_rows_race_with_words_of_their_own(columns: int) -> None:
    weights = hashed_integers(5 * columns).reshape(5, columns) + 1
    key = key_of(seeded())
    orders = [oracle.race_order(row, key, first_position=i * columns) for i, row in enumerate(weights)]
    assert multinomial(weights, columns, generator=seeded()).tolist() == orders


def test_weights_that_mislead_a_sample_of_the_items_are_drawn_right() -> None:
    """A race looks at one item of each stretch first, to guess who will arrive in time: here, the heavy ones."""
    items, looked_at = 20_000, 512
    weights = np.ones(items)
    for j in range(looked_at):
        begin, end = j * items // looked_at, (j + 1) * items // looked_at
        weights[begin + oracle.mix(j) % (end - begin)] = 1e9
    order = oracle.race_order(weights, key_of(seeded()))
    for count in (100, 600, 5000, 20_000):
        assert multinomial(weights, count, generator=seeded()).tolist() == order[:count]


@pytest.mark.parametrize("family", ["uniform", "constant", "ascending", "one_zero"])
def test_a_small_part_of_the_items_comes_from_the_table(family: str) -> None:
    weights = FAMILIES[family](20_001)
    order = oracle.first_seen_order(AliasTable(weights), seed=1, epoch=9)
    for count in (1, 20, 1000, 6000):
        assert drawn(weights, count, epoch=9) == order[:count]


def test_an_epoch_of_all_items_is_a_race() -> None:
    weights = hashed_integers(20_001)
    order = oracle.race_order(weights, seed=1, epoch=9)
    assert drawn(weights, len(order), epoch=9) == order
    assert drawn(weights, len(order) * 3 // 4, epoch=9) == order[: len(order) * 3 // 4]


def test_draws_are_frozen() -> None:
    weights = [1, 2, 3, 4, 5, 6, 7, 0, 0.5, 1e-12]
    assert drawn(weights, 9, seed=2024, epoch=3) == FROZEN_RACE
    assert drawn(weights, 3, seed=2024, epoch=3) == FROZEN_FEW


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=60).filter(any), st.integers(0, 2**48 - 1), st.data())
def test_any_weights_give_distinct_positive_items(weights: list[float], epoch: int, data: st.DataObject) -> None:
    positive = sum(weight > 0 for weight in weights)
    count = data.draw(st.integers(1, positive))
    found = drawn(weights, count, epoch=epoch)
    assert len(set(found)) == count
    assert all(weights[item] > 0 for item in found)
    assert drawn(weights, count, epoch=epoch) == found


@given(st.lists(st.floats(1e-30, 1e30), min_size=2, max_size=40), st.integers(-300, 300))
def test_scaling_by_a_power_of_two_changes_nothing(weights: list[float], exponent: int) -> None:
    scaled = np.ldexp(np.array(weights), exponent)
    assert drawn(scaled, len(weights)) == drawn(weights, len(weights))


def test_float32_and_float64_of_the_same_values_draw_the_same() -> None:
    weights = hashed_integers(5000) + 1
    for count in (10, 3000, 5000):
        assert drawn(weights.astype(np.float32), count) == drawn(weights, count)
        assert drawn(weights.astype(np.int64), count) == drawn(weights, count)


def test_probabilities_of_a_table_are_worked_out_once_and_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    table = AliasTable(torch.arange(1000.0))
    calls = []
    work_out = AliasTable.probabilities

    def counted(self: AliasTable) -> torch.Tensor:
        calls.append(1)
        return work_out(self)

    monkeypatch.setattr(AliasTable, "probabilities", counted)
    sampler = WeightedRandomSampler(table, 900, False, seed=3)
    passes = [list(sampler), list(sampler)]
    assert len(calls) == 1
    assert passes == [drawn(table, 900, 3, epoch) for epoch in (0, 1)]
    pickled = pickle.dumps(sampler.source)
    assert "_probabilities" not in vars(pickle.loads(pickled))


def test_seeds_and_epochs_give_other_orders() -> None:
    weights = hashed_integers(500) + 1
    orders = {tuple(drawn(weights, 500, seed, epoch)) for seed in (0, 1, -1) for epoch in (0, 1, 2**48 - 1)}
    assert len(orders) == 9


def test_flushing_denormals_changes_nothing() -> None:
    weights = FAMILIES["denormal_and_zero"](3000)
    for count in (20, 2000):
        expected = drawn(weights, count)
        assert torch.set_flush_denormal(True)
        assert drawn(weights, count) == expected
        torch.set_flush_denormal(False)


def test_a_vastly_heavier_item_comes_first() -> None:
    weights = [1e-300, 1e300, 1e-300, 0.0]
    for epoch in range(50):
        assert drawn(weights, 3, epoch=epoch)[0] == 1
        assert sorted(drawn(weights, 3, epoch=epoch)) == [0, 1, 2]


@pytest.mark.parametrize("weights", [[1.0, 0.0, 2.0], torch.tensor([1, 0, 2]), AliasTable([1.0, 0.0, 2.0])])
def test_more_draws_than_positive_weights_are_an_error_at_construction(weights: object) -> None:
    assert sorted(drawn(weights, 2)) == [0, 2]
    with pytest.raises(ValueError, match=r"num_samples=3 .*there are 2"):
        WeightedRandomSampler(weights, 3, False)
    with pytest.raises(ValueError, match=r"num_samples=3 .*there are 2"):
        WeightedRandomSampler(weights, replacement=False)


# ---- the law ------------------------------------------------------------------------------------

LAWS = [
    ([1.0, 2.0, 3.0, 4.0], 4),
    ([1.0, 1.0, 1.0, 1.0, 1.0], 3),
    ([5.0, 0.0, 1.0, 0.25, 8.0], 2),
    ([0.7, 0.2, 0.1], 3),
    ([1e-3, 1.0, 1e3, 30.0], 2),
]


@pytest.mark.parametrize(("weights", "count"), LAWS)
def test_ordered_draws_of_matrix_rows_follow_the_law_of_successive_sampling(weights: list[float], count: int) -> None:
    rows = torch.tensor(weights, dtype=torch.float64).repeat(60_000, 1)
    check_law(weights, count, multinomial(rows, count, generator=torch.Generator().manual_seed(1)).numpy())


@pytest.mark.parametrize(("weights", "count"), LAWS[:3])
def test_ordered_draws_of_samplers_follow_the_law_of_successive_sampling(weights: list[float], count: int) -> None:
    sampler = WeightedRandomSampler(weights, count, False, seed=2)
    check_law(weights, count, np.array([list(sampler) for _ in range(20_000)]))


@pytest.mark.parametrize("kind", ["sampler", "multinomial"])
def test_a_giant_does_not_spoil_the_law_of_the_small(kind: str) -> None:
    """Sums with a 1e12 in them have lost the small weights' digits elsewhere."""
    weights = [1e12, *[1.0] * 5, *[5.0] * 9]
    if kind == "multinomial":
        rows = torch.tensor(weights, dtype=torch.float64).repeat(60_000, 1)
        outcomes = multinomial(rows, 3, generator=torch.Generator().manual_seed(4)).numpy()
    else:
        sampler = WeightedRandomSampler(weights, 3, False, seed=4)
        outcomes = np.array([list(sampler) for _ in range(20_000)])
    assert np.all(outcomes[:, 0] == 0)  # anything else has probability 5e-11
    check_law(weights[1:], 2, outcomes[:, 1:] - 1)


@pytest.mark.parametrize(("items", "count"), [(1000, 1), (1000, 1000), (2000, 1), (2000, 60), (2000, 1500)])
def test_first_draws_from_many_items_follow_the_weights(items: int, count: int) -> None:
    """Whatever number is asked for, and so whichever way they are drawn."""
    weights = hashed_integers(items) + 1
    rows = torch.from_numpy(weights).repeat(4000, 1)
    found = multinomial(rows, count, generator=torch.Generator().manual_seed(5))
    check(found[:, 0].numpy(), weights / weights.sum())


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_inclusion_of_classes_follows_the_law(share: float) -> None:
    """How many of the first items to come are heavy: mean and spread against plain simulation."""
    items, runs = 3000, 400
    weights = np.where(np.arange(items) % 3 == 0, 3.0, 1.0)
    count = int(share * items)
    generator = np.random.default_rng(6)
    arrivals = generator.exponential(size=(runs, items)) / weights
    simulated = (np.argpartition(arrivals, count - 1, axis=1)[:, :count] % 3 == 0).sum(axis=1)
    sampler = WeightedRandomSampler(weights, count, False, seed=7)
    found = np.array([sum(item % 3 == 0 for item in sampler) for _ in range(runs)])
    spread = float(np.hypot(simulated.std(), found.std())) / runs**0.5
    assert abs(found.mean() - simulated.mean()) < 5 * spread
    assert 0.7 < found.std() / simulated.std() < 1.4


def test_equal_weights_give_uniform_permutations() -> None:
    sampler = WeightedRandomSampler([2.0] * 4, replacement=False, seed=8)
    check_law([1.0] * 4, 4, np.array([list(sampler) for _ in range(24_000)]))


def test_the_check_of_the_law_has_power() -> None:
    """Draws from slightly other weights must fail it."""
    rows = torch.tensor([1.0, 2.0, 3.0, 4.2]).repeat(60_000, 1)
    outcomes = multinomial(rows, 4, generator=torch.Generator().manual_seed(1)).numpy()
    with pytest.raises(AssertionError, match="p ="):
        check_law([1.0, 2.0, 3.0, 4.0], 4, outcomes)
    with pytest.raises(AssertionError, match="p ="):
        check_law([1.0, 2.0, 3.0, 4.0], 2, np.sort(outcomes[:, :2], axis=1))
