"""Threads that share objects, with an interpreter's lock and above all without one (free-threaded Python)."""

from __future__ import annotations

import collections
import gc
import itertools
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_sources import ScheduledSource
from threads import hasty_switches, together

from pysampler import (
    AliasTable,
    ClassTable,
    CoverageTracker,
    DynamicTable,
    Mixture,
    ShuffleSampler,
    SystematicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
    multinomial,
)

THREADS = 4
ENDS = torch.tensor([0, 1999])
TABLE = AliasTable([i % 7 + 1.0 for i in range(1000)])


@pytest.fixture(autouse=True)
def _hasty_switches() -> Iterator[None]:
    with hasty_switches():
        yield


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has an interpreter's lock")
@pytest.mark.skipif(os.environ.get("PYTHON_GIL") == "1", reason="the lock was asked for")
def test_importing_the_package_does_not_bring_the_interpreters_lock_back() -> None:
    assert not sys._is_gil_enabled()  # type: ignore[attr-defined]  # since Python 3.13


def drained(iterator: Iterator[Any]) -> list[Any]:
    """What threads get from one iterator, in no order."""
    return list(itertools.chain(*together(*[lambda: list(iterator)] * THREADS)))


SOURCES = {
    "table": lambda: TABLE,
    "classes": lambda: ClassTable(torch.arange(1000) % 10, torch.arange(1.0, 11.0)),
    "systematic": lambda: SystematicTable([i % 7 + 1.0 for i in range(1000)]),
    "changing": lambda: DynamicTable([i % 7 + 1.0 for i in range(1000)]),
    "logged": lambda: DynamicTable([i % 7 + 1.0 for i in range(1000)], log=True),
    "in Python": lambda: ScheduledSource(30_000),
    "mixture": lambda: Mixture([300, TABLE, 700], [1, 2, 3], window=64),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("batch_size", [None, 1, 37])
def test_threads_share_the_iterator_of_any_source_exactly(kind: str, batch_size: int | None) -> None:
    def passes() -> Iterator[Any]:
        sampler = WeightedRandomSampler(SOURCES[kind](), 30_000, seed=1)
        return iter(sampler if batch_size is None else WeightedBatchSampler(sampler, batch_size))

    alone, shared = list(passes()), drained(passes())
    assert len(alone) == len(shared)
    assert sorted(alone) == sorted(shared)  # batches too: each is a stretch of the same order


def test_threads_share_a_shuffle_and_its_batches_as_tensors_exactly() -> None:
    assert sorted(drained(iter(ShuffleSampler(50_000, seed=1)))) == list(range(50_000))
    batches = drained(iter(ShuffleSampler(50_000, seed=1).batches_on("cpu", 100)))
    assert torch.equal(torch.cat(batches).sort().values, torch.arange(50_000))


def test_where_an_iterator_stands_is_told_while_threads_draw_from_it() -> None:
    sampler = WeightedRandomSampler(TABLE, 40_000, seed=1)
    iterator = iter(sampler)
    told: list[int] = []

    def ask() -> None:
        while not told or told[-1] < 40_000:
            sampler.state_dict()
            told.append(iterator.state_dict()["position"])

    together(ask, *[lambda: collections.deque(iterator, maxlen=0)] * THREADS)
    assert told == sorted(told)
    assert told[-1] == 40_000


def test_passes_begun_together_without_a_seed_have_keys_of_their_own() -> None:
    sampler = WeightedRandomSampler(TABLE, 64)
    passes = together(*[lambda: [tuple(sampler) for _ in range(25)]] * THREADS)
    assert len({indices for some in passes for indices in some}) == 25 * THREADS


def test_passes_begun_together_share_a_key_where_all_passes_must() -> None:
    for _ in range(50):
        sampler = WeightedRandomSampler([1.0, 2.0, 3.0], 60, method="systematic")
        assert sampler.seed is None
        states = together(*[lambda sampler=sampler: begun_state(sampler)] * THREADS)
        assert len({state["key"] for state in states}) == 1
        assert sorted(state["epoch"] for state in states) == list(range(THREADS))


def begun_state(sampler: WeightedRandomSampler) -> Any:
    iterator = iter(sampler)
    next(iterator)
    return iterator.state_dict()


def test_weights_edited_while_passes_begin_are_drawn_from_before_or_after_the_edit() -> None:
    sampler = WeightedRandomSampler([1.0, 1.0, 0.0, 0.0], 20, seed=1)
    finished: list[bool] = []

    def edit() -> None:
        for turn in range(200):
            sampler.weights[:] = torch.tensor([0.0, 0.0, 1.0, 1.0] if turn % 2 == 0 else [1.0, 1.0, 0.0, 0.0])
        sampler.weights[:] = torch.tensor([0.0, 0.0, 0.0, 1.0])
        finished.append(True)

    def draw() -> None:
        while not finished:
            list(sampler)

    together(edit, draw, draw)
    assert set(sampler) == {3}


def test_tables_are_drawn_from_while_they_are_saved_and_loaded(tmp_path: Path) -> None:
    weights = torch.arange(1, 20_001, dtype=torch.float64)
    table = AliasTable(weights)
    expected, fingerprint = AliasTable(weights).draw(5000, seed=3), AliasTable(weights).fingerprint
    numbers = itertools.count()

    def draw() -> None:
        for _ in range(100):
            assert torch.equal(table.draw(5000, seed=3), expected)

    def save_and_load() -> None:
        for _ in range(20):
            path = tmp_path / f"{next(numbers)}.pysampler"
            table.save(path)
            loaded = AliasTable.load(path)
            assert loaded.fingerprint == table.fingerprint == fingerprint
            assert torch.equal(loaded.draw(5000, seed=3), expected)

    together(draw, draw, save_and_load, save_and_load)


def test_what_tables_find_out_at_their_first_use_is_the_same_for_all_threads() -> None:
    weights = torch.arange(1.0, 2001.0)
    expected = AliasTable(weights)
    for _ in range(30):
        table, classes = AliasTable(weights), ClassTable(torch.arange(2000) % 7, torch.ones(7))

        def look(table: AliasTable = table, classes: ClassTable = classes) -> tuple[Any, ...]:
            return table.fingerprint, classes.fingerprint, tuple(table.log_prob(ENDS).tolist())

        assert set(together(*[look] * THREADS)) == {
            (expected.fingerprint, classes.fingerprint, tuple(expected.log_prob(ENDS).tolist()))
        }


def test_a_dynamic_table_keeps_its_sums_while_threads_update_append_and_draw() -> None:
    table = DynamicTable(torch.ones(4000), capacity=4000)
    parts = torch.arange(4000).reshape(2, 2000)

    def update(part: torch.Tensor) -> None:
        for number in range(1, 200):
            table.update(part, torch.full((2000,), float(number)))

    def draw() -> None:
        for number in range(200):
            assert int(table.draw(500, seed=number).max()) < len(table)
            table.importance_weights(torch.arange(0, 4000, 7), 0.5)

    def append() -> None:
        for _ in range(100):
            table.append([199.0])

    together(lambda: update(parts[0]), lambda: update(parts[1]), draw, append)
    assert len(table) == 4100
    assert table.version == 2 * 199 + 100
    assert set(table.weights.tensor().tolist()) == {199.0}
    assert len(set(table.probabilities().tolist())) == 1


def test_shares_set_while_threads_draw_hold_from_where_they_were_set() -> None:
    far = 64 * 400  # beyond what is drawn before at() is called
    changed = Mixture([300, 500], [1, 1], window=64)
    changed.at(far, [1, 0])
    expected = list(WeightedRandomSampler(changed, far + 20_000, seed=1))
    for _ in range(3):
        mixture = Mixture([300, 500], [1, 1], window=64)
        iterator = iter(WeightedRandomSampler(mixture, far + 20_000, seed=1))
        first = list(itertools.islice(iterator, 1000))
        together(lambda mixture=mixture: mixture.at(far, [1, 0]), lambda mixture=mixture: mixture.counts(far, seed=1))
        rest = drained(iterator)
        assert sorted(first + rest) == sorted(expected)


def test_a_tracker_counts_what_threads_draw_from_one_watched_iterator() -> None:
    tracker = CoverageTracker(1000, counts=True)
    iterator = iter(tracker.watch(WeightedRandomSampler(TABLE, 20_000, seed=1)))
    together(lambda: [tracker.unique for _ in range(50)], *[lambda: collections.deque(iterator, maxlen=0)] * THREADS)
    assert tracker.counts.tolist() == torch.bincount(TABLE.draw(20_000, seed=1), minlength=1000).tolist()
    assert tracker.draws == 20_000


def test_multinomial_takes_a_key_of_its_own_on_every_thread() -> None:
    weights = torch.ones(1_000_000)
    drawn = together(*[lambda: [tuple(multinomial(weights[:1000], 20, True).tolist()) for _ in range(50)]] * THREADS)
    assert len({indices for some in drawn for indices in some}) == 50 * THREADS


def test_objects_are_made_and_given_up_while_rubbish_is_collected() -> None:
    def make() -> None:
        for number in range(60):
            sampler = WeightedRandomSampler([1.0, 2.0, 3.0], 1000, seed=number)
            iterator = iter(sampler)
            next(iterator)
            sampler.itself = sampler  # type: ignore[attr-defined]  # a cycle: only the collector frees it
            mixture = Mixture([5, 6], [1, 1], window=4)
            next(iter(WeightedRandomSampler(mixture, 100, seed=number)))

    together(make, make, make, lambda: [gc.collect() for _ in range(10)])
