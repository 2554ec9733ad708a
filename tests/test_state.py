"""State: saved anywhere, loaded anywhere, on any number of ranks; nothing repeated, nothing lost, nothing mixed up."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from families import hashed_integers
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import flat

from pysampler import (
    AliasTable,
    DistributedShuffleSampler,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    ShuffleSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
    _core,
)

TABLE = AliasTable(hashed_integers(300) + 1)
DRAWS = 100
STRATA = [index % 3 for index in range(300)]

SAMPLERS: dict[str, Callable[..., Any]] = {
    "iid": lambda **more: WeightedRandomSampler(TABLE, DRAWS, **{"seed": 1, **more}),
    "without replacement": lambda **more: WeightedRandomSampler(TABLE, DRAWS, False, **{"seed": 1, **more}),
    "shuffle": lambda **more: ShuffleSampler(DRAWS, **{"seed": 1, **more}),
    "systematic": lambda **more: WeightedRandomSampler(TABLE, DRAWS, method="systematic", **{"seed": 1, **more}),
    "systematic in batches": lambda **more: WeightedRandomSampler(
        TABLE, DRAWS, method="systematic", strata=STRATA, global_batch_size=8, **{"seed": 1, **more}
    ),
}
every_sampler = pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)


def epoch_of(make: Callable[..., Any], number: int) -> list[int]:
    sampler = make()
    sampler.set_epoch(number)
    return list(sampler)


def through_json(state: Any) -> Any:
    return json.loads(json.dumps(state))


def advanced(sampler: Any, steps: int) -> Iterator[Any]:
    iterator = iter(sampler)
    for _ in range(steps):
        next(iterator)
    return iterator


# ---- resume -------------------------------------------------------------------------------------


@every_sampler
@pytest.mark.parametrize("position", [1, 50, 99])
@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_resume_at_any_position_yields_the_same_tail(make: Callable[..., Any], position: int, epoch: int) -> None:
    sampler = make()
    sampler.set_epoch(epoch)
    running = advanced(sampler, position)
    for saved in (sampler.state_dict(), running.state_dict()):
        again = make()
        again.load_state_dict(through_json(saved))
        assert len(again) == DRAWS
        assert list(again) == epoch_of(make, epoch)[position:]
        assert list(again) == epoch_of(make, epoch + 1)


@every_sampler
def test_an_iterator_goes_on_by_itself_and_the_next_pass_is_the_one_after(make: Callable[..., Any]) -> None:
    """torchdata's way: iter(), load, and once more iter(), load; into the sampler and into its iterator."""
    sampler = make()
    sampler.set_epoch(3)
    state = advanced(sampler, 40).state_dict()
    again = make()
    for _ in range(2):
        again.load_state_dict(state)
        iterator = iter(again)
        iterator.load_state_dict(state)
    assert iterator.state_dict() == again.state_dict() == state
    assert list(iterator) == epoch_of(make, 3)[40:]
    assert list(again) == epoch_of(make, 4)


@every_sampler
def test_a_position_loaded_into_the_iterator_first_is_handed_out_once(make: Callable[..., Any]) -> None:
    state = advanced(make(), 40).state_dict()
    again = make()
    iterator = iter(again)
    iterator.load_state_dict(state)
    again.load_state_dict(state)
    assert list(iterator) == epoch_of(make, 0)[40:]
    assert list(again) == epoch_of(make, 1)


@every_sampler
def test_a_finished_pass_is_followed_by_the_next_epoch(make: Callable[..., Any]) -> None:
    sampler = make()
    iterator = advanced(sampler, DRAWS)  # all handed out; StopIteration has not been raised yet
    state = sampler.state_dict()
    assert (state["epoch"], state["position"]) == (0, DRAWS)
    assert iterator.state_dict() == state
    assert list(iterator) == []
    assert sampler.state_dict() == state
    again = make()
    again.load_state_dict(state)
    assert list(again) == epoch_of(make, 1)
    at_its_end = make()
    iterator = iter(at_its_end)
    iterator.load_state_dict(state)
    assert list(iterator) == []
    assert list(at_its_end) == epoch_of(make, 1)


@every_sampler
def test_states_can_be_taken_and_loaded_twice_in_one_epoch(make: Callable[..., Any]) -> None:
    first = make()
    advanced(first, 20)
    second = make()
    second.load_state_dict(first.state_dict())
    rest = advanced(second, 30)
    state = second.state_dict()
    assert (state["epoch"], state["position"]) == (0, 50)
    third = make()
    third.load_state_dict(state)
    assert list(third) == list(rest) == epoch_of(make, 0)[50:]


