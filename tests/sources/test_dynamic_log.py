"""Logs of dynamic tables: what samplers have shown is drawn again exactly, whatever the weights were then."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from pysampler import (
    DistributedWeightedBatchSampler,
    DynamicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    positions_of,
)

ITEMS = 60


def train(
    sampler: Any, tables: list[DynamicTable], generator: np.random.Generator, every: int, stop: int | None = None
) -> list[int]:
    """Takes indices of one pass, updating the tables after each ``every``; the first ``stop`` of them."""
    shown = []
    for index in sampler:
        shown.append(index)
        if len(shown) % every == 0:
            places, values = generator.integers(0, ITEMS, 5), generator.random(5) * generator.integers(0, 2, 5)
            for table in tables:
                table.update(places, values)
        if len(shown) == stop:
            break
    return shown


def assert_redrawn(shown: list[list[int]], sampler: Any) -> None:
    """The audit tells just what was shown, epoch by epoch."""
    audit = audit_coverage(sampler, counts=True)
    counts = Counter(index for epoch in shown for index in epoch)
    assert audit.counts.tolist() == [counts[item] for item in range(ITEMS)]
    found = positions_of(torch.arange(ITEMS), sampler)
    assert isinstance(found, dict)
    for item, places in found.items():
        expected = [
            [epoch, place] for epoch, indices in enumerate(shown) for place, it in enumerate(indices) if it == item
        ]
        assert places.tolist() == expected


@given(every=st.integers(1, 40), draws=st.integers(50, 400), seed=st.integers(0, 10))
@settings(max_examples=25, deadline=None)
def test_what_was_shown_between_updates_is_redrawn_exactly(every: int, draws: int, seed: int) -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, draws, seed=seed)
    generator = np.random.default_rng(seed)
    shown = [train(sampler, [table], generator, every) for _ in range(3)]
    assert_redrawn(shown, sampler)
    shown.append(train(sampler, [table], generator, every, stop=draws // 2))
    assert_redrawn(shown, sampler)


def test_a_redrawing_with_the_weights_of_the_end_would_be_seen() -> None:
    """Whether the test above can fail."""
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 200, seed=1)
    shown = train(sampler, [table], np.random.default_rng(1), 10)
    assert table.draw(200, seed=1).tolist() != shown


def test_batches_appended_items_and_rescaled_tables_are_redrawn_exactly() -> None:
    table = DynamicTable(np.ones(20), log=True)
    sampler = WeightedBatchSampler(WeightedRandomSampler(table, 500, seed=4), 25)
    shown, scales = [], set()
    for number, batch in enumerate(sampler):
        shown += batch
        if table.num_items < ITEMS:
            table.append(np.full(4, 2.0))
        table.update([number], [2.0 ** (9 * number)])
        scales.add(table.scale)
    assert len(scales) > 3
    assert table.num_items == ITEMS
    assert_redrawn([shown], sampler)


@pytest.mark.parametrize("world", [2, 3])
def test_every_rank_redraws_what_all_ranks_have_shown(world: int) -> None:
    tables = [DynamicTable(torch.ones(ITEMS), log=True) for _ in range(world)]
    samplers = [
        DistributedWeightedBatchSampler(table, 40 * world, num_replicas=world, rank=rank, batch_size=8)
        for rank, table in enumerate(tables)
    ]
    generator = np.random.default_rng(0)
    shown: list[int] = []
    for batches in zip(*samplers, strict=True):
        shown += torch.tensor(batches).T.flatten().tolist()
        places = generator.integers(0, ITEMS, 6)
        for table in tables:
            table.update(places, generator.bit_generator.random_raw() * 0 + places * 0.5)
    for sampler in samplers:
        assert_redrawn([shown], sampler)


def copied_by_state(table: DynamicTable) -> DynamicTable:
    other = DynamicTable(torch.ones(3), log=True)
    other.load_state_dict(table.state_dict())
    return other


def pickled(table: DynamicTable) -> DynamicTable:
    made: DynamicTable = pickle.loads(pickle.dumps(table))
    return made


def saved_by_torch(table: DynamicTable) -> DynamicTable:
    import io  # noqa: PLC0415

    file = io.BytesIO()
    torch.save(table.state_dict(), file)
    other = DynamicTable(torch.ones(3), log=True)
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    return other


@pytest.mark.parametrize("way", [copied_by_state, pickled, copy.deepcopy, saved_by_torch])
def test_a_resumed_run_redraws_what_was_shown_before_and_after(way: Callable[[DynamicTable], DynamicTable]) -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 100, seed=2)
    generator = np.random.default_rng(3)
    first = train(sampler, [table], generator, 7)
    half = train(sampler, [table], generator, 7, stop=33)
    state, other = sampler.state_dict(), way(table)
    train(sampler, [table], np.random.default_rng(9), 5)  # what the old run goes on to do is none of the new one's
    resumed = WeightedRandomSampler(other, 100, seed=2)
    resumed.load_state_dict(state)
    half += train(resumed, [other], generator, 3)
    assert_redrawn([first, half], resumed)
    assert_redrawn([first, half, train(resumed, [other], generator, 3)], resumed)


def test_what_was_prefetched_and_drawn_again_is_told_as_it_was_shown_last() -> None:
    """A run that goes back to an earlier state draws the rest of the epoch anew, with other weights."""
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 100, seed=2)
    generator = np.random.default_rng(3)
    shown = train(sampler, [table], generator, 10, stop=40)
    state = sampler.state_dict()
    fingerprint = table.fingerprint
    before = table.weights.tensor()
    train(sampler, [table], generator, 10)
    table.update(torch.arange(ITEMS), before)
    assert table.fingerprint == fingerprint
    sampler.load_state_dict(state)
    shown += train(sampler, [table], generator, 15)
    assert_redrawn([shown], sampler)


def test_batches_that_are_tensors_are_redrawn_exactly() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedBatchSampler(WeightedRandomSampler(table, 130, seed=5), 8)
    shown, generator = [], np.random.default_rng(1)
    for batch in sampler.batches_on("cpu"):
        expected = DynamicTable(table.weights.tensor())
        if expected.scale == table.scale:
            assert torch.equal(batch, expected.draw(len(batch), seed=5, start=len(shown)))
        shown += batch.tolist()
        table.update(batch, generator.random(len(batch)))
    assert_redrawn([shown], sampler)


def test_workers_that_prefetch_change_nothing_in_what_is_redrawn() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 120, seed=5)
    loader: DataLoader[Any] = DataLoader(range(ITEMS), batch_size=6, sampler=sampler, num_workers=2)  # type: ignore[arg-type]
    shown, generator = [], np.random.default_rng(1)
    for batch in loader:
        shown += batch.tolist()
        table.update(batch, generator.random(len(batch)))
    assert_redrawn([shown], sampler)


def test_a_bounded_log_keeps_what_it_can_and_says_what_it_dropped() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=200)
    sampler = WeightedRandomSampler(table, 50, seed=2)
    generator = np.random.default_rng(3)
    shown = [train(sampler, [table], generator, 5) for _ in range(8)]  # 50 weights each
    assert table._log is not None
    assert table._log.updates.weights <= 200
    assert len(table._log.updates) <= 40
    assert table.log_nbytes < 8000
    with pytest.raises(ValueError, match=r"epoch 0 cannot be drawn again: .*drop"):
        audit_coverage(sampler)
    last = table.redrawn(2, 7, 50)
    found = np.empty(50, np.int64)
    last.draw_into(found.ctypes.data, 50, 0, 1, 1)
    assert found.tolist() == shown[7]
    again = copied_by_state(table)
    again.redrawn(2, 7, 50).draw_into(found.ctypes.data, 50, 0, 1, 1)
    assert found.tolist() == shown[7]


def test_epochs_that_the_log_has_not_seen_are_refused() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 50, seed=2)
    sampler.set_epoch(3)
    list(sampler)
    with pytest.raises(ValueError, match="epoch 0 cannot be drawn again: it was not drawn"):
        audit_coverage(sampler)
    plain = DynamicTable(torch.ones(ITEMS))
    begun = WeightedRandomSampler(plain, 50, seed=2)
    iterator = iter(begun)
    for _ in range(20):
        next(iterator)
    table = DynamicTable(torch.ones(2), log=True)
    table.load_state_dict(plain.state_dict())
    resumed = WeightedRandomSampler(table, 50, seed=2)
    resumed.load_state_dict(begun.state_dict())
    list(resumed)
    with pytest.raises(ValueError, match="drawn from position 20 on only"):
        audit_coverage(resumed)


@pytest.mark.parametrize("bad", [0, -1, 2.5, "yes"])
def test_a_log_of_no_size_is_refused(bad: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="log"):
        DynamicTable([1.0], log=bad)


def test_damaged_logs_are_refused_and_change_nothing() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 50, seed=2)
    shown = train(sampler, [table], np.random.default_rng(0), 10)
    table.append([1.0])
    good = table.state_dict()
    log = good["log"]
    damages: list[Any] = [
        {**log, "weights": log["weights"] + 1},
        {**log, "weights": log["weights"].double()},
        {**log, "weights": log["weights"][:-1]},
        {**log, "indices": log["indices"] + 1},
        {**log, "indices": log["indices"] - 10**9},
        {**log, "indices": log["indices"].tolist()},
        {**log, "sizes": log["sizes"][:-1]},
        {**log, "sizes": -log["sizes"]},
        {**log, "sizes": log["sizes"] + 2**62},
        {**log, "sizes": None},
        {**log, "appended": ~log["appended"]},
        {**log, "base": {**log["base"], "fingerprint": "0" * 32}},
        {**log, "base": None},
        {**log, "first": -1},
        {**log, "limit": 0},
        {**log, "passes": [[2, 0, [[0, 99]]]]},
        {**log, "passes": [[2, 0, [[5, 1], [5, 2]]]]},
        {**log, "passes": [[2, 0, [[0, -1]]]]},
        {**log, "passes": [[2, 0]]},
        {**log, "more": 1},
        {key: value for key, value in log.items() if key != "first"},
        [],
    ]
    for damage in damages:
        with pytest.raises(ValueError, match="log in the state is damaged"):
            table.load_state_dict({**good, "log": damage})
        with pytest.raises(ValueError, match="log in the state is damaged"):
            DynamicTable(torch.ones(2), log=True).load_state_dict({**good, "log": damage})
    assert table.fingerprint == good["fingerprint"]
    table.load_state_dict(good)
    found = np.empty(50, np.int64)
    table.redrawn(2, 0, 50).draw_into(found.ctypes.data, 50, 0, 1, 1)
    assert found.tolist() == shown


def test_gradients_and_later_edits_of_what_was_passed_do_not_reach_the_log() -> None:
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = WeightedRandomSampler(table, 60, seed=2)
    places, values = torch.arange(ITEMS), torch.rand(ITEMS, requires_grad=True)
    iterator = iter(sampler)
    shown = [next(iterator) for _ in range(30)]
    table.update(places, values)
    shown += list(iterator)
    places.fill_(0)
    with torch.no_grad():
        values.fill_(0)
    assert_redrawn([shown], sampler)
