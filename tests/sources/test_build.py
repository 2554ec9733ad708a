"""Building a table: what its integer masses promise, for all weights, thread counts and processor flags."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from families import FAMILIES
from hypothesis import example, given
from hypothesis import strategies as st
from processes import in_child

from pysampler import AliasTable

# Blocks have 1024 items in groups of 16; 64 blocks are one task.
EDGES = [1, 2, 3, 4, 5, 7, 15, 16, 17, 31, 33, 64, 100, 1000, 1023, 1024, 1025, 2047, 2049, 5000]


@pytest.mark.parametrize("family", FAMILIES)
def test_masses_keep_every_promise_around_the_edges_of_blocks(family: str) -> None:
    for items in EDGES:
        weights = FAMILIES[family](items)
        if weights.any():
            oracle.check_masses(AliasTable(weights), weights)


@pytest.mark.parametrize("items", [65_535, 65_536, 65_537])
@pytest.mark.parametrize("family", FAMILIES)
def test_masses_keep_every_promise_around_the_edges_of_tasks(family: str, items: int) -> None:
    weights = FAMILIES[family](items)
    table = AliasTable(weights)
    if items == 65_537:
        oracle.check_masses(table, weights)
    assert sum(oracle.masses(table).tolist()) == items * 2**32
    assert np.array_equal(oracle.masses(table) > 0, weights > 0)


ORDINARY = sorted(FAMILIES.keys() - {"sum_overflows", "huge_beside_tiny", "denormal", "denormal_and_zero"})


@pytest.mark.parametrize("family", ORDINARY)
def test_masses_keep_every_promise_in_long_tables(family: str) -> None:
    """Distributions over many categories come out wrong in float32 sums (pytorch #43115, #28390)."""
    weights = FAMILIES[family](2**20 + 7)
    oracle.check_many_masses(AliasTable(weights), weights)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_number_of_threads_builds_the_same_table(family: str) -> None:
    weights = FAMILIES[family](300_007)
    built = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        built.append(AliasTable(weights))
    for other in built[1:]:
        assert np.array_equal(oracle.entries_of(other), oracle.entries_of(built[0]))
        assert other.fingerprint == built[0].fingerprint


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_weights_keep_every_promise_too(family: str) -> None:
    with np.errstate(over="ignore", under="ignore"):
        for items in (17, 1025, 5000):
            weights = FAMILIES[family](items).astype(np.float32)
            weights[~np.isfinite(weights)] = np.finfo(np.float32).max
            if weights.any():
                table = AliasTable(weights)
                oracle.check_masses(table, weights)
                assert table.fingerprint == AliasTable(weights.astype(np.float64)).fingerprint


def test_small_tables_of_every_size_keep_every_promise() -> None:
    generator = random.Random(7)
    for items in range(1, 71):
        for _ in range(4):
            weights = np.array([generator.choice([0, 1, 5, generator.random()]) for _ in range(items)])
            weights[generator.randrange(items)] = 1
            oracle.check_masses(AliasTable(weights), weights)


@given(st.lists(st.floats(0, allow_infinity=False), min_size=1, max_size=70).filter(any))
@example([5e-324])
@example([1.7976931348623157e308] * 3)
@example([1.7976931348623157e308, 5e-324, 0.0])
@example([1.0, 2.0**-40, 2.0**-40])
@example([1.0, *[2.0**-31] * 60])
def test_any_finite_weights_keep_every_promise(weights: list[float]) -> None:
    oracle.check_masses(AliasTable(weights), np.array(weights))


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=70).filter(any))
def test_any_integers_keep_every_promise(weights: list[int]) -> None:
    oracle.check_masses(AliasTable(weights), np.array(weights, dtype=np.float64))


@given(st.integers(1, 40), st.integers(1, 60), st.integers(-1074, 900))
def test_equal_weights_share_equally(items: int, zeros: int, exponent: int) -> None:
    weights = np.concatenate([np.zeros(zeros), np.full(items, np.ldexp(1.0, exponent))])
    found = oracle.masses(AliasTable(weights))[zeros:]
    assert found.max() - found.min() <= 1


def test_equal_weights_without_zeros_fill_their_own_slots() -> None:
    for items in (1, 2, 1000, 70_001):
        entries = oracle.entries_of(AliasTable(np.full(items, 0.3)))
        assert np.array_equal(entries >> 32, np.arange(items))
        assert np.all(entries & oracle.MASK32 == oracle.MASK32)


