"""Stages of a mixture set while it runs: where they may begin, and who knows what has been handed out."""

from __future__ import annotations

import copy
import gc
import itertools
import json
import pickle
from collections import Counter
from typing import Any

import pytest
import torch

from pysampler import (
    DistributedWeightedSampler,
    Mixture,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    positions_of,
)

SIZES, SHARES, LATER = [1000, 50, 200, 7], [0.5, 0.3, 0.15, 0.05], [1, 1, 1, 1]
NAMES = ["web", "code", "books", "notes"]
SEED = 3


def mixture(shares: Any = SHARES, **options: Any) -> Mixture:
    return Mixture(SIZES, shares, window=16, names=NAMES, **options)


def begun(sampler: Any, indices: int) -> Any:
    iterator = iter(sampler)
    for _ in range(indices):
        next(iterator)
    return iterator


def accepted_from(source: Mixture) -> int:
    """The first position that a copy, which knows what has been handed out, lets a stage begin at."""
    for window in itertools.count(1):
        try:
            copy.copy(source).at(window * source.window, LATER)
        except ValueError:
            continue
        return window * source.window
    raise AssertionError


@pytest.mark.parametrize("taken", [1, 15, 16, 17, 100])
def test_a_position_that_was_handed_out_is_refused_and_the_next_window_is_not(taken: int) -> None:
    source = mixture()
    iterator = begun(WeightedRandomSampler(source, 320, seed=SEED), taken)
    first = -(-taken // 16) * 16
    assert source.next_position == accepted_from(source) == first
    with pytest.raises(ValueError, match=f"positions up to {taken - 1} have been handed out.*next_position={first}"):
        source.at(first - 1, LATER)
    source.at(first, LATER)
    expected = mixture()
    before = expected.draw(first, seed=SEED).tolist()
    expected.at(first, LATER)
    assert expected.draw(320, seed=SEED).tolist()[:first] == before
    assert list(iterator) == expected.draw(320, seed=SEED).tolist()[taken:]


def test_every_iterator_of_every_sampler_counts_even_after_its_end() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 320, seed=SEED)
    old = begun(sampler, 40)
    new = begun(sampler, 1)  # epoch 1
    assert source.next_position == 336
    del new
    next(old)
    assert source.next_position == 336
    begun(WeightedRandomSampler(source, 1000, seed=9), 500)  # gone at once
    gc.collect()
    assert source.next_position == 512
    list(WeightedRandomSampler(source, 600, seed=9))
    assert source.next_position == 608
    assert pickle.loads(pickle.dumps(source)).next_position == 608


def test_what_is_only_looked_at_does_not_count() -> None:
    source = mixture()
    source.draw(500, seed=SEED)
    source.counts(10**6, seed=SEED)
    sampler = WeightedRandomSampler(source, 320, seed=SEED)
    audit_coverage(source, seed=SEED, epochs=2, num_samples=320)
    iter(sampler)
    assert source.next_position == 0


def test_batches_count_when_they_are_handed_out() -> None:
    source = mixture()
    batches = iter(WeightedBatchSampler(WeightedRandomSampler(source, 320, seed=SEED), 10))
    for _ in range(5):
        next(batches)
    assert source.next_position == 64  # 50 indices
    source.at(64, LATER)
    expected = source.draw(320, seed=SEED).tolist()
    assert [index for batch in batches for index in batch] == expected[50:]


def test_batches_in_tensors_count_too_and_follow_new_shares() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 320, seed=SEED)
    batches = sampler.batches_on("cpu", 10)
    drawn = [next(batches) for _ in range(5)]
    assert source.next_position == 64
    source.at(64, LATER)
    assert torch.cat([*drawn, *batches]).tolist() == source.draw(320, seed=SEED).tolist()


