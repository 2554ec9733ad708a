"""Dynamic tables: exact against an oracle in Python's integers after any updates, and what bad input does."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from chi_square import ALPHA, check, p_value
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pysampler import DistributedWeightedBatchSampler, DynamicTable, WeightedRandomSampler, audit_coverage
from pysampler.sources.dynamic_table import from_parts
from pysampler.sources.dynamic_table_file import DynamicTableParts

WEIGHT = st.one_of(
    st.just(0.0), st.floats(0, 10), st.floats(0, 1e300), st.floats(0, 1e-300), st.floats(0, allow_infinity=False)
)


def mass(weight: float, scale: int) -> int:
    """round-half-even(weight * 2^scale), at least 1 if the weight is positive."""
    if weight == 0:
        return 0
    return max(1, round(Fraction(weight) * Fraction(2) ** scale))


def fresh_scale(weights: list[float]) -> int:
    """The largest scale whose total is below 2^61."""
    scale = 61 - math.frexp(max(weights))[1]
    while sum(mass(weight, scale) for weight in weights) >= 2**61:
        scale -= 1
    return scale


def draws(weights: list[float], scale: int, seed: int, positions: range, strata: int = 0) -> list[int]:
    ends = np.cumsum(np.array([mass(weight, scale) for weight in weights], dtype=object))
    total = ends[-1]
    found = []
    for position in positions:
        word = int(oracle.word(seed, 0, position))
        stratum = position % strata if strata else 0
        begin, end = (total * stratum // strata, total * (stratum + 1) // strata) if strata else (0, total)
        unit = begin + (word * (end - begin) >> 64)
        found.append(next(i for i, after in enumerate(ends) if unit < after))
    return found


class Machine(RuleBasedStateMachine):
    """A table beside a plain list of weights and the rule of the scale in Python's integers."""

    @initialize(weights=st.lists(WEIGHT, max_size=40))
    def begin(self, weights: list[float]) -> None:
        self.table = DynamicTable(np.array(weights, dtype=np.float64))
        self.weights = weights
        self.scale = fresh_scale(weights) if any(weights) else 0

    def follow(self) -> None:
        total = sum(mass(weight, self.scale) for weight in self.weights)
        if total != 0 and not 2**52 <= total < 2**63:
            self.scale = fresh_scale(self.weights)

    @rule(data=st.data(), values=st.lists(WEIGHT, min_size=1, max_size=20))
    def update(self, data: Any, values: list[float]) -> None:
        if not self.weights:
            return
        places = [data.draw(st.integers(0, len(self.weights) - 1)) for _ in values]
        self.table.update(places, values)
        for place, value in zip(places, values, strict=True):
            self.weights[place] = value
        self.follow()

    @rule(values=st.lists(WEIGHT, min_size=1, max_size=30))
    def append(self, values: list[float]) -> None:
        self.table.append(values)
        self.weights = [*self.weights, *values]
        self.follow()

    @rule()
    def refuse(self) -> None:
        before = self.table.fingerprint, self.table.version
        with pytest.raises(ValueError, match="indices"):
            self.table.update([len(self.weights)], [1.0])
        with pytest.raises(ValueError, match="weights"):
            self.table.append([math.nan])
        assert (self.table.fingerprint, self.table.version) == before

    @rule()
    def copy(self) -> None:
        self.table = pickle.loads(pickle.dumps(self.table))

    @rule(seed=st.integers(0, 2**64 - 1), strata=st.integers(0, 9))
    def draw(self, seed: int, strata: int) -> None:
        if not any(self.weights):
            with pytest.raises(ValueError, match="no weight is positive"):
                self.table.draw(1, seed=seed)
            return
        found = self.table.draw(20, seed=seed, start=3, stratified=strata or False)
        assert found.tolist() == draws(self.weights, self.scale, seed, range(3, 23), strata)

    @invariant()
    def equal(self) -> None:
        table = self.table
        assert table.weights.tensor().tolist() == self.weights
        assert (len(table), table.scale) == (len(self.weights), self.scale)
        masses = [mass(weight, self.scale) for weight in self.weights]
        assert table._core.summary()[2] == sum(masses)
        found = np.empty(len(masses), dtype=np.uint64)
        table._core.masses_into(found.ctypes.data, len(found))
        assert found.tolist() == masses
        positive = [weight for weight in self.weights if weight > 0]
        assert table.positive == len(positive)
        assert (table.max, table.min) == (max(positive, default=0), min(positive, default=math.inf))


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def churned(items: int, rounds: int, dtype: Any = np.float32) -> tuple[DynamicTable, np.ndarray[Any, Any]]:
    generator = np.random.default_rng(1)
    weights = generator.random(items).astype(dtype)
    table = DynamicTable(weights)
    for _ in range(rounds):
        indices = generator.integers(0, items, 4096)
        values = (generator.random(4096) * (generator.random(4096) > 0.2) * generator.choice([1, 100])).astype(dtype)
        table.update(indices, values)
        weights[indices] = values  # of several for one place NumPy keeps the last, too
    return table, weights


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("items", [100, 3000])
def test_draws_follow_the_weights_after_a_million_updates(items: int, dtype: Any) -> None:
    table, weights = churned(items, 300, dtype)
    assert np.array_equal(table.weights.tensor().numpy(), weights)
    exact = np.array([mass(float(weight), table.scale) for weight in weights], dtype=object)
    probabilities = (exact / exact.sum()).astype(np.float64)
    check(table.draw(1_000_000, seed=1).numpy(), probabilities)
    assert np.allclose(table.probabilities(), probabilities, rtol=1e-15)
    biased = probabilities.copy()
    biased[: items // 2] *= 1.1
    counts = np.bincount(table.draw(1_000_000, seed=1), minlength=items)
    assert p_value(counts, biased / biased.sum()) < ALPHA


def test_a_million_updates_leave_what_a_new_table_is() -> None:
    table, weights = churned(50_000, 250)
    fresh = DynamicTable(weights)
    if fresh.scale != table.scale:
        fresh = from_parts(DynamicTableParts(torch.from_numpy(weights), table.scale, 50_000, table.fingerprint))
    assert fresh.fingerprint == table.fingerprint
    assert fresh.total == table.total
    assert torch.equal(fresh.draw(10_000, seed=5), table.draw(10_000, seed=5))


def test_stratified_draws_follow_the_weights() -> None:
    table, _ = churned(200, 3)
    drawn = torch.cat([table.draw(50, seed=2, start=50 * i, stratified=True) for i in range(10_000)])
    counts = np.bincount(drawn, minlength=200)
    expected = 500_000 * table.probabilities().numpy()
    # Strata spread the draws: counts stray less than independent ones, so only their means are tested.
    assert np.all(np.abs(counts - expected) < 6 * np.sqrt(expected + 1))
    assert counts[expected == 0].sum() == 0


@pytest.mark.parametrize("heavy", [1.0, 100.0])
def test_pairs_without_replacement_follow_successive_sampling(heavy: float) -> None:
    """With the heavy item most draws are made by taking weights out, without it none of the first ones."""
    weights = np.array([heavy, 1, 2, 0, 3])
    table = DynamicTable(weights)
    pairs = np.array([table.draw(2, seed=3, epoch=e, without_replacement=True).tolist() for e in range(40_000)])
    p = weights / weights.sum()
    law = np.outer(p, p) / (1 - p)[:, None]
    np.fill_diagonal(law, 0)
    check(pairs[:, 0] * 5 + pairs[:, 1], law.ravel())
    with pytest.raises(ValueError, match="there are 4"):
        table.draw(5, seed=0, without_replacement=True)


def test_a_table_without_positive_weights_draws_once_it_has_some() -> None:
    table = DynamicTable([], capacity=10)
    for _ in range(2):
        with pytest.raises(ValueError, match="no weight is positive"):
            table.draw(1, seed=0)
        table.append([0.0])
    table.update([1], 7)
    assert table.draw(5, seed=0).tolist() == [1] * 5
    assert (table.max, table.min, table.total, table.capacity) == (7, 7, 7, 16)
    table.update([1], 0)
    assert (table.max, table.min, table.total) == (0, math.inf, 0)
    with pytest.raises(ValueError, match="no weight is positive"):
        table.draw(1, seed=0)


def test_importance_weights_are_those_of_prioritised_replay() -> None:
    table = DynamicTable([1.0, 2.0, 4.0, 0.0, 0.5])
    p = np.array([2.0, 4.0]) / 7.5
    found = table.importance_weights(torch.tensor([1, 2]), 0.4)
    raw = (5 * p) ** -0.4
    assert torch.allclose(found, torch.tensor(raw / raw.max(), dtype=torch.float32))
    found = table.importance_weights([[1], [2]], 0.4, normalise="table")
    assert torch.allclose(found[:, 0], torch.tensor(raw / (5 * 0.5 / 7.5) ** -0.4, dtype=torch.float32))
    with pytest.raises(ValueError, match="never drawn"):
        table.importance_weights([3], 1)
    assert table.log_prob([3]).item() == -math.inf
    assert table.log_prob([2]).item() == pytest.approx(math.log(4 / 7.5))


def test_weights_show_themselves_and_become_arrays() -> None:
    table = DynamicTable(torch.tensor([1.0, 2.0]))
    assert repr(table.weights).startswith("DynamicWeights(2 items")
    assert np.asarray(table.weights).dtype == np.float32
    assert np.asarray(table.weights, dtype=np.float64).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_comes_back_from_pickles_files_and_states(tmp_path: Path, dtype: Any) -> None:
    table, _ = churned(500, 20, dtype)
    table.save(tmp_path / "table")
    other = DynamicTable(np.ones(3, dtype))
    other.load_state_dict(table.state_dict())
    for back in (pickle.loads(pickle.dumps(table)), DynamicTable.load(tmp_path / "table"), other):
        assert (back.fingerprint, back.scale, back.dtype) == (table.fingerprint, table.scale, table.dtype)
        assert torch.equal(back.draw(100, seed=1), table.draw(100, seed=1))
        back.update([0], [9.0])
        assert table.weights[[0]] != 9


def test_damaged_states_are_refused_and_change_nothing(tmp_path: Path) -> None:
    table = DynamicTable([1.0, 2.0, 3.0])
    good, before = table.state_dict(), table.fingerprint
    weights = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    damages: list[dict[str, Any]] = [
        {"version": 2},
        {"source": "AliasTable"},
        {"scale": good["scale"] - 1},
        {"scale": -5},
        {"scale": 2**40},
        {"weights": weights},
        {"weights": weights.float()},
        {"weights": torch.tensor([1.0, 2.0, math.nan], dtype=torch.float64)},
        {"fingerprint": "0" * 32},
        {"more": 1},
    ]
    for damage in damages:
        with pytest.raises(ValueError):  # noqa: PT011 - each says something else
            table.load_state_dict({**good, **damage})
        assert table.fingerprint == before
    path = tmp_path / "table"
    table.save(path)
    content = path.read_bytes()
    for cut in (content[:-1], content[:40], content + b"0", content[:-3] + b"abc"):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="table"):
            DynamicTable.load(path)


