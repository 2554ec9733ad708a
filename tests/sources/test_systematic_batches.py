"""Systematic draws in global batches: each batch is a small copy of the classes, and the epoch stays exact."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import systematic_oracle as slow
import torch
from families import hashed_integers
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, SystematicTable

SEEDS = st.integers(0, 2**64 - 1)


@st.composite
def labelled_weights(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """Weights, some of them zero, and labels in any order, some classes empty or without weight."""
    items = draw(st.integers(1, 50))
    weights = draw(st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e3)), min_size=items, max_size=items))
    labels = draw(st.lists(st.integers(0, draw(st.integers(0, 12))), min_size=items, max_size=items))
    weights[draw(st.integers(0, items - 1))] = 1.0
    return weights, labels


def masses_of(table: SystematicTable) -> list[int]:
    masses = np.empty(len(table), dtype=np.uint64)
    table._core.masses_into(masses.ctypes.data)
    return [int(mass) for mass in masses]


def class_masses(table: SystematicTable, labels: list[int]) -> dict[int, int]:
    sums: dict[int, int] = Counter()
    for mass, label in zip(masses_of(table), labels, strict=True):
        sums[label] += mass
    return sums


@given(
    data=labelled_weights(), draws=st.integers(1, 400), batch=st.integers(1, 400), seed=SEEDS, epoch=st.integers(0, 99)
)
def test_batches_are_those_of_the_oracle(
    data: tuple[list[float], list[int]], draws: int, batch: int, seed: int, epoch: int
) -> None:
    batch = min(batch, draws)
    table = SystematicTable(*data)
    expected = slow.draws(slow.Items(masses_of(table), data[1]), draws, seed, epoch, batch)
    assert table.draw(draws, seed=seed, epoch=epoch, draws=draws, global_batch_size=batch).tolist() == expected


@pytest.mark.parametrize(("draws", "batch"), [(9000, 90), (9001, 90), (9000, 8999), (15_000, 3)])
@pytest.mark.parametrize("classes", [1, 3, 40])
def test_larger_batches_and_runs_are_those_of_the_oracle(draws: int, batch: int, classes: int) -> None:
    """Enough points in a class, and batches, for every form of permutation."""
    labels = (hashed_integers(2000).astype(np.int64) % classes).tolist()
    table = SystematicTable(hashed_integers(2000) + 1, labels)
    expected = slow.draws(slow.Items(masses_of(table), labels), draws, 6, 3, batch)
    assert table.draw(draws, seed=6, epoch=3, draws=draws, global_batch_size=batch).tolist() == expected


@given(data=labelled_weights(), batches=st.integers(1, 40), batch=st.integers(1, 40), seed=SEEDS)
def test_class_counts_deviate_by_less_than_one_where_batches_divide_the_epoch(
    data: tuple[list[float], list[int]], batches: int, batch: int, seed: int
) -> None:
    deviations = largest_deviations(data, batches * batch, batch, seed)
    assert max(deviations) < 1


@given(data=labelled_weights(), draws=st.integers(2, 800), batch=st.integers(2, 60), seed=SEEDS)
def test_class_counts_deviate_by_little_more_where_they_do_not(
    data: tuple[list[float], list[int]], draws: int, batch: int, seed: int
) -> None:
    batch = min(batch, draws)
    deviations = largest_deviations(data, draws, batch, seed)
    full = draws // batch
    assert max(deviations[:full]) < 1 + Fraction(batch, draws)
    assert max(deviations) < 2


def largest_deviations(
    data: tuple[list[float], list[int]], draws: int, batch: int, seed: int, epoch: int = 4
) -> list[Fraction]:
    """Of each batch: how far the count of a class is from its share, at worst."""
    table, labels = SystematicTable(*data), data[1]
    masses = class_masses(table, labels)
    total = sum(masses.values())
    drawn = table.draw(draws, seed=seed, epoch=epoch, draws=draws, global_batch_size=batch).tolist()
    deviations = []
    for begin in range(0, draws, batch):
        members = drawn[begin : begin + batch]
        found = Counter(labels[item] for item in members)
        deviations.append(max(abs(found[c] - Fraction(len(members) * mass, total)) for c, mass in masses.items()))
    return deviations


def test_uneven_batches_do_need_their_wider_bounds() -> None:
    """Shares just above a whole number: full batches may lack it, and the last one may have one more besides."""
    data = ([4.0, 1.1, 6.9], [0, 1, 2])
    found = [largest_deviations(data, 37, 12, seed) for seed in range(200)]
    assert 1 < max(max(deviations[:3]) for deviations in found) < 1 + 12 / 37
    found = [largest_deviations(data, 47, 12, seed) for seed in range(200)]
    assert 1 < max(deviations[3] for deviations in found) < 2


@given(data=labelled_weights(), draws=st.integers(1, 300), batch=st.integers(1, 300), seed=SEEDS)
def test_batches_leave_the_counts_of_the_epoch_as_exact_as_they_were(
    data: tuple[list[float], list[int]], draws: int, batch: int, seed: int
) -> None:
    table = SystematicTable(*data)
    batched = table.draw(draws, seed=seed, draws=draws, global_batch_size=min(batch, draws))
    assert batched.sort().values.tolist() == table.draw(draws, seed=seed, draws=draws).sort().values.tolist()


def test_independent_draws_would_not_pass() -> None:
    labels = torch.arange(1000) % 4
    drawn = AliasTable(torch.ones(1000)).draw(1000, seed=0)
    counts = torch.stack([labels[batch].bincount(minlength=4) for batch in drawn.view(50, 20)])
    assert int((counts - 5).abs().max()) >= 3


def mates_of_item(table: SystematicTable, item: int, batch: int, epochs: int) -> list[set[int]]:
    mates = []
    for epoch in range(epochs):
        drawn = table.draw(len(table), seed=1, epoch=epoch, global_batch_size=batch).view(-1, batch)
        rows = drawn[(drawn == item).any(dim=1)]
        mates.append(set(rows.flatten().tolist()) - {item})
    return mates


def test_items_meet_other_items_every_epoch() -> None:
    table = SystematicTable(torch.ones(1200), torch.arange(1200) // 400)
    mates = mates_of_item(table, 7, 12, 40)
    met = set().union(*mates)
    assert all(len(one) == 11 for one in mates)
    # 40 x 11 draws of 1199 others: if they were independent, 1199 (1 - (1 - 1/1199)^440) = 369, spread 9.
    assert 320 < len(met) < 420
    own_class = {mate for mate in met if mate < 400}
    assert 80 < len(own_class) < 140  # 40 x 3 of 399


def test_the_places_inside_a_batch_are_shuffled() -> None:
    """With two classes of six, class 0 is on each of the twelve places about half of the time."""
    table = SystematicTable(torch.ones(1200), torch.arange(1200) // 600)
    first = torch.cat([table.draw(1200, seed=2, epoch=e, global_batch_size=12).view(-1, 12) < 600 for e in range(20)])
    assert (first.sum(dim=1) == 6).all()
    counts = first.sum(dim=0)  # of 2000: standard deviation 22
    assert int((counts - 1000).abs().max()) < 120


def test_no_item_is_left_to_the_last_batch_for_good() -> None:
    """The last of 10 uneven batches, over many epochs, is everybody's place alike: chi-square, 99 degrees."""
    table = SystematicTable(torch.ones(100), torch.arange(100) // 30)
    last = torch.cat([table.draw(7, seed=3, epoch=e, start=90, draws=97, global_batch_size=10) for e in range(3000)])
    expected = 3000 * 7 / 100
    statistic = float(((last.bincount(minlength=100) - expected) ** 2 / expected).sum())
    assert statistic < 99 + 5 * (2 * 99) ** 0.5


@pytest.mark.parametrize(
    ("draws", "batch", "start", "step"), [(1000, 7, 3, 11), (1000, 7, 0, 500), (50, 50, 49, 50), (999, 1, 5, 3)]
)
def test_any_step_leads_through_the_same_batches(draws: int, batch: int, start: int, step: int) -> None:
    table = SystematicTable(hashed_integers(300) + 1, np.arange(300) % 5)
    settings: dict[str, Any] = {"seed": 11, "epoch": 2, "draws": draws, "global_batch_size": batch}
    whole = table.draw(draws, **settings)
    count = len(range(start, draws, step))
    assert torch.equal(table.draw(count, start=start, step=step, **settings), whole[start::step])


def test_a_class_without_weight_is_never_drawn_and_disturbs_nobody() -> None:
    with_it = SystematicTable([1, 1, 0, 0, 2, 2], [0, 0, 1, 1, 2, 2])
    drawn = with_it.draw(600, seed=0, draws=600, global_batch_size=6).view(100, 6)
    assert (drawn < 2).sum(dim=1).eq(2).all()
    assert not ((drawn == 2) | (drawn == 3)).any()
