"""AliasTable as an object: what it tells about itself, that nothing can change it, and that it travels."""

from __future__ import annotations

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from families import FAMILIES, hashed_integers
from hypothesis import given
from hypothesis import strategies as st

import pysampler
from pysampler import AliasTable

WEIGHTS = hashed_integers(1001)


def draw_in_process(table: AliasTable) -> list[int]:
    drawn: list[int] = table.draw(50, seed=3, epoch=4).tolist()
    return drawn


def test_a_table_knows_its_length_and_size() -> None:
    for items in (1, 2, 1000, 70_001):
        table = AliasTable(torch.ones(items))
        assert len(table) == items
        assert table.nbytes == 8 * items == memoryview(table._core).nbytes
        assert str(items) in repr(table)


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_are_the_masses_as_fractions(family: str) -> None:
    weights = FAMILIES[family](5003)
    table = AliasTable(weights)
    probabilities = table.probabilities()
    assert probabilities.dtype == torch.float64
    assert probabilities.shape == (5003,)
    expected = [int(mass) / (5003 * 2**32) for mass in oracle.masses(table)]
    assert probabilities.tolist() == pytest.approx(expected, rel=1e-15, abs=0)
    assert float(probabilities.sum()) == pytest.approx(1, rel=1e-14)
    assert np.array_equal(probabilities.numpy() > 0, weights > 0)


def test_probabilities_of_ordinary_weights_are_close_to_the_ideal() -> None:
    weights = WEIGHTS + 1
    found = AliasTable(weights).probabilities().numpy()
    assert np.allclose(found, weights / weights.sum(), rtol=1e-6, atol=0)


def test_probabilities_belong_to_the_caller() -> None:
    table = AliasTable(WEIGHTS)
    table.probabilities().zero_()
    assert float(table.probabilities().sum()) == pytest.approx(1)


def test_a_table_of_probabilities_is_nearly_the_same_table() -> None:
    table = AliasTable(WEIGHTS)
    again = AliasTable(table.probabilities())
    assert np.allclose(oracle.masses(again), oracle.masses(table), rtol=2.0**-30, atol=5)


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=40))
def test_the_fingerprint_is_that_of_the_slots(weights: list[float]) -> None:
    table = AliasTable(weights)
    assert table.fingerprint == oracle.fingerprint(oracle.entries_of(table))
    assert len(table.fingerprint) == 32
    assert int(table.fingerprint, 16) >= 0


def test_different_tables_have_different_fingerprints() -> None:
    lists = [[1, 2], [2, 1], [1, 2, 0], [0, 1, 2], [1, 1], [1, 1, 1], [1, 2, 3], [1, 3, 2], [1.0, 2.0001]]
    assert len({AliasTable(weights).fingerprint for weights in lists}) == len(lists)


def test_entries_cannot_be_written_through_the_buffer() -> None:
    view = memoryview(AliasTable(WEIGHTS)._core)
    assert view.readonly
    with pytest.raises(TypeError):
        view[0] = 0


def test_weights_edited_after_construction_have_no_effect() -> None:
    for weights in (torch.from_numpy(WEIGHTS.copy()), torch.from_numpy(WEIGHTS).float()):
        table = AliasTable(weights)
        before = table.draw(100, seed=1)
        weights.zero_()
        assert torch.equal(table.draw(100, seed=1), before)


def test_weights_freed_after_construction_have_no_effect() -> None:
    weights = torch.from_numpy(np.tile(WEIGHTS, 1000))
    table = AliasTable(weights)
    before = table.draw(1000, seed=1)
    del weights
    gc.collect()
    overwriting = [np.full(1_001_000, 7.0) for _ in range(4)]
    assert torch.equal(table.draw(1000, seed=1), before)
    assert len(overwriting) == 4


def test_entries_outlive_the_table() -> None:
    entries = oracle.entries_of(AliasTable(WEIGHTS))
    gc.collect()
    assert np.array_equal(entries, oracle.entries_of(AliasTable(WEIGHTS)))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_table_draws_the_same(protocol: int) -> None:
    table = AliasTable(WEIGHTS)
    for known_fingerprint in (False, True):
        if known_fingerprint:
            assert table.fingerprint
        again = pickle.loads(pickle.dumps(table, protocol))
        assert isinstance(again, AliasTable)
        assert torch.equal(again.draw(100, seed=5), table.draw(100, seed=5))
        assert again.fingerprint == table.fingerprint


def test_a_damaged_pickle_of_a_table_is_an_error() -> None:
    entries = bytearray(AliasTable(WEIGHTS)._core)
    entries[7] = 0xFF  # the alias of item 0, now beyond the table
    rebuild, _ = AliasTable(WEIGHTS).__reduce__()
    with pytest.raises(ValueError, match="alias"):
        rebuild(bytes(entries), None)


