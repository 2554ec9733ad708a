"""ClassTable: the distribution of the flat table, by class; what its draws are; and that it travels."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from chi_square import ALPHA, check, p_value
from families import hashed_integers
from hypothesis import given
from hypothesis import strategies as st

from pysampler import (
    AliasTable,
    ClassTable,
    WeightedRandomSampler,
    _core,
    class_weights,
    read_labels,
    sample_weights,
)

PICK_TAG, PADDING_TAG, PADDING_PICK_TAG = 1, 7, 8

CATS = ["Siamese"] * 160 + ["Birman"] * 10
# Frozen: labels 0 to 4 by hashed integers, weights 1 to 5, seed 2024, epoch 3.
FROZEN_LABELS = (hashed_integers(50, 5)).astype(np.int64)
FROZEN_DRAWS = [29, 1, 20, 4, 20, 30, 49, 24, 25, 27, 4, 44, 33, 30, 1, 38, 28, 27, 4, 1]
FROZEN_SORTED_DRAWS = [13, 40, 44, 20, 44, 27, 49, 25, 45, 36, 20, 30, 4, 27, 40, 7, 26, 36, 20, 40]
FROZEN_FINGERPRINTS = ("f61e1faa5ee12dae9e748c4c1cf69dce", "f92d80fdededc61877cae368db287f1b")


def grouped(labels: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The items in the order of classes, where each class begins, and how many it has."""
    read = read_labels(labels)
    order = np.argsort(read.codes, kind="stable")
    return order, np.cumsum(read.counts) - read.counts, read.counts


def expected_draws(table: ClassTable, labels: Any, seed: int, epoch: int, positions: Any) -> Any:
    """A class by its own word, then floor(word * count / 2^64) of its items, computed with Python's integers."""
    order, begins, counts = grouped(labels)
    entries = np.frombuffer(memoryview(table._core.classes), dtype=np.uint64)
    where = np.asarray(positions, dtype=np.uint64)
    classes = oracle.resolve(entries, oracle.word(seed, epoch, where))
    words = oracle.word(seed, epoch, where, PICK_TAG)
    picks = [int(word) * int(counts[c]) >> 64 for word, c in zip(words, classes, strict=True)]
    return order[begins[classes] + np.array(picks)]


def test_the_probabilities_are_those_of_the_flat_table() -> None:
    for scheme in ("inverse", "sqrt"):
        weights = class_weights(CATS, scheme, dtype=torch.float64)  # type: ignore[arg-type]
        found = ClassTable(CATS, weights).probabilities()
        assert found.dtype == torch.float64
        expected = AliasTable(sample_weights(CATS, scheme)).probabilities()  # type: ignore[arg-type]
        assert torch.allclose(found, expected, rtol=1e-8, atol=0)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.lists(st.floats(0, 100), min_size=7, max_size=7))
def test_class_masses_are_weight_times_count(labels: list[int], weights: list[float]) -> None:
    read = read_labels(labels, classes=range(7))
    ideal = np.array(weights) * read.counts
    if not ideal.any():
        with pytest.raises(ValueError, match="nothing to draw"):
            ClassTable(read, weights)
        return
    table = ClassTable(read, weights)
    found = table.class_probabilities().numpy()
    assert np.array_equal(found > 0, ideal > 0)
    assert np.allclose(found, ideal / ideal.sum(), rtol=2.0**-30, atol=4 / (7 * 2.0**32))
    of_items = table.probabilities().numpy()
    assert np.allclose(np.bincount(read.codes, of_items, minlength=7), found, rtol=1e-12)
    assert all(len(set(of_items[read.codes == c].tolist())) <= 1 for c in range(7))


@pytest.mark.parametrize("family", ["random", "sorted", "reversed", "one class", "every item its own"])
@pytest.mark.parametrize(("start", "step", "epoch"), [(0, 1, 0), (13, 1, 2**48 - 1), (2**40 + 5, 3, 7)])
def test_draws_are_a_class_and_a_pick_by_their_own_words(family: str, start: int, step: int, epoch: int) -> None:
    labels = {
        "random": hashed_integers(3001, 11).astype(np.int64),
        "sorted": np.sort(hashed_integers(3001, 11).astype(np.int64)),
        "reversed": np.sort(hashed_integers(3001, 11).astype(np.int64))[::-1],
        "one class": np.zeros(3001, np.int64),
        "every item its own": np.arange(3001)[::-1],
    }[family]
    table = ClassTable(labels, hashed_integers(int(labels.max()) + 1) + 1)
    assert table.contiguous == (family != "random")
    drawn = table.draw(1000, seed=-5, epoch=epoch, start=start, step=step)
    assert drawn.dtype == torch.int64
    positions = [start + i * step for i in range(1000)]
    assert drawn.tolist() == expected_draws(table, labels, -5, epoch, positions).tolist()


