"""Systematic draws over classes of equal members, in memory for the classes alone."""

from __future__ import annotations

import gc
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import systematic_oracle as slow
from hypothesis import given
from hypothesis import strategies as st

from pysampler import ClassTable, SystematicTable, WeightedRandomSampler, _core


def table_of(masses: list[int], spans: list[tuple[int, int]], order: Any, items: int) -> _core.MassTable:
    """``spans``: first place and size of each class."""
    whole = np.array(masses, dtype=np.uint64)
    packed = np.array([size | first << 32 for first, size in spans], dtype=np.uint64)
    places = items if order is None else len(order)
    address = 0 if order is None else order.ctypes.data
    return _core.MassTable.of_classes(whole.ctypes.data, packed.ctypes.data, len(masses), address, places, items, order)


def draws_of(table: _core.MassTable, count: int, seed: int, batch: int) -> list[int]:
    out = np.empty(count, dtype=np.int64)
    _core.SystematicDraws(table, seed, 2, count, batch).draw_into(out.ctypes.data, count, 0, 1, 1)
    drawn: list[int] = out.tolist()
    return drawn


def masses_of(table: _core.MassTable) -> list[int]:
    masses = np.empty(len(table), dtype=np.uint64)
    table.masses_into(masses.ctypes.data)
    return [int(mass) for mass in masses]


CLASSES = st.lists(st.tuples(st.integers(0, 12), st.one_of(st.just(0), st.integers(1, 2**40))), min_size=1, max_size=8)


@given(classes=CLASSES, draws=st.integers(1, 200), batch=st.integers(0, 60), seed=st.integers(0, 2**64 - 1))
def test_draws_are_those_of_items_with_the_same_masses(
    classes: list[tuple[int, int]], draws: int, batch: int, seed: int
) -> None:
    sizes = [size for size, _ in classes]
    masses = [mass if size else 0 for size, mass in classes]
    if sum(masses) == 0:
        return
    items = sum(sizes)
    order = np.random.default_rng(seed).permutation(items).astype(np.uint32)
    firsts = np.cumsum([0, *sizes[:-1]]).tolist()
    table = table_of(masses, list(zip(firsts, sizes, strict=True)), order, items)
    found = masses_of(table)
    labels = [0] * items
    for label, (first, size) in enumerate(zip(firsts, sizes, strict=True)):
        members = order[first : first + size].tolist()
        share = Fraction(masses[label], sum(masses))
        for member in members:
            labels[member] = label
            assert found[member] == found[members[0]]
            assert (found[member] > 0) == (masses[label] > 0)
            assert abs(Fraction(found[member], table.total) - share / size) < Fraction(1, 2**48)
    # The same places: class after class, members in the order given.
    rank = {int(item): place for place, item in enumerate(order)}
    in_places = slow.Items([found[item] for item in order.tolist()], [labels[item] for item in order.tolist()])
    batch = min(batch, draws)
    expected = slow.draws(in_places, draws, seed, 2, batch or None)
    assert [rank[item] for item in draws_of(table, draws, seed, batch)] == expected


def test_consecutive_members_need_memory_for_the_classes_alone() -> None:
    table = table_of([3 << 32, 1 << 32], [(10**9, 2 * 10**9), (0, 10**9)], None, 3 * 10**9)
    drawn = draws_of(table, 4000, 1, 40)
    for begin in range(0, 4000, 40):
        assert sum(item >= 10**9 for item in drawn[begin : begin + 40]) == 30
    assert max(drawn) < 3 * 10**9
    assert len(set(drawn)) == 4000  # masses of less than one draw each
    assert table.nbytes < 200
    assert len(table) == 3 * 10**9


def test_members_live_as_long_as_the_table() -> None:
    order = np.arange(100_000, dtype=np.uint32)[::-1].copy()
    table = table_of([1], [(0, 100_000)], order, 100_000)
    before = draws_of(table, 1000, 3, 0)
    del order
    gc.collect()
    overwriting = [np.full(100_000, 7, dtype=np.uint32) for _ in range(20)]
    assert draws_of(table, 1000, 3, 0) == before
    assert len(overwriting) == 20


def test_an_item_of_several_classes_has_the_sum_of_their_masses() -> None:
    table = table_of([2, 4], [(0, 2), (2, 2)], np.array([0, 1, 1, 2], dtype=np.uint32), 3)
    one, both, other = masses_of(table)
    assert (both, other) == (3 * one, 2 * one)
    with pytest.raises(ValueError, match="no single label"):
        table.labels_into(0)


@pytest.mark.parametrize(
    ("masses", "spans", "message"),
    [
        ([0, 0], [(0, 2), (2, 2)], "must add up to at least 1"),
        ([2**61, 2**61], [(0, 2), (2, 2)], "less than 2\\^62"),
        ([2**63, 2**63], [(0, 2), (2, 2)], "less than 2\\^62"),
        ([1, 1], [(0, 2), (2, 0)], "class 1 has mass but no members"),
        ([1, 1], [(0, 2), (2, 3)], "class 1 .* members beyond 4 places"),
        ([1, 0], [(0, 2), (2**32 - 1, 2**32 - 1)], "class 1"),
        ([], [], "at least one class"),
    ],
)
def test_unsound_classes_are_refused(masses: list[int], spans: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table_of(masses, spans, None, 4)


def test_a_class_table_is_drawn_from_systematically() -> None:
    labels = ["a", "b", "b", "a", "c", "c"] * 50
    classes = ClassTable(labels, {"a": 1.0, "b": 2.0, "c": 0.0})
    table = SystematicTable(classes)
    assert table.classes == ("a", "b", "c")
    assert np.allclose(table.probabilities(), classes.probabilities(), rtol=2.0**-30, atol=0)
    sampler = WeightedRandomSampler(classes, seed=3, method="systematic", global_batch_size=30)
    drawn = list(sampler)
    assert drawn == table.draw(300, seed=3, global_batch_size=30).tolist()
    for begin in range(0, 300, 30):
        assert sorted(labels[item] for item in drawn[begin : begin + 30]) == ["a"] * 10 + ["b"] * 20
    again = pickle.loads(pickle.dumps(table))
    assert again.fingerprint == table.fingerprint
    sampler.weights = classes.with_class_weights([1, 1, 1])
    assert sorted(sampler) == list(range(300))


def test_what_a_class_table_cannot_do_is_said() -> None:
    classes = ClassTable([0, 1, 1], [1.0, 1.0])
    with pytest.raises(ValueError, match="leave out strata="):
        SystematicTable(classes, [0, 1, 1])
    with pytest.raises(ValueError, match="made of a ClassTable"):
        SystematicTable(classes).with_weights([1, 2, 3])
