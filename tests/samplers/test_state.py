"""State: saved anywhere and loaded anywhere, an epoch goes on where it stood."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from families import hashed_integers
from stateful import DRAWS, SAMPLERS, TABLE, advanced, epoch_of, every_sampler, through_json

from pysampler import (
    WeightedBatchSampler,
    WeightedRandomSampler,
    _core,
)


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
    assert list(again) == list(sampler)  # the state brought the generator's too: later passes are the same
    del state["generator"]
    again = WeightedRandomSampler(TABLE, DRAWS, generator=torch.Generator().manual_seed(99))
    again.load_state_dict(state)
    assert list(again) == rest
    fresh = WeightedRandomSampler(TABLE, DRAWS, generator=torch.Generator().manual_seed(99))
    assert list(again) == list(fresh)  # nothing was taken from the generator for a pass that had its key


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


def unseeded(seed: int = 5) -> WeightedRandomSampler:
    return WeightedRandomSampler(TABLE, DRAWS, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("position", [0, 1, 30, DRAWS - 1, DRAWS])
@pytest.mark.parametrize("begin", [False, True], ids=["saved-at-once", "saved-after-a-step"])
def test_a_generators_keys_go_on_however_often_a_run_is_resumed(position: int, begin: bool) -> None:
    original = unseeded()
    whole = [list(original) for _ in range(5)]
    sampler = unseeded()
    list(sampler)
    advanced(sampler, position)
    drawn = whole[0] + whole[1][:position]
    for _ in range(3):  # each time in a new process, whose generator is another
        state = through_json(sampler.state_dict())
        sampler = unseeded(99)
        sampler.load_state_dict(state)
        if begin:
            drawn.append(next(iter(sampler)))
    if not begin:
        for again in (pickle.loads(pickle.dumps(sampler)), sampler):
            rest = [index for _ in range(2) for index in again]
            assert rest == [index for epoch in whole for index in epoch][len(drawn) : len(drawn) + len(rest)]
    else:
        assert drawn == [index for epoch in whole for index in epoch][: len(drawn)]


def test_a_copy_of_a_running_sampler_saves_what_goes_on_with_the_same_keys() -> None:
    sampler = unseeded()
    iterator = advanced(sampler, 30)
    state = through_json(copy.deepcopy(sampler).state_dict())
    rest = [*iterator, *sampler]
    again = unseeded(99)
    again.load_state_dict(state)
    assert [index for _ in range(2) for index in again] == rest
