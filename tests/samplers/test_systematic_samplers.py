"""method="systematic" in the samplers: one key for all passes, balanced batches over ranks, and an honest state."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.utils.data
from families import hashed_integers
from rank_processes import on_ranks
from torch.utils.data import DataLoader, TensorDataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    SystematicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

LABELS = [0] * 160 + [1] * 10  # the article's cats
WEIGHTS = [1 / 160] * 160 + [1 / 10] * 10


def cats(**more: Any) -> WeightedRandomSampler:
    return WeightedRandomSampler(WEIGHTS, method="systematic", **more)


def ranks(world: int, **more: Any) -> list[DistributedWeightedSampler]:
    return [
        DistributedWeightedSampler(
            WEIGHTS, 170, world, rank, **{"method": "systematic", "strata": LABELS, "global_batch_size": 10, **more}
        )
        for rank in range(world)
    ]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)


# ---- what is drawn ------------------------------------------------------------------------------


def test_a_sampler_draws_what_its_table_draws() -> None:
    for batch in (None, 10):
        strata = None if batch is None else LABELS
        sampler = cats(seed=3, strata=strata, global_batch_size=batch)
        assert isinstance(sampler.table, SystematicTable)
        for epoch in range(3):
            expected = SystematicTable(WEIGHTS, LABELS).draw(170, seed=3, epoch=epoch, global_batch_size=batch)
            assert list(sampler) == expected.tolist()


def test_ready_tables_are_taken_as_they_are() -> None:
    table = SystematicTable(WEIGHTS, LABELS)
    sampler = WeightedRandomSampler(table, seed=0, method="systematic", global_batch_size=10)
    assert sampler.table is table
    assert list(sampler) == list(cats(seed=0, strata=LABELS, global_batch_size=10))
    alias = AliasTable(WEIGHTS)
    assert list(WeightedRandomSampler(alias, seed=0, method="systematic")) == list(cats(seed=0))


@pytest.mark.parametrize("generator", [None, 7])
def test_without_a_seed_all_passes_share_the_key_of_the_first(generator: int | None) -> None:
    def make() -> WeightedRandomSampler:
        return cats(generator=None if generator is None else torch.Generator().manual_seed(generator))

    covered = []
    for seed in range(100):
        torch.manual_seed(seed)
        sampler = make()
        iter(sampler)  # has no effect
        covered.append(len({index for _ in range(3) for index in sampler}))
    assert covered == [170] * 100
    torch.manual_seed(1)
    first = make()
    epochs = [list(first) for _ in range(3)]
    key = first.state_dict()["key"]
    assert [cats_of(key, epoch) for epoch in range(3)] == epochs
    torch.manual_seed(1)
    assert list(make()) == epochs[0]  # manual_seed works as torch's users know it


def cats_of(key: int, epoch: int) -> list[int]:
    drawn: list[int] = SystematicTable(WEIGHTS).draw(170, seed=key, epoch=epoch).tolist()
    return drawn


def test_independent_passes_go_on_taking_a_key_each() -> None:
    torch.manual_seed(0)
    sampler = WeightedRandomSampler(WEIGHTS)
    keys = set()
    for _ in range(3):
        list(sampler)
        keys.add(sampler.state_dict()["key"])
    assert len(keys) == 3


@pytest.mark.parametrize("position", [0, 50, 170])
@pytest.mark.parametrize("into_iterator", [False, True])
def test_a_loaded_state_brings_the_key_for_all_passes_to_come(position: int, into_iterator: bool) -> None:
    torch.manual_seed(5)
    sampler = cats()
    list(sampler)
    running = iter(sampler)
    for _ in range(position):
        next(running)
    state = json.loads(json.dumps(running.state_dict() if position else sampler.state_dict()))
    key = state["key"]
    torch.manual_seed(6)
    other = cats()
    list(other)  # has a key of its own by now
    if into_iterator:
        loaded = iter(other)
        loaded.load_state_dict(state)
        tail = list(loaded)
    else:
        other.load_state_dict(state)
        tail = list(other) if 0 < position < 170 else []
    if 0 < position < 170:
        assert tail == cats_of(key, 1)[position:]
        assert list(other) == cats_of(key, 2)
    assert other.state_dict()["key"] == key


def test_copies_keep_the_key() -> None:
    sampler = cats()
    list(sampler)
    for again in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert list(again) == cats_of(sampler.state_dict()["key"], 1)


def test_edited_weights_are_honoured_and_keep_the_strata() -> None:
    sampler = WeightedRandomSampler(
        torch.tensor(WEIGHTS), seed=0, method="systematic", strata=LABELS, global_batch_size=10
    )
    old = sampler.state_dict()
    sampler.weights[0] = 0
    table = SystematicTable(sampler.weights, LABELS)
    assert list(sampler) == table.draw(170, seed=0, epoch=0, global_batch_size=10).tolist()
    with pytest.raises(ValueError, match="fingerprint is"):
        sampler.load_state_dict(old)
    sampler.weights = torch.ones(170)
    expected = SystematicTable(torch.ones(170), LABELS).draw(170, seed=0, epoch=1, global_batch_size=10)
    assert list(sampler) == expected.tolist()
    with pytest.raises(ValueError, match="there are 3 for 170 labels"):
        sampler.weights = [1, 2, 3]
    with pytest.raises(ValueError, match="give strata="):
        sampler.weights = SystematicTable(WEIGHTS)
    sampler.weights = SystematicTable(WEIGHTS, LABELS)
    assert sampler.table.fingerprint == SystematicTable(WEIGHTS, LABELS).fingerprint


# ---- state --------------------------------------------------------------------------------------


def test_states_tell_methods_strata_and_global_batches_apart() -> None:
    same: dict[str, Any] = {"seed": 0, "strata": LABELS, "global_batch_size": 10}
    state = cats(**same).state_dict()
    assert state["method"] == "systematic"
    assert state["global_batch_size"] == 10
    cats(**same).load_state_dict(state)
    others = {
        "global_batch_size is 10 in the state but 17 here": cats(**{**same, "global_batch_size": 17}),
        "global_batch_size is 10 in the state but None here": cats(seed=0),
        "fingerprint": cats(**{**same, "strata": [label + 1 for label in LABELS]}),
        "method is 'systematic' in the state but 'iid' here": WeightedRandomSampler(WEIGHTS, seed=0),
        "draws_per_epoch is 170": cats(num_samples=180, **same),
    }
    for message, other in others.items():
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(state)


@pytest.mark.parametrize("worlds", [(2, 5), (5, 1), (1, 2)])
def test_another_number_of_ranks_goes_on_with_the_same_global_batches(worlds: tuple[int, int]) -> None:
    before, after = worlds
    whole = SystematicTable(WEIGHTS, LABELS).draw(170, seed=0, epoch=0, global_batch_size=10).tolist()
    iterators = [iter(sampler) for sampler in ranks(before)]
    taken = 60
    first = [next(iterators[position % before]) for position in range(taken)]
    states = [iterator.state_dict() for iterator in iterators]
    assert states == [states[0]] * before
    rest = []
    resumed = ranks(after)
    for sampler in resumed:
        sampler.load_state_dict(states[0])
    parts = [list(sampler) for sampler in resumed]
    for position in range(170 - taken):
        rest.append(parts[position % after][position // after])
    assert first + rest == whole


# ---- batches over ranks -------------------------------------------------------------------------


def test_batches_made_here_are_balanced() -> None:
    sampler = WeightedBatchSampler(cats(seed=0, strata=LABELS, global_batch_size=10), 10)
    for _ in range(2):
        assert [sum(index >= 160 for index in batch) for batch in sampler] == [5] * 17


@pytest.mark.parametrize("world", [2, 5])
def test_global_batches_over_ranks_are_balanced(world: int) -> None:
    samplers = [
        DistributedWeightedBatchSampler(
            WEIGHTS, 170, world, rank, batch_size=10 // world, method="systematic", strata=LABELS, global_batch_size=10
        )
        for rank in range(world)
    ]
    for batches in zip(*samplers, strict=True):
        assert sum(index >= 160 for batch in batches for index in batch) == 5


def _delivered(rank: int) -> list[tuple[str, int, int, list[int], list[int]]]:
    labels = torch.tensor([0] * 90 + [1] * 60 + [2] * 20).repeat(3)
    weights = torch.tensor([1.0, 2.0, 9.0])[labels]
    dataset = TensorDataset(torch.arange(510), labels)
    options: dict[str, Any] = {"num_samples": 505, "strata": labels, "global_batch_size": 24, "seed": 4}
    options["method"] = "systematic"
    plain = DataLoader(dataset, batch_size=12, sampler=DistributedWeightedSampler(weights, **options), num_workers=1)
    whole = DistributedWeightedBatchSampler(weights, batch_size=12, **options)
    batched = DataLoader(BatchedDataset(dataset), batch_size=None, sampler=whole, num_workers=2)
    return [
        (name, epoch, number, items.tolist(), classes.tolist())
        for name, loader in (("plain", plain), ("batched", batched))
        for epoch in range(2)
        for number, (items, classes) in enumerate(loader)
    ]


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
def test_batches_that_loaders_deliver_on_two_ranks_are_balanced_as_a_whole() -> None:
    """Classes of mass 90 x 1 : 60 x 2 : 20 x 9; 505 draws are 21 batches of 24, and one draw with one of padding."""
    batches: dict[tuple[str, int, int], list[tuple[list[int], list[int]]]] = {}
    for delivered in on_ranks(2, _delivered):
        for name, epoch, number, items, classes in delivered:
            batches.setdefault((name, epoch, number), []).append((items, classes))
    assert len(batches) == 2 * 2 * 22
    labels = torch.tensor([0] * 90 + [1] * 60 + [2] * 20).repeat(3)
    table = SystematicTable(torch.tensor([1.0, 2.0, 9.0])[labels], labels)
    shares = torch.tensor([90.0, 120.0, 180.0]) / 390
    for (name, epoch, number), by_rank in batches.items():
        items = [item for pair in zip(by_rank[0][0], by_rank[1][0], strict=True) for item in pair]
        classes = [label for rank in (0, 1) for label in by_rank[rank][1]]
        whole = table.draw(505, seed=4, epoch=epoch, draws=505, global_batch_size=24).tolist()
        expected = whole[number * 24 : (number + 1) * 24]
        assert items[: len(expected)] == expected, f"{name}, epoch {epoch}, batch {number}"
        if number < 21:
            deviations = (torch.tensor(classes).bincount(minlength=3) - 24 * shares).abs()
            assert float(deviations.max()) < 1 + 24 / 505


# ---- what goes wrong, and is said ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "systemtic"}, ValueError, "method must be 'iid' or 'systematic', but got method='systemtic'"),
        ({"method": "systematic", "replacement": False}, ValueError, "with replacement"),
        ({"strata": LABELS}, ValueError, "are for method='systematic'"),
        ({"global_batch_size": 10}, ValueError, "are for method='systematic'"),
        ({"method": "systematic", "strata": LABELS}, ValueError, "give global_batch_size as well"),
        ({"method": "systematic", "global_batch_size": 10}, ValueError, "give strata="),
        (
            {"method": "systematic", "strata": LABELS, "global_batch_size": 171},
            ValueError,
            "global_batch_size=171, draws=170",
        ),
        ({"method": "systematic", "strata": LABELS, "global_batch_size": 0}, ValueError, "global_batch_size must be"),
        ({"method": "systematic", "strata": LABELS, "global_batch_size": "10"}, TypeError, "must be an integer"),
        ({"method": "systematic", "strata": LABELS[1:], "global_batch_size": 10}, ValueError, "169 for 170 weights"),
        ({"method": "systematic", "num_samples": 2**54 + 1}, ValueError, "draws must be"),
        ({"weights": SystematicTable(WEIGHTS), "method": "iid"}, TypeError, "is for method='systematic'"),
        (
            {
                "weights": SystematicTable(WEIGHTS, LABELS),
                "method": "systematic",
                "strata": LABELS,
                "global_batch_size": 5,
            },
            ValueError,
            "leave out strata",
        ),
    ],
)
def test_wrong_options_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    for kind in (WeightedRandomSampler, DistributedWeightedSampler):
        with pytest.raises(error, match=message):
            kind(**{"weights": WEIGHTS, **arguments})


def test_dropping_draws_is_warned_of_with_the_nearest_numbers_that_need_not() -> None:
    sampler = ranks(4, drop_last=True)[1]
    with pytest.warns(UserWarning, match=r"leaves out 2 of the epoch's 170 draws.*num_samples=168 or 172"):
        assert len(list(sampler)) == 42
    batched = WeightedBatchSampler(cats(seed=0), 16, drop_last=True)
    with pytest.warns(UserWarning, match=r"leaves out 10 of the epoch's 170 draws.*num_samples=160 or 176"):
        assert len(list(batched)) == 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(ranks(5, drop_last=True)[1])
        list(ranks(4)[1])
        list(WeightedRandomSampler(WEIGHTS, seed=0))
        list(WeightedBatchSampler(WeightedRandomSampler(WEIGHTS, seed=0), 16, drop_last=True))


def test_padding_is_no_part_of_the_epoch() -> None:
    parts = [list(sampler) for sampler in ranks(4)]
    assert [len(part) for part in parts] == [43] * 4
    whole = SystematicTable(WEIGHTS, LABELS).draw(170, seed=0, epoch=0, global_batch_size=10).tolist()
    assert [parts[position % 4][position // 4] for position in range(170)] == whole


def test_every_pass_of_a_long_run_brings_every_item_in_time() -> None:
    """hashed weights, k = N: each item within ceil(1.8945 / (k p)) passes of a plain sampler."""
    weights = hashed_integers(500, below=64) + 1
    sampler = WeightedRandomSampler(weights, method="systematic", seed=9)
    promised = (1.8945 / (500 * sampler.table.probabilities())).ceil()
    seen: list[list[int]] = [[-1] for _ in range(500)]
    epochs = 80
    for epoch in range(epochs):
        for index in set(sampler):
            seen[index].append(epoch)
    for index, when in enumerate(seen):
        assert max(after - before for before, after in pairwise([*when, epochs])) <= promised[index]