def test_copies_of_a_table_are_the_table() -> None:
    table = AliasTable(WEIGHTS)
    for again in (copy.copy(table), copy.deepcopy(table), copy.deepcopy([table, table])[1]):
        assert torch.equal(again.draw(100, seed=5), table.draw(100, seed=5))


def test_forked_processes_draw_the_same() -> None:
    table = AliasTable(WEIGHTS)
    with get_context("fork").Pool(2) as pool:
        assert pool.map(draw_in_process, [table, table]) == [draw_in_process(table)] * 2


def test_a_table_may_be_used_from_many_threads_at_once() -> None:
    table = AliasTable(WEIGHTS)
    expected = table.draw(200_000, seed=8)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: table.draw(200_000, seed=8), range(16)))
        fingerprints = set(pool.map(lambda _: table.fingerprint, range(8)))
    assert all(torch.equal(one, expected) for one in found)
    assert fingerprints == {AliasTable(WEIGHTS).fingerprint}


def test_a_table_on_the_cpu_is_there_already() -> None:
    table = AliasTable(WEIGHTS)
    assert table.to("cpu") is table
    assert table.to(torch.device("cpu")) is table
    assert table.device == torch.device("cpu")


def test_log_probabilities_are_logarithms_of_the_probabilities() -> None:
    table = AliasTable([1.0, 0.0, 3.0])
    indices = torch.tensor([[2, 0], [1, 2]], dtype=torch.int32)
    found = table.log_prob(indices)
    assert found.dtype == torch.get_default_dtype()
    assert found.tolist() == table.probabilities().log().float()[indices.long()].tolist()
    assert found[1, 0] == float("-inf")
    assert table.log_prob(torch.zeros(0, dtype=torch.int64)).shape == (0,)


@pytest.mark.parametrize(
    "indices", [[0], torch.tensor([0.0]), torch.tensor([True]), torch.tensor([0], dtype=torch.int8)]
)
def test_log_probabilities_of_what_is_no_index_are_an_error(indices: Any) -> None:
    with pytest.raises(TypeError, match="indices must be an int64 or int32 tensor, but got"):
        AliasTable([1.0]).log_prob(indices)


@pytest.mark.parametrize("index", [3, -1, -4, 2**40])
def test_log_probabilities_of_items_that_are_not_there_are_an_error(index: int) -> None:
    with pytest.raises(IndexError):
        AliasTable([1.0, 0.0, 3.0]).log_prob(torch.tensor([index]))


@pytest.mark.parametrize(
    ("buffer", "accepted"),
    [
        (np.array([2**32 - 1], dtype=np.uint64), True),
        (np.zeros(0, dtype=np.uint64), False),
        (np.array([1 << 32], dtype=np.uint64), False),  # alias 1 in a table of one item
        (np.zeros(12, dtype=np.uint8), False),
        (np.zeros((2, 2), dtype=np.uint64), False),
        (np.zeros(8, dtype=np.uint64)[::2], False),
        (np.zeros(8, dtype=np.uint64)[::-1], False),
    ],
)
def test_foreign_entries_are_checked_before_they_are_used(buffer: Any, accepted: bool) -> None:
    if accepted:
        assert len(pysampler._core.Table.over(buffer, True, 1)) == 1
    else:
        with pytest.raises(ValueError, match="table"):
            pysampler._core.Table.over(buffer, True, 1)


@pytest.mark.parametrize("offset", range(8))
def test_entries_at_any_address_are_read_alike(offset: int) -> None:
    table = AliasTable(WEIGHTS)
    memory = np.zeros(table.nbytes + 16, dtype=np.uint8)
    begin = -memory.ctypes.data % 8 + offset
    memory[begin : begin + table.nbytes] = np.frombuffer(memoryview(table._core).cast("B"), dtype=np.uint8)
    core = pysampler._core.Table.over(memory[begin : begin + table.nbytes], True, 1)
    assert core.address % 8 == 0
    assert (core.address == memory.ctypes.data + begin) == (offset == 0)  # copied only where it must be
    memory[:begin] = 255
    found = AliasTable._around(core, None, None)
    assert found.fingerprint == table.fingerprint
    assert torch.equal(found.draw(500, seed=1), table.draw(500, seed=1))


def test_a_failed_construction_leaves_nothing_usable_behind() -> None:
    table = AliasTable.__new__(AliasTable)
    with pytest.raises(ValueError, match="empty"):
        table.__init__([])  # type: ignore[misc]
    with pytest.raises(AttributeError):
        table.draw(1, seed=0)
    table = AliasTable([1.0])
    with pytest.raises(ValueError, match="empty"):
        table.__init__([])  # type: ignore[misc]
    assert table.draw(1, seed=0).tolist() == [0]