def test_a_state_before_the_first_pass_and_between_passes() -> None:
    sampler = SAMPLERS["iid"]()
    assert (sampler.state_dict()["epoch"], sampler.state_dict()["position"]) == (0, 0)
    iter(sampler)
    assert sampler.state_dict()["position"] == 0
    list(sampler)
    sampler.set_epoch(5)
    assert (sampler.state_dict()["epoch"], sampler.state_dict()["position"]) == (5, 0)
    loaded = SAMPLERS["iid"]()
    loaded.load_state_dict(advanced(sampler, 7).state_dict())
    assert (loaded.state_dict()["epoch"], loaded.state_dict()["position"]) == (5, 7)  # not yet gone on


def test_a_partial_iteration_and_then_a_fresh_one() -> None:
    sampler = SAMPLERS["iid"]()
    advanced(sampler, 10)
    later = advanced(sampler, 5)
    assert later.state_dict() == sampler.state_dict()
    assert (sampler.state_dict()["epoch"], sampler.state_dict()["position"]) == (1, 5)


def test_the_state_stays_known_after_the_iterator_is_gone() -> None:
    sampler = SAMPLERS["iid"]()
    for count, _ in enumerate(sampler, 1):
        if count == 33:
            break
    assert sampler.state_dict()["position"] == 33


def test_a_state_is_a_copy() -> None:
    sampler = SAMPLERS["iid"]()
    iterator = advanced(sampler, 3)
    state = sampler.state_dict()
    kept = copy.deepcopy(state)
    next(iterator)
    state["position"] = 77
    assert sampler.state_dict() == {**kept, "position": 4}


def test_states_do_not_read_the_weights_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without replacement, an epoch needs as many positive weights: they are counted once for each table."""
    counted: list[int] = []
    count = _core.positive_weights

    def counting(*arguments: Any) -> int:
        counted.append(count(*arguments))
        return counted[-1]

    sampler = WeightedRandomSampler(hashed_integers(300) + 1, DRAWS, False, seed=1)
    monkeypatch.setattr(_core, "positive_weights", counting)
    for _ in range(3):
        list(sampler)
        sampler.load_state_dict(sampler.state_dict())
    assert counted == []
    sampler.weights[:150] = 0
    for _ in range(3):
        list(sampler)
        sampler.load_state_dict(sampler.state_dict())
    assert counted == [150]
    sampler.weights[:250] = 0
    with pytest.raises(ValueError, match="num_samples=100 draws without replacement"):
        sampler.state_dict()


@every_sampler
def test_a_pickled_sampler_knows_where_the_original_stood(make: Callable[..., Any]) -> None:
    sampler = make()
    advanced(sampler, 12)
    for again in (pickle.loads(pickle.dumps(sampler)), copy.deepcopy(sampler), copy.copy(sampler)):
        assert again.state_dict() == sampler.state_dict()
        assert list(again) == epoch_of(make, 1)
    assert list(sampler) == epoch_of(make, 1)  # copies have lives of their own


def test_unseeded_samplers_keep_the_key_of_the_running_pass() -> None:
    generator = torch.Generator().manual_seed(5)
    sampler = WeightedRandomSampler(TABLE, DRAWS, generator=generator)
    iterator = advanced(sampler, 30)
    state = through_json(sampler.state_dict())
    assert state["seed"] is None
    rest = list(iterator)
    again = WeightedRandomSampler(TABLE, DRAWS, generator=torch.Generator().manual_seed(99))
    again.load_state_dict(state)
    assert list(again) == rest
    fresh = WeightedRandomSampler(TABLE, DRAWS, generator=torch.Generator().manual_seed(99))
    fresh.set_epoch(1)
    assert list(again) == list(fresh)  # nothing was taken from the generator for a pass that had its key


# ---- consumed -----------------------------------------------------------------------------------


def test_consumed_says_what_was_trained_on_whatever_was_prefetched() -> None:
    for world in (1, 2, 3):
        sampler = DistributedWeightedSampler(TABLE, DRAWS, world, 0)
        advanced(sampler, 30)
        state = sampler.state_dict(consumed=12)
        assert state["position"] == 12 * world
        again = DistributedWeightedSampler(TABLE, DRAWS, 1, 0)
        again.load_state_dict(state)
        assert list(again) == TABLE.draw(DRAWS, seed=0).tolist()[12 * world :]
        whole = sampler.state_dict(consumed=len(sampler))
        assert whole["position"] == DRAWS


@pytest.mark.parametrize("seed", [None, 1])
def test_consumed_means_the_running_pass_though_its_epoch_is_pinned_again(seed: int | None) -> None:
    """Lightning's order with workers: iter, first next, set_epoch. Without a seed, only that pass has the key."""
    sampler = SAMPLERS["iid"](seed=seed)
    running = iter(sampler)
    delivered = [next(running) for _ in range(10)]
    sampler.set_epoch(0)
    state = through_json(sampler.state_dict(consumed=4))
    delivered += running
    again = SAMPLERS["iid"](seed=seed)
    again.load_state_dict(state)
    assert list(again) == delivered[4:]
    assert sampler.state_dict()["position"] == 0  # without consumed, it is about the pass that was asked for
    sampler.set_epoch(3)
    assert (sampler.state_dict(consumed=0)["epoch"], sampler.state_dict(consumed=0)["position"]) == (3, 0)
    sampler.load_state_dict({**state, "position": 7})
    assert sampler.state_dict(consumed=7)["key"] == state["key"]  # a loaded pass is not the running one