def test_the_stream_is_frozen() -> None:
    weights = [1.0, 2.0, 3.0, 4.0, 5.0]
    table, ordered = ClassTable(FROZEN_LABELS, weights), ClassTable(np.sort(FROZEN_LABELS), weights)
    assert table.draw(20, seed=2024, epoch=3).tolist() == FROZEN_DRAWS
    assert ordered.draw(20, seed=2024, epoch=3).tolist() == FROZEN_SORTED_DRAWS
    assert (table.fingerprint, ordered.fingerprint) == FROZEN_FINGERPRINTS


def test_any_threads_and_stretches_give_the_same(threads: int) -> None:
    labels = hashed_integers(200_000, 100).astype(np.int64)
    table = ClassTable(labels, hashed_integers(100) + 1)
    torch.set_num_threads(1)
    alone = ClassTable(labels, hashed_integers(100) + 1)
    whole = alone.draw(500_000, seed=1)
    torch.set_num_threads(threads)
    assert table.fingerprint == alone.fingerprint
    assert torch.equal(table.draw(500_000, seed=1), whole)
    parts = [table.draw(n, seed=1, start=start) for start, n in ((0, 7), (7, 99_993), (100_000, 400_000))]
    assert torch.equal(torch.cat(parts), whole)
    ranks = [table.draw(125_000, seed=1, start=rank, step=4) for rank in range(4)]
    assert torch.equal(torch.stack(ranks, dim=1).flatten(), whole)
    out = torch.empty(500_000, dtype=torch.int64)
    assert table.draw(500_000, seed=1, out=out) is out
    assert torch.equal(out, whole)


def test_draws_follow_the_weights_of_items() -> None:
    labels = np.repeat(np.arange(5), [1, 2, 30, 400, 67])[np.random.default_rng(0).permutation(500)]
    weights = np.array([3.0, 0.0, 1.0, 0.25, 0.5])
    for own in (labels, np.sort(labels)):
        drawn = ClassTable(own, weights).draw(500_000, seed=1).numpy()
        check(drawn, weights[own] / weights[own].sum())


def test_classes_and_picks_are_independent() -> None:
    """Of the same draw and of neighbours; and a wrong weight would be seen (power)."""
    labels = np.tile(np.arange(4), 3)  # item = class + 4 * pick
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    drawn = ClassTable(labels, weights).draw(400_000, seed=2).numpy()
    joint = np.outer(np.ones(3) / 3, weights / weights.sum()).ravel()
    check(drawn, joint)
    check(drawn[0::2] * 12 + drawn[1::2], np.outer(joint, joint).ravel())
    counts = np.bincount(drawn, minlength=12).astype(float)
    assert p_value(counts, joint * np.array([1] * 11 + [1.06])) < ALPHA


def test_padding_and_draws_share_no_words() -> None:
    labels = hashed_integers(300, 7).astype(np.int64)
    table = ClassTable(labels, np.ones(7))
    out = torch.empty(50, dtype=torch.int64)
    table.epoch(9, 4, 100).draw_into(out.data_ptr(), 50, 20, 3)
    assert torch.equal(out, table.draw(50, seed=9, epoch=4, start=20, step=3))
    order, begins, counts = grouped(labels)
    where = np.arange(1000, 1050, dtype=np.uint64)
    entries = np.frombuffer(memoryview(table._core.classes), dtype=np.uint64)
    classes = oracle.resolve(entries, oracle.word(9, 4, where, PADDING_TAG))
    picks = [
        int(word) * int(counts[c]) >> 64
        for word, c in zip(oracle.word(9, 4, where, PADDING_PICK_TAG), classes, strict=True)
    ]
    sampler = WeightedRandomSampler(table, 1000, seed=9)
    source = sampler.source.epoch(9, 4, 1000)
    positions = _core.PositionSource(source, 1000, 1, 50, 1000)  # beyond the epoch's end
    iterator = _core.IndexIterator(lambda: positions)
    assert list(iterator) == order[begins[classes] + np.array(picks)].tolist()


def test_new_class_weights_share_the_members() -> None:
    labels = hashed_integers(5000, 7).astype(np.int64)
    table = ClassTable(labels, np.ones(7))
    other = table.with_class_weights(class_weights(labels, "progressive", progress=0.5))
    assert other._members is table._members
    fresh = ClassTable(labels, class_weights(labels, "progressive", progress=0.5))
    assert other.fingerprint == fresh.fingerprint != table.fingerprint
    assert torch.equal(other.draw(1000, seed=3), fresh.draw(1000, seed=3))
    assert table.class_probabilities().tolist() == pytest.approx((read_labels(labels).counts / 5000).tolist(), abs=1e-8)


def test_targets_are_the_shares_of_classes() -> None:
    table = ClassTable.from_targets(CATS, {"Siamese": 0.1, "Birman": 0.9})
    assert table.classes == ("Birman", "Siamese")
    assert table.class_probabilities().tolist() == pytest.approx([0.9, 0.1], abs=1e-9)
    assert table.class_counts.tolist() == [10, 160]
    with pytest.raises(ValueError, match="sum to one"):
        ClassTable.from_targets(CATS, [0.5, 0.6])


