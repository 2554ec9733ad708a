"""Audits find what a loop over the same epochs would have seen, and when."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optional import require
from torch.utils.data import BatchSampler, DataLoader

from pysampler import (
    AliasTable,
    CoverageTracker,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    ImbalancedDatasetSampler,
    ShuffleSampler,
    UnderSampling,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    positions_of,
)
from pysampler.audit import audit as coverage_audit

WEIGHTS = torch.tensor([1.0, 0.0, 3.0, 0.1, 0.5] * 8)
TABLE = AliasTable(WEIGHTS)
ITEMS = len(TABLE)


def sightings(epochs: list[list[int]], item: int) -> list[list[int]]:
    return [[e, p] for e, draws in enumerate(epochs) for p, drawn in enumerate(draws) if drawn == item]


def check_against(shown: list[list[int]], items: int, source: Any, *where: Any, **more: Any) -> None:
    """Audits must find exactly the draws ``shown``, a list for each epoch."""
    counts = Counter(drawn for draws in shown for drawn in draws)
    audit = audit_coverage(source, *where, counts=True, **more)
    assert audit.counts.tolist() == [counts[item] for item in range(items)]
    assert (audit.num_items, audit.unique, audit.draws) == (items, len(counts), counts.total())
    assert audit.fraction == len(counts) / items
    assert audit.unseen_items().tolist() == [item for item in range(items) if item not in counts]
    wanted = [0, items - 1, items // 2, 0]
    found = positions_of(wanted, source, *where, **more)
    assert list(found) == sorted(set(wanted))
    for item in wanted:
        assert found[item].tolist() == sightings(shown, item)
        assert positions_of(item, source, *where, **more).tolist() == found[item].tolist()
        assert found[item].shape[1] == 2


@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    epochs=st.integers(0, 5),
    num_samples=st.sampled_from([1, 2, 39, 40, 200]),
    data=st.data(),
)
def test_a_table_has_shown_what_it_draws(seed: int, epochs: int, num_samples: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, num_samples))
    lengths = [num_samples] * epochs + [position]
    drawn = [TABLE.draw(n, seed=seed, epoch=epoch).tolist() for epoch, n in enumerate(lengths)]
    check_against(drawn, ITEMS, TABLE, seed=seed, epochs=epochs, position=position, num_samples=num_samples)


@pytest.mark.parametrize(("together", "piece"), [(1, 3), (100, 7), (90, 1000), (2**22, 2**26)])
@pytest.mark.parametrize("num_samples", [1, 30, 1000])
def test_however_the_draws_are_cut_into_pieces_the_outcome_is_the_same(
    together: int, piece: int, num_samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_audit, "_LISTED_DRAWS", together)
    monkeypatch.setattr(coverage_audit, "_PIECE_DRAWS", piece)
    for position in (0, num_samples // 2, num_samples):
        lengths = [num_samples] * 5 + [position]
        drawn = [TABLE.draw(n, seed=3, epoch=epoch).tolist() for epoch, n in enumerate(lengths)]
        check_against(drawn, ITEMS, TABLE, seed=3, epochs=5, position=position, num_samples=num_samples)


@pytest.mark.parametrize("items", [1000, 600_001])
def test_any_number_of_threads_finds_the_same(items: int, threads: int) -> None:
    table = AliasTable(torch.arange(items))
    drawn = [table.draw(250_000, seed=1, epoch=epoch) for epoch in range(3)]
    audit = audit_coverage(table, seed=1, epochs=2, position=200_000, num_samples=250_000, counts=True)
    expected = torch.cat([drawn[0], drawn[1], drawn[2][:200_000]]).bincount(minlength=items)
    assert torch.equal(audit.counts.long(), expected)
    found = positions_of(items - 1, table, seed=1, epochs=3, num_samples=250_000)
    assert torch.equal(found, (torch.stack(drawn) == items - 1).nonzero())


SAMPLERS: dict[str, Callable[[], Any]] = {
    "weighted": lambda: WeightedRandomSampler(WEIGHTS, 50, seed=9),
    "table": lambda: WeightedRandomSampler(TABLE, 50, seed=9),
    "without replacement": lambda: WeightedRandomSampler(WEIGHTS, 20, replacement=False, seed=9),
    "shuffle": lambda: ShuffleSampler(ITEMS, seed=9),
    "distributed": lambda: DistributedWeightedSampler(WEIGHTS, 50, 1, 0, seed=9),
}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS.keys())
@pytest.mark.parametrize("stop", [0, 7, 20])
def test_a_samplers_state_is_enough_to_know_what_it_has_shown(make: Callable[[], Any], stop: int) -> None:
    sampler = make()
    shown = [list(sampler), list(sampler)]
    iterator = iter(sampler)
    shown.append([next(iterator) for _ in range(stop)])
    check_against(shown, ITEMS, sampler)
    if stop:
        check_against(shown, ITEMS, make(), sampler.state_dict())
    check_against(shown, ITEMS, make(), epochs=2, position=stop)


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS.keys())
def test_an_epoch_that_has_just_ended_counts_in_full(make: Callable[[], Any]) -> None:
    sampler = make()
    shown = [list(sampler), list(sampler)]
    audit = audit_coverage(make(), sampler.state_dict())
    assert audit.unique == len({*shown[0], *shown[1]})
    assert audit.draws == sum(map(len, shown))


def test_ranks_are_audited_together() -> None:
    samplers = [DistributedWeightedSampler(WEIGHTS, 50, 4, rank, seed=2) for rank in range(4)]
    states = []
    drawn: list[int] = []
    for sampler in samplers:
        iterator = iter(sampler)
        drawn += [next(iterator) for _ in range(10)]
        states.append(sampler.state_dict())
    assert all(state == states[0] for state in states)
    audit = audit_coverage(samplers[3], states[0], counts=True)
    assert audit.draws == 40
    assert torch.equal(audit.counts.long(), torch.tensor(drawn).bincount(minlength=ITEMS))


def test_batch_samplers_and_watched_ones_are_looked_into() -> None:
    tracker = CoverageTracker(ITEMS)
    plain = WeightedRandomSampler(WEIGHTS, 50, seed=9)
    expected = audit_coverage(plain, epochs=3).unique
    for source in (
        WeightedBatchSampler(plain, 8),
        BatchSampler(plain, 8, False),
        tracker.watch(plain),
        tracker.watch(WeightedBatchSampler(plain, 8)),
        DistributedWeightedBatchSampler(WEIGHTS, 50, 1, 0, seed=9, batch_size=8),
    ):
        assert audit_coverage(source, epochs=3).unique == expected
    imbalanced = ImbalancedDatasetSampler([0] * 30 + [1] * 10, labels=[0] * 30 + [1] * 10)
    with pytest.raises(ValueError, match="make it with seed="):
        audit_coverage(imbalanced, epochs=1)


def test_an_audit_of_a_loop_agrees_with_the_tracker_that_watched_it() -> None:
    tracker = CoverageTracker(ITEMS, counts=True, labels=[0, 1] * 20)
    sampler = WeightedRandomSampler(WEIGHTS, 50, seed=9)
    loader = DataLoader(range(ITEMS), 8, sampler=tracker.watch(sampler))  # type: ignore[arg-type]
    for _ in range(3):
        list(loader)
    audit = audit_coverage(sampler, counts=True, labels=[0, 1] * 20)
    assert torch.equal(audit.counts, tracker.counts)
    assert audit.class_coverage().unique.tolist() == tracker.class_coverage().unique.tolist()
    assert str(audit) == f"{audit.unique} of 40 items seen ({2.5 * audit.unique:.1f} %) after 3 epochs of 50 draws"


def test_a_tracker_filled_by_an_audit_goes_on_where_training_stopped() -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 50, seed=9)
    watching = CoverageTracker(ITEMS, counts=True)
    watched = watching.watch(sampler)
    list(watched)
    watching.new_epoch()
    list(watched)
    watching.new_epoch()
    iterator = iter(watched)
    _ = [next(iterator) for _ in range(12)]
    filled = CoverageTracker(ITEMS, counts=True)
    audit = audit_coverage(WeightedRandomSampler(WEIGHTS, 50, seed=9), sampler.state_dict(), tracker=filled)
    assert audit.tracker is filled
    assert str(filled.state_dict()) == str(watching.state_dict())
    for position in (0, 50):
        ended = CoverageTracker(ITEMS)
        audit_coverage(TABLE, seed=9, epochs=3, position=position, num_samples=50, tracker=ended)
        assert (ended.epoch, ended.draws, ended.draws_this_epoch) == (3, 150 + position, position)


def test_items_of_weight_zero_are_never_seen() -> None:
    audit = audit_coverage(TABLE, seed=0, epochs=1000)
    assert audit.unseen_items().tolist() == (WEIGHTS == 0).nonzero()[:, 0].tolist()
    assert positions_of(1, TABLE, seed=0, epochs=1000).shape == (0, 2)


UNSEEDED = WeightedRandomSampler(WEIGHTS, 50)
SEEDED = WeightedRandomSampler(WEIGHTS, 50, seed=9)


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (UNSEEDED, {}, "make it with seed="),
        (UNSEEDED, {"epochs": 1}, "make it with seed="),
        (WeightedBatchSampler(UNSEEDED, 2), {}, "make it with seed="),
        (SEEDED, {"state": SEEDED.state_dict(), "epochs": 1}, "either state or epochs"),
        (SEEDED, {"position": 1}, "give both"),
        (SEEDED, {"seed": 9, "epochs": 1}, "leave them out"),
        (SEEDED, {"num_samples": 9, "epochs": 1}, "leave them out"),
        (SEEDED, {"epochs": 1, "position": 51}, r"position must be in \[0, 50\], but got position=51"),
        (SEEDED, {"epochs": -1}, "epochs must be"),
        (SEEDED, {"state": {}}, "no sampler's state"),
        (SEEDED, {"state": UNSEEDED.state_dict()}, "seed is None in the state but 9 here"),
        (SEEDED, {"state": WeightedRandomSampler(WEIGHTS + 1, 50, seed=9).state_dict()}, "fingerprint"),
        (SEEDED, {"state": {**SEEDED.state_dict(), "version": 99}}, "version 99"),
        (TABLE, {"epochs": 1}, "needs seed="),
        (TABLE, {"seed": 1}, "needs epochs="),
        (TABLE, {"seed": 1, "epochs": 1, "state": SEEDED.state_dict()}, "a table has no state"),
        (TABLE, {"seed": 1, "epochs": 2**48 + 1}, "epochs must be"),
        (TABLE, {"seed": 1, "epochs": 2**48, "position": 1}, "epochs must be"),
        (TABLE, {"seed": 1, "epochs": 1, "num_samples": 0}, "num_samples should be"),
        (TABLE, {"seed": 2**64, "epochs": 1}, "seed must be"),
    ],
)
def test_audits_of_what_cannot_be_known_are_refused(source: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        audit_coverage(source, **arguments)
    with pytest.raises(ValueError, match=message):
        positions_of(0, source, **arguments)


def test_other_wrong_arguments_are_named() -> None:
    for source in (WEIGHTS, [0.5, 0.5], torch.utils.data.RandomSampler(range(5)), DataLoader(range(3)), None):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="needs a table or a sampler of pysampler, but got"):
            audit_coverage(source, seed=0, epochs=1)
    with pytest.raises(ValueError, match="num_items=41, but there are 40 to draw from"):
        audit_coverage(TABLE, seed=0, epochs=1, tracker=CoverageTracker(41))
    with pytest.raises(TypeError, match="must be a CoverageTracker, but got dict"):
        audit_coverage(TABLE, seed=0, epochs=1, tracker={})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="are the tracker's"):
        audit_coverage(TABLE, seed=0, epochs=1, tracker=CoverageTracker(40), counts=True)
    for wrong in (40, -1, [0, 40]):
        with pytest.raises(IndexError, match=r"in \[0, 40\)"):
            positions_of(wrong, TABLE, seed=0, epochs=1)
    with pytest.raises(TypeError, match="must be integers"):
        positions_of(1.5, TABLE, seed=0, epochs=1)
    sole = positions_of(3, TABLE, seed=0, epochs=1)
    for one in (torch.tensor(3), np.int64(3)):
        assert torch.equal(positions_of(one, TABLE, seed=0, epochs=1), sole)
    for several in ([3], torch.tensor([3]), np.array([3]), (3,)):
        assert torch.equal(positions_of(several, TABLE, seed=0, epochs=1)[3], sole)
    assert positions_of([], TABLE, seed=0, epochs=1) == {}


def test_a_bar_is_shown_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    require("tqdm")
    quiet = audit_coverage(TABLE, seed=0, epochs=5)
    assert capsys.readouterr().err == ""
    assert audit_coverage(TABLE, seed=0, epochs=5, progress=True).unique == quiet.unique
    assert "200/200" in capsys.readouterr().err
    positions_of(1, TABLE, seed=0, epochs=3, progress=True)
    assert "120/120" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        audit_coverage(TABLE, seed=0, epochs=5, progress=True)


def test_an_audit_warns_if_past_epochs_were_drawn_with_other_weights() -> None:
    sampler = WeightedRandomSampler([1.0] * 40, seed=0)
    list(sampler), list(sampler)
    assert audit_coverage(sampler).draws == 80
    sampler.weights[0] = 100.0
    list(sampler)
    for asked in (sampler, copy.deepcopy(sampler)):
        with pytest.warns(UserWarning, match="watch the sampler with a CoverageTracker") as caught:
            audit_coverage(asked, epochs=3)
        assert caught[0].filename == __file__


def test_rounds_through_classes_are_audited_as_tables_are() -> None:
    rounds = UnderSampling([0] * 160 + [1] * 10)
    assert [audit_coverage(rounds, seed=0, epochs=epochs).unique for epochs in (1, 15, 16)] == [20, 160, 170]