def test_a_single_item_is_always_drawn() -> None:
    for weight in (5e-324, 1e-30, 1.0, 1.7976931348623157e308):
        assert set(AliasTable([weight]).draw(1000, seed=1).tolist()) == {0}


def test_the_only_positive_item_is_always_drawn() -> None:
    for items in (2, 17, 1024, 70_001):
        weights = FAMILIES["all_but_one_zero"](items)
        assert set(AliasTable(weights).draw(10_000, seed=2).tolist()) == {items // 2}


@pytest.mark.parametrize("family", ["one_zero", "denormal_and_zero", "mostly_zero", "all_but_one_zero"])
def test_a_zero_weight_is_never_drawn(family: str) -> None:
    """Zero-weight items came up in pytorch #4858, #13867 and #48841. Here no slot leads to them, so none ever can."""
    weights = FAMILIES[family](10_007)
    table = AliasTable(weights)
    entries = oracle.entries_of(table)
    slots = np.arange(len(entries))
    reachable = np.union1d(slots[entries & oracle.MASK32 > 0], entries >> 32).astype(np.int64)
    assert np.all(weights[reachable] > 0)
    assert np.all(weights[table.draw(200_000, seed=3).numpy()] > 0)


def test_a_positive_weight_however_small_keeps_one_unit() -> None:
    weights = np.ones(5000)
    weights[::2] = 1e-300
    found = oracle.masses(AliasTable(weights))
    assert np.all(found[::2] == 1)
    assert sum(found.tolist()) == 5000 * 2**32
    assert found[1::2].max() - found[1::2].min() <= 1


def test_more_than_two_to_the_24_items_are_drawn_in_their_proportions() -> None:
    """torch.multinomial refuses them (pytorch #2576)."""
    items = 2**24 + 1000
    weights = torch.ones(items, dtype=torch.uint8)
    weights[: items // 2] = 3
    table = AliasTable(weights)
    drawn = table.draw(400_000, seed=4)
    assert int(drawn.max()) > 2**24
    assert abs(float((drawn < items // 2).double().mean()) - 0.75) < 0.004  # six standard deviations


@pytest.mark.parametrize("family", ["denormal", "denormal_and_zero", "huge_beside_tiny", "sixty_decades"])
def test_flushing_denormals_changes_nothing(family: str, threads: int) -> None:
    for items in (100, 200_003):
        weights = torch.from_numpy(FAMILIES[family](items))
        expected = AliasTable(weights)
        assert torch.set_flush_denormal(True)
        flushed = AliasTable(weights)
        assert flushed.fingerprint == expected.fingerprint
        assert torch.equal(flushed.draw(1000, seed=1), expected.draw(1000, seed=1))
        torch.set_flush_denormal(False)
        assert torch.equal(flushed.probabilities(), expected.probabilities())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_that_another_thread_scribbles_on_do_no_harm(dtype: Any) -> None:
    """The values are read several times. Whatever they become, no slot may lead out of the table."""

    def work() -> tuple[int, int]:
        weights = np.ones(50_000, dtype=dtype)
        scribbles = [1.0, 0.0, np.nan, -1.0, np.inf, 1e-30, float(np.finfo(dtype).max), 3.0]
        stop = threading.Event()

        def scribble() -> None:
            generator = np.random.default_rng(8)
            while not stop.is_set():
                weights[generator.integers(0, len(weights), 500)] = generator.choice(scribbles)
                weights[generator.integers(0, len(weights), 5000)] = 1

        thread = threading.Thread(target=scribble)
        thread.start()
        built = refused = 0
        for _ in range(400):
            weights[:] = 1
            try:
                entries = oracle.entries_of(AliasTable(weights))
            except ValueError:
                refused += 1
                continue
            built += 1
            assert int((entries >> 32).max()) < len(weights)
        stop.set()
        thread.join()
        return built, refused

    built, refused = in_child(work)
    assert built + refused == 400


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_flushing_denormals_loses_no_small_weight_of_a_narrow_type(dtype: torch.dtype) -> None:
    weights = torch.full((50,), torch.finfo(dtype).smallest_normal).to(dtype) / 4
    assert bool((weights > 0).all())
    expected = AliasTable(weights).fingerprint
    assert torch.set_flush_denormal(True)
    assert AliasTable(weights).fingerprint == expected