def test_items_with_several_labels_are_drawn_with_the_sum_of_their_weights() -> None:
    labels = [{0, 1}, {1}, {2}, set(), {0, 2}]
    weights = [1.0, 2.0, 4.0]
    table = ClassTable(labels, weights)
    expected = np.array([3.0, 2.0, 4.0, 0.0, 5.0])
    assert table.probabilities().tolist() == pytest.approx((expected / expected.sum()).tolist(), abs=1e-9)
    check(table.draw(100_000, seed=0).numpy(), expected / expected.sum())


def test_empty_and_weightless_classes_are_never_drawn() -> None:
    labels = read_labels([0, 2, 2, 4], classes=range(6))
    table = ClassTable(labels, [1, 1e300, 0, 5, 1, 7])
    assert table.class_probabilities().tolist() == pytest.approx([0.5, 0, 0, 0, 0.5, 0], abs=1e-9)
    assert set(table.draw(1000, seed=0).tolist()) == {0, 3}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_weights_keep_their_classes(dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    table = ClassTable([0, 0, 0, 1, 1, 2], torch.tensor([info.max, info.max, info.smallest_normal], dtype=dtype))
    found = table.class_probabilities().tolist()
    assert found[:2] == pytest.approx([0.6, 0.4], rel=1e-7)
    assert found[2] > 0
    torch.set_flush_denormal(True)
    denormal = ClassTable([0, 0, 0, 1], torch.tensor([info.smallest_normal, info.smallest_normal], dtype=dtype))
    assert denormal.class_probabilities().tolist() == pytest.approx([0.75, 0.25], rel=1e-7)


def test_a_table_tells_about_itself() -> None:
    table, shuffled = ClassTable(CATS, [1, 1]), ClassTable(CATS[::-1] + CATS, [1, 1])
    assert (len(table), table.contiguous, table.nbytes) == (170, True, 32)
    assert (len(shuffled), shuffled.contiguous, shuffled.nbytes) == (340, False, 32 + 4 * 340)
    assert "170 items" in repr(table)
    assert "2 classes" in repr(table)
    assert table.to("cpu") is table
    with pytest.raises(RuntimeError, match="CPU only"):
        table.to("cuda")


def test_fingerprints_tell_tables_apart() -> None:
    tables: list[AliasTable | ClassTable] = [
        ClassTable([0, 0, 1], [1, 1]),
        ClassTable([0, 1, 1], [1, 1]),
        ClassTable([0, 1, 0], [1, 1]),
        ClassTable([0, 0, 1], [1, 2]),
        ClassTable([0, 0, 1, 1], [1, 1]),
        ClassTable([1, 1, 0], [1, 1]),
        AliasTable([1, 1]),
        AliasTable([1, 1, 1]),
    ]
    assert len({table.fingerprint for table in tables}) == len(tables)
    assert all(len(table.fingerprint) == 32 for table in tables)
    named = ClassTable(["a", "a", "b"], [1, 1])
    assert named.fingerprint == tables[0].fingerprint  # names do not count


@pytest.mark.parametrize("labels", [CATS, CATS[::-1] + CATS, [{0, 1}, {1}, set()]])
def test_tables_travel(labels: Any) -> None:
    table = ClassTable(labels, [3.0, 1.0])
    again = pickle.loads(pickle.dumps(table))
    assert again.fingerprint == table.fingerprint
    assert again.classes == table.classes
    assert torch.equal(again.draw(100, seed=1), table.draw(100, seed=1))
    assert torch.equal(again.probabilities(), table.probabilities())
    assert copy.copy(table) is table is copy.deepcopy(table)
    assert again.with_class_weights([1.0, 2.0]).fingerprint == table.with_class_weights([1.0, 2.0]).fingerprint


def test_samplers_draw_from_a_class_table_and_take_new_weights_between_epochs() -> None:
    table = ClassTable(CATS, [1 / 10, 1 / 160])
    sampler = WeightedRandomSampler(table, 200, seed=4)
    assert sampler.table is table
    assert list(sampler) == table.draw(200, seed=4).tolist()
    assert torch.equal(sampler.weights, table.probabilities())
    state = sampler.state_dict()
    sampler.weights = table.with_class_weights([1.0, 0.0])
    assert list(sampler) == sampler.table.draw(200, seed=4, epoch=1).tolist()
    assert min(list(sampler)) >= 160  # Birman only
    with pytest.raises(ValueError, match="fingerprint"):
        sampler.load_state_dict(state)
    sampler.weights = table
    sampler.load_state_dict(state)
    assert list(sampler) == table.draw(200, seed=4, epoch=1).tolist()
    copied = pickle.loads(pickle.dumps(sampler))
    assert copied.table.fingerprint == table.fingerprint


def test_draws_without_replacement_take_the_probabilities() -> None:
    table = ClassTable([0, 0, 0, 1, 2], [1.0, 5.0, 0.0])
    sampler = WeightedRandomSampler(table, 4, False, seed=1)
    assert sorted(sampler) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="there are 4"):
        WeightedRandomSampler(table, 5, False, seed=1)