@given(weights=st.lists(st.floats(0, 1e6), min_size=1, max_size=60).filter(any), power=st.integers(-200, 200))
def test_weights_times_a_power_of_two_draw_the_same(weights: list[float], power: int) -> None:
    weights = [weight if weight > 1e-200 else 0.0 for weight in weights]
    if not any(weights):
        return
    scaled = [math.ldexp(weight, power) for weight in weights]
    assert DynamicTable(scaled).draw(50, seed=1).tolist() == DynamicTable(weights).draw(50, seed=1).tolist()


@given(
    weights=st.lists(st.floats(0.5, 100), min_size=2, max_size=50),
    rounds=st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=20), min_size=1, max_size=6),
    data=st.data(),
)
def test_any_order_of_updates_that_ends_in_the_same_weights_ends_in_the_same_table(
    weights: list[float], rounds: list[list[float]], data: Any
) -> None:
    first, second = DynamicTable(weights), DynamicTable(weights)
    places = st.integers(0, len(weights) - 1)
    for values in rounds:
        first.update([data.draw(places) for _ in values], values)
    final = first.weights.tensor()
    changed = data.draw(st.permutations(range(len(weights))))
    cut = data.draw(st.integers(0, len(changed)))
    for part in (changed[:cut], changed[cut:]):
        second.update(part, final[list(part)])
    if first.scale != second.scale:
        return
    assert first.fingerprint == second.fingerprint
    assert first.total == second.total
    if first.positive:
        assert torch.equal(first.draw(100, seed=1), second.draw(100, seed=1))