def test_a_rank_knows_its_own_positions_only() -> None:
    source = mixture()
    begun(DistributedWeightedSampler(source, 320, 4, 2, seed=SEED), 8)  # positions 2, 6, ..., 30
    assert source.next_position == 32
    other = mixture()
    begun(DistributedWeightedSampler(other, 320, 4, 2, seed=SEED), 4)
    assert other.next_position == 16


def test_padding_stands_at_no_position() -> None:
    source = mixture()
    assert len(list(DistributedWeightedSampler(source, 321, 4, 3, seed=SEED))) == 81
    assert source.next_position == 320  # position 319; the last index is padding


def test_a_loaded_state_says_what_is_past() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 320, seed=SEED)
    begun(sampler, 100)
    state = sampler.state_dict()
    fresh = mixture()
    other = WeightedRandomSampler(fresh, 320, seed=SEED)
    other.load_state_dict(state)
    assert fresh.next_position == 112
    with pytest.raises(ValueError, match="positions up to 99 have been handed out"):
        fresh.at(111, LATER)
    list(sampler)  # epoch 1
    assert source.next_position == 640
    sampler.load_state_dict(state)  # back again: what came after is handed out anew
    assert source.next_position == 112
    source.at(112, LATER)
    assert list(sampler) == source.draw(320, seed=SEED).tolist()[100:]
    iterator = iter(other)
    iterator.load_state_dict(state)  # type: ignore[attr-defined]
    assert fresh.next_position == 112


def test_a_finished_epoch_is_past_to_its_end() -> None:
    source, fresh = mixture(), mixture()
    sampler = WeightedRandomSampler(source, 100, seed=SEED)
    list(sampler)
    other = WeightedRandomSampler(fresh, 100, seed=SEED)
    other.load_state_dict(sampler.state_dict())
    assert fresh.next_position == 112
    assert list(other) == source.draw(200, seed=SEED).tolist()[100:]


def test_stages_may_be_set_in_any_order_and_one_set_twice_is_replaced() -> None:
    source, other = mixture([(0, SHARES), (480, [1, 0, 0, 0])]), mixture([(0, SHARES), (480, [1, 0, 0, 0])])
    source.at(320, LATER)
    source.at(160, [0, 0, 1, 0])
    source.at(325, [0, 1, 0, 0])  # the same window
    other.at(160, [0, 0, 1, 0])
    other.at(320, [0, 1, 0, 0])
    assert torch.equal(source.draw(640, seed=SEED), other.draw(640, seed=SEED))
    drawn = source.draw(640, seed=SEED).tolist()
    assert {source.locate(index)[0] for index in drawn[160:320]} == {"books"}
    assert {source.locate(index)[0] for index in drawn[320:480]} == {"code"}
    assert {source.locate(index)[0] for index in drawn[480:]} == {"web"}
    with pytest.raises(ValueError, match=r"position 490.*stage given at construction"):
        source.at(490, LATER)


def test_audits_and_positions_know_the_stages() -> None:
    source = mixture([(0, SHARES), (320, [0, 0, 1, 1])])
    sampler = WeightedRandomSampler(source, 320, seed=SEED)
    drawn = list(sampler)
    source.at(400, [0, 1, 0, 0])
    iterator = iter(sampler)
    drawn += [next(iterator) for _ in range(200)]
    state = json.loads(json.dumps(sampler.state_dict()))
    fresh = mixture([(0, SHARES), (320, [0, 0, 1, 1])])
    other = WeightedRandomSampler(fresh, 320, seed=SEED)
    audit = audit_coverage(other, state, counts=True)
    assert audit.counts.tolist() == [Counter(drawn)[i] for i in range(source.num_items)]
    assert "stages" not in fresh.state()  # an audit leaves the source alone
    item = drawn[500]  # of "code", after the stage
    expected = [[i // 320, i % 320] for i, index in enumerate(drawn) if index == item]
    assert positions_of(item, other, state).tolist() == expected
    assert [180 + 320] in [[e * 320 + p] for e, p in expected]