def test_consumed_at_the_end_is_the_end_although_drop_last_drops_some() -> None:
    distributed = DistributedWeightedSampler(TABLE, DRAWS, 3, 0, drop_last=True)
    batches = WeightedBatchSampler(SAMPLERS["iid"](), 16, drop_last=True)
    for sampler, items in ((distributed, 33), (batches, 96)):
        assert len(flat([batch] if isinstance(batch, int) else batch for batch in sampler)) == items
        assert sampler.state_dict(consumed=items) == sampler.state_dict()
        assert sampler.state_dict()["position"] == DRAWS


def test_consumed_of_an_unseeded_pass_that_has_not_begun_is_an_error() -> None:
    """Its state could not be loaded."""
    sampler = WeightedRandomSampler(TABLE, DRAWS)
    with pytest.raises(ValueError, match="consumed of a pass that has not begun"):
        sampler.state_dict(consumed=5)
    sampler.load_state_dict(sampler.state_dict(consumed=0))
    advanced(sampler, 7)
    sampler.load_state_dict(sampler.state_dict(consumed=5))


def test_batch_samplers_count_items_too() -> None:
    batches = WeightedBatchSampler(SAMPLERS["iid"](), 8)
    advanced(batches, 5)
    assert batches.state_dict()["position"] == 40
    assert batches.state_dict(consumed=24)["position"] == 24


def test_since_begun_counts_from_where_the_pass_began_on_any_number_of_ranks() -> None:
    four = DistributedWeightedSampler(TABLE, DRAWS, 4, 0)
    advanced(four, 20)
    state = four.state_dict(since_begun=10)
    assert state == four.state_dict(consumed=10)
    assert state["position"] == 40
    three = DistributedWeightedSampler(TABLE, DRAWS, 3, 1)
    three.load_state_dict(state)
    assert three.state_dict(since_begun=0)["position"] == 40
    advanced(three, 15)
    state = three.state_dict(since_begun=5)
    assert state["position"] == 55
    with pytest.raises(ValueError, match=r"began at position 40, which 3 ranks do not divide.*since_begun"):
        three.state_dict(consumed=15)
    with pytest.raises(ValueError, match="not both"):
        three.state_dict(15, since_begun=5)
    with pytest.raises(ValueError, match=r"since_begun must be in \[0, 20\]"):
        three.state_dict(since_begun=21)
    alone = DistributedWeightedSampler(TABLE, DRAWS, 1, 0)
    alone.load_state_dict(state)
    assert list(alone) == TABLE.draw(DRAWS, seed=0).tolist()[55:]
    assert WeightedBatchSampler(alone, 5).state_dict(since_begun=10)["position"] == 65


@pytest.mark.parametrize("consumed", [-1, DRAWS + 1, 2.5, True, "3"])
def test_consumed_beyond_the_epoch_is_an_error(consumed: Any) -> None:
    sampler = SAMPLERS["iid"]()
    with pytest.raises((ValueError, TypeError), match="consumed"):
        sampler.state_dict(consumed)


# ---- set_epoch after a load ---------------------------------------------------------------------