def test_weights_are_read_by_numbers_arrays_and_slices() -> None:
    table = DynamicTable(torch.arange(10.0))
    assert table.weights[3].item() == 3
    assert table.weights[[[1], [2]]].tolist() == [[1], [2]]
    assert table.weights[2:8:3].tolist() == [2, 5]
    assert table.weights[-2:].tolist() == [8, 9]
    with pytest.raises(IndexError):
        table.weights[-1]


def test_corrections_by_the_table_are_of_masses_even_where_weights_are_far_apart() -> None:
    """A weight too small for its mass is drawn as one unit of it: that is the least probability there is."""
    table = DynamicTable([1.0, 1.0, 1e-300])
    least = 1 / (2**table.scale * 2 + 1)
    found = table.importance_weights([0, 1], 1.0, normalise="table").double()
    assert torch.allclose(found, torch.full((2,), least / 0.5, dtype=torch.float64), rtol=1e-6)
    assert table.importance_weights([2], 1.0, normalise="table").item() == 1


def test_draws_in_pieces_and_by_ranks_are_those_of_one_call() -> None:
    table, _ = churned(1000, 2)
    whole = table.draw(1000, seed=4)
    assert torch.equal(torch.cat([table.draw(400, seed=4), table.draw(600, seed=4, start=400)]), whole)
    for rank in range(3):
        assert torch.equal(table.draw(333, seed=4, start=rank, step=3), whole[rank::3][:333])


def test_flushing_denormals_changes_nothing() -> None:
    weights = torch.full((20,), 1e-310, dtype=torch.float64)
    before = DynamicTable(weights).draw(100, seed=1)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    table = DynamicTable(weights)
    table.update([3], [2e-310])
    table.update([3], [1e-310])
    assert torch.equal(table.draw(100, seed=1), before)


def test_samplers_draw_with_the_weights_of_the_moment() -> None:
    """An update counts from the next index not yet handed out, whatever was read ahead."""
    table = DynamicTable(torch.ones(100))
    iterator = iter(WeightedRandomSampler(table, 1000, seed=1))
    first = [next(iterator) for _ in range(100)]
    assert first == table.draw(100, seed=1).tolist()
    table.update(torch.arange(1, 100), 0.0)
    assert list(iterator) == [0] * 900


def test_batches_draw_with_the_weights_of_the_moment_on_every_rank() -> None:
    tables = [DynamicTable(torch.ones(1000)) for _ in range(2)]
    loaders = [
        iter(DistributedWeightedBatchSampler(table, 320, num_replicas=2, rank=rank, batch_size=16))
        for rank, table in enumerate(tables)
    ]
    plain = DynamicTable(torch.ones(1000))
    seen: set[int] = set()
    for batch in range(10):
        found = torch.tensor([next(loader) for loader in loaders]).T.flatten()
        assert torch.equal(found, plain.draw(32, seed=0, start=32 * batch))
        for table in (*tables, plain):
            table.update(found, 0.0)
        assert seen.isdisjoint(found.tolist())
        seen.update(found.tolist())
    assert plain.positive == 1000 - len(seen)


def test_sampler_states_go_with_the_weights_they_were_saved_with() -> None:
    table = DynamicTable(torch.ones(50))
    sampler = WeightedRandomSampler(table, 100, seed=1)
    iterator = iter(sampler)
    for _ in range(30):
        table.update([next(iterator)], 0.5)
    state, weights = sampler.state_dict(), table.state_dict()
    rest = list(iterator)
    table.update([0], 3.0)
    other = DynamicTable(torch.ones(50))
    resumed = WeightedRandomSampler(other, 100, seed=1)
    with pytest.raises(ValueError, match=r"fingerprint|table|weights"):
        resumed.load_state_dict(state)
    other.load_state_dict(weights)
    resumed.load_state_dict(state)
    assert list(resumed) == rest


def test_audits_are_refused_with_the_reason() -> None:
    sampler = WeightedRandomSampler(DynamicTable(torch.ones(50)), 100, seed=1)
    list(sampler)
    with pytest.raises(ValueError, match="weights change"):
        audit_coverage(sampler, sampler.state_dict())


def test_flushing_denormals_does_not_change_what_is_told_of_an_item() -> None:
    tiny = torch.tensor([1e-40, 1.0])
    plain = DynamicTable(tiny)
    told = [plain.log_prob([0]), plain.importance_weights([0, 1], 1.0)]
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    flushed = DynamicTable(tiny)
    assert torch.equal(flushed.log_prob([0]), told[0])
    assert torch.equal(flushed.importance_weights([0, 1], 1.0), told[1])