def test_set_epoch_of_the_loaded_epoch_keeps_the_position() -> None:
    state = advanced(SAMPLERS["iid"](), 30).state_dict()
    again = SAMPLERS["iid"]()
    again.load_state_dict(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.set_epoch(0)
        again.set_epoch(0)
    assert list(again) == epoch_of(SAMPLERS["iid"], 0)[30:]


def test_set_epoch_of_another_epoch_drops_it_and_says_so() -> None:
    sampler = SAMPLERS["iid"]()
    sampler.set_epoch(2)
    state = advanced(sampler, 30).state_dict()
    again = SAMPLERS["iid"]()
    again.load_state_dict(state)
    with pytest.warns(UserWarning, match=r"set_epoch\(0\).*epoch 2 at position 30") as caught:
        again.set_epoch(0)
    assert caught[0].filename == __file__
    assert list(again) == epoch_of(SAMPLERS["iid"], 0)


# ---- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("batch_size", [1, 8, 10, 100, 150])
def test_batches_go_on_where_they_stood(batch_size: int, drop_last: bool) -> None:
    def batches() -> WeightedBatchSampler:
        return WeightedBatchSampler(SAMPLERS["iid"](), batch_size, drop_last)

    everything = list(batches())
    following = batches()
    following.set_epoch(1)
    next_epoch = list(following)
    for done in range(len(everything) + 1):
        sampler = batches()
        running = advanced(sampler, done)
        state = sampler.state_dict()
        again = batches()
        again.load_state_dict(state)
        rest = everything[done:]
        assert list(running) == rest
        expected = rest if 0 < done < len(everything) or (done == 0 and everything) else next_epoch
        assert list(again) == expected  # at an epoch's end comes the next one, never an empty pass


# ---- another number of ranks --------------------------------------------------------------------


def ranks(kind: str, world: int, drop_last: bool = False) -> list[Any]:
    if kind == "shuffle":
        return [DistributedShuffleSampler(DRAWS, world, rank, drop_last=drop_last) for rank in range(world)]
    replacement = kind == "iid"
    return [
        DistributedWeightedSampler(TABLE, DRAWS, world, rank, drop_last=drop_last, replacement=replacement)
        for rank in range(world)
    ]


def interleaved(parts: list[list[int]]) -> list[int]:
    return flat(list(row) for row in itertools.zip_longest(*parts))


@pytest.mark.parametrize("kind", ["iid", "without replacement", "shuffle"])
@settings(max_examples=30, deadline=None)
@given(worlds=st.lists(st.integers(1, 9), min_size=1, max_size=5), data=st.data())
def test_any_chain_of_world_sizes_yields_the_uninterrupted_sequence(
    kind: str, worlds: list[int], data: st.DataObject
) -> None:
    uninterrupted = list(ranks(kind, 1)[0])
    seen: list[int] = []
    state: Any = None
    for turn, world in enumerate(worlds):
        group = ranks(kind, world)
        if state is not None:
            for sampler in group:
                sampler.load_state_dict(state)
        if state is not None and state["position"] == DRAWS:
            break
        left = -(-(DRAWS - len(seen)) // world)
        steps = left if turn == len(worlds) - 1 else data.draw(st.integers(0, left))
        iterators = [iter(sampler) for sampler in group]
        parts = [list(itertools.islice(iterator, steps)) for iterator in iterators]
        seen += interleaved(parts)
        states = [sampler.state_dict() for sampler in group]
        assert all(other == states[0] for other in states)
        state = states[0]
        seen = seen[: state["position"]]  # what lies beyond the epoch is padding
        assert state["position"] == len(seen)
    assert seen == uninterrupted[: len(seen)]
    if state["position"] == DRAWS:
        assert seen == uninterrupted


def test_fewer_left_than_ranks_is_an_epoch_that_is_over() -> None:
    """Resumed on more ranks with drop_last, nothing whole is left: the next epoch follows, not an empty one."""
    one = DistributedWeightedSampler(TABLE, DRAWS, 1, 0, drop_last=True)
    advanced(one, 97)
    for rank in range(4):
        again = DistributedWeightedSampler(TABLE, DRAWS, 4, rank, drop_last=True)
        again.load_state_dict(one.state_dict())
        assert list(again) == TABLE.draw(25, seed=0, epoch=1, start=rank, step=4).tolist()


def test_a_pinned_epoch_of_which_too_little_is_left_is_empty_rather_than_another() -> None:
    """Loops that count epochs themselves would train the next one twice."""
    one = DistributedWeightedSampler(TABLE, DRAWS, 1, 0, drop_last=True)
    advanced(one, 97)
    again = DistributedWeightedSampler(TABLE, DRAWS, 4, 0, drop_last=True)
    again.load_state_dict(one.state_dict())
    again.set_epoch(0)
    assert list(again) == []
    again.set_epoch(1)
    assert list(again) == TABLE.draw(25, seed=0, epoch=1, start=0, step=4).tolist()


def test_a_rank_free_run_goes_on_distributed_and_back() -> None:
    alone = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    advanced(alone, 40)
    group = [DistributedWeightedBatchSampler(TABLE, DRAWS, 2, rank, batch_size=5) for rank in range(2)]
    for sampler in group:
        sampler.load_state_dict(alone.state_dict())
    parts = [flat(sampler) for sampler in group]
    assert interleaved(parts) == TABLE.draw(DRAWS, seed=0).tolist()[40:]
    alone.load_state_dict(group[0].state_dict())
    assert list(alone) == TABLE.draw(DRAWS, seed=0, epoch=1).tolist()


# ---- states that must not be loaded -------------------------------------------------------------


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "another class": (lambda: ShuffleSampler(300, DRAWS, seed=1), "kind is 'shuffle'"),
    "other weights": (lambda: WeightedRandomSampler(hashed_integers(300) + 2, DRAWS, seed=1), "fingerprint"),
    "another length": (lambda: WeightedRandomSampler(TABLE, DRAWS + 1, seed=1), "draws_per_epoch is 101.*100 here"),
    "without replacement": (lambda: WeightedRandomSampler(TABLE, DRAWS, False, seed=1), "replacement is False"),
    "another seed": (lambda: WeightedRandomSampler(TABLE, DRAWS, seed=2), "seed is 2 in the state but 1 here"),
    "no seed": (lambda: WeightedRandomSampler(TABLE, DRAWS), "seed is None"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_of_another_sampler_is_refused_by_name(name: str) -> None:
    make, message = OTHERS[name]
    sampler = SAMPLERS["iid"]()
    for target in (sampler, iter(sampler), WeightedBatchSampler(sampler, 5)):
        with pytest.raises(ValueError, match=message):
            target.load_state_dict(make().state_dict())
    assert list(sampler) == epoch_of(SAMPLERS["iid"], 0)


def test_edited_weights_make_old_states_void() -> None:
    sampler = WeightedRandomSampler(hashed_integers(300) + 1, DRAWS, seed=1)
    state = advanced(sampler, 5).state_dict()
    sampler.weights[3] = 0
    assert sampler.state_dict()["fingerprint"] == state["fingerprint"]  # the running pass is not affected
    with pytest.raises(ValueError, match="fingerprint"):
        sampler.load_state_dict(state)


def damaged(**changes: Any) -> dict[str, Any]:
    return {**SAMPLERS["iid"]().state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (damaged(position=-1), r"position must be an int in \[0, 100\], but is -1"),
        (damaged(position=101), "position"),
        (damaged(position=3.0), "position"),
        (damaged(position=True), "position"),
        (damaged(epoch=-1), "epoch"),
        (damaged(epoch=2**48), "epoch"),
        (damaged(epoch=None), "epoch"),
        (damaged(key=7), "key 7 differs from seed 1"),
        (damaged(key=2**64), "key"),
        (damaged(key=None, position=5), "without a key"),
        (damaged(draws_per_epoch="100"), "draws_per_epoch is '100'"),
        (damaged(version=2), "version 2, but this pysampler reads up to 1"),
        (damaged(version="1"), "version is '1'"),
        ({}, "no sampler's state"),
        ({"version": 1}, "lacks kind"),
        ({name: value for name, value in damaged().items() if name != "position"}, "lacks position"),
    ],
)
def test_damaged_states_are_refused_by_name(state: Any, message: str) -> None:
    sampler = SAMPLERS["iid"]()
    for target in (sampler, iter(sampler)):
        with pytest.raises(ValueError, match=message):
            target.load_state_dict(state)
    assert list(sampler) == epoch_of(SAMPLERS["iid"], 0)


@pytest.mark.parametrize("state", [None, 5, "state", [("version", 1)]])
def test_a_state_that_is_no_dict_is_a_type_error(state: Any) -> None:
    with pytest.raises(TypeError, match="dict"):
        SAMPLERS["iid"]().load_state_dict(state)


def test_a_running_iterator_takes_no_state() -> None:
    sampler = SAMPLERS["iid"]()
    running = advanced(sampler, 1)
    with pytest.raises(RuntimeError, match="has begun"):
        running.load_state_dict(sampler.state_dict())
