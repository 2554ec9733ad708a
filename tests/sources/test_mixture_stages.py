"""Schedules of a mixture: stages at construction and while running, in states, audits and copies."""

from __future__ import annotations

import copy
import gc
import itertools
import json
import math
import pickle
from collections import Counter
from typing import Any

import pytest
import torch

from pysampler import (
    AliasTable,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    Mixture,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    piecewise_linear,
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


def test_only_stages_set_later_are_in_the_state_and_those_given_at_construction_in_the_fingerprint() -> None:
    plain, staged = mixture(), mixture([(0, SHARES), (160, LATER)])
    assert plain.fingerprint != staged.fingerprint
    assert plain.state() == staged.state()
    before = plain.fingerprint
    plain.at(160, LATER)
    assert plain.fingerprint == before
    (stage,) = plain.state()["stages"]
    assert stage == [10, [2**62] * 4]
    with pytest.raises(ValueError, match="the shares given at construction"):
        WeightedRandomSampler(staged, 10, seed=SEED).load_state_dict(
            WeightedRandomSampler(plain, 10, seed=SEED).state_dict()
        )


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


def test_counts_and_passes_over_stages_in_which_sources_start_late_rest_and_end() -> None:
    stages = [(0, [1, 0, 1, 0]), (160, [1, 1, 0, 0]), (480, [1, 1, 1, 1]), (640, [1, 0, 0, 1])]
    source = mixture(stages)
    drawn = [source.locate(index)[0] for index in source.draw(2000, seed=SEED).tolist()]
    assert "code" not in drawn[:160]
    assert "books" not in drawn[160:480]
    assert "notes" not in drawn[:480]
    assert set(drawn[640:]) == {"web", "notes"}
    for position in (0, 1, 159, 160, 161, 480, 500, 639, 2000):
        counted = source.counts(position, seed=SEED)
        assert counted == {name: drawn[:position].count(name) for name in NAMES}
        assert source.passes(position, seed=SEED) == {
            name: counted[name] / size for name, size in zip(NAMES, SIZES, strict=True)
        }
    # Rest or not, a source goes on where it stood: after whole windows its passes are whole but for the last.
    drawn_items = source.draw(40_000, seed=SEED).tolist()
    for position in (160, 320, 496, 640, 1600, 40_000):
        times, counted = Counter(drawn_items[:position]), source.counts(position, seed=SEED)
        first = 0
        for name, size in zip(NAMES, SIZES, strict=True):
            whole, rest = divmod(counted[name], size)
            assert (
                Counter(times[item] - whole for item in range(first, first + size))
                == Counter({0: size - rest, 1: rest}) - Counter()
            )
            first += size


@pytest.mark.parametrize("stop", ["first", "all"])
def test_an_epoch_stops_where_it_is_told_to(stop: Any) -> None:
    source = mixture(stop=stop, shares=[0.5, 0.3, 0.15, 0.005])
    sampler = WeightedRandomSampler(source, seed=SEED)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == source.draws_until(stop, seed=SEED)
    seen = Counter(drawn)
    missing = [i for i in range(source.num_items) if i not in seen]
    if stop == "first":
        assert max(seen.values()) == 1
        following = Counter(source.draw(len(drawn) + 16, seed=SEED).tolist())
        names = {source.locate(index)[0] for index, times in following.items() if times > 1}
        counted = source.counts(len(drawn) + 16, seed=SEED)
        assert names <= {name for name, size in zip(NAMES, SIZES, strict=True) if counted[name] > size}
        assert any(counted[name] > size for name, size in zip(NAMES, SIZES, strict=True))
    else:
        assert not missing
        assert len(set(drawn[:-16])) < source.num_items
    other = WeightedRandomSampler(mixture(stop=stop, shares=[0.5, 0.3, 0.15, 0.005]), seed=SEED + 1)
    assert len(other) == other.source.draws_until(stop, seed=SEED + 1)  # type: ignore[attr-defined]
    audit = audit_coverage(source, seed=SEED, epochs=1)
    assert (audit.draws_per_epoch, audit.unique) == (len(drawn), len(seen))


def test_an_epochs_length_is_that_of_the_constructors_shares() -> None:
    source = mixture(stop="all")
    length = len(WeightedRandomSampler(source, seed=SEED))
    source.at(160, LATER)
    assert len(WeightedRandomSampler(source, seed=SEED)) == length
    assert source.draws_until("all", seed=SEED) != length


def test_stops_that_cannot_be_computed_say_why() -> None:
    with pytest.raises(ValueError, match="stop must be 'first' or 'all', but got stop='last'"):
        mixture(stop="last")
    with pytest.raises(ValueError, match="depends on the key: give seed= or num_samples="):
        WeightedRandomSampler(mixture(stop="first"))
    assert len(WeightedRandomSampler(mixture(stop="first"), 100)) == 100
    with pytest.raises(ValueError, match=r"source notes does not end its first pass.*leave it out"):
        WeightedRandomSampler(mixture([1, 1, 1, 0], stop="all"), seed=0)
    with pytest.raises(ValueError, match="source notes begins its second pass in the first window"):
        WeightedRandomSampler(mixture([0, 0, 0, 1], stop="first"), seed=0)
    with pytest.raises(ValueError, match="these are tables, drawn by weight"):
        WeightedRandomSampler(Mixture([AliasTable([1.0, 2.0])], stop="first"), seed=0)


def test_sources_may_be_added_at_the_end_when_a_run_goes_on() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 640, seed=SEED)
    iterator = begun(sampler, 100)
    source.at(160, LATER)
    state = json.loads(json.dumps(sampler.state_dict()))
    grown = Mixture([*SIZES, 40, 30], [*SHARES, 0, 0], window=16, names=[*NAMES, "new", "newer"])
    resumed = WeightedRandomSampler(grown, 640, seed=SEED)
    resumed.load_state_dict(state)
    grown.at(320, [1, 1, 1, 1, 2, 0])
    rest = list(resumed)
    assert rest[:220] == list(iterator)[:220]
    late = Counter(grown.locate(index)[0] for index in rest[220:])
    assert late["newer"] == 0
    assert 100 <= late["new"] <= 112  # a third of 320, give or take what a lattice is off
    # And on from there, again with one more; but no more without one that has had a share.
    again = json.loads(json.dumps(resumed.state_dict()))
    third = WeightedRandomSampler(Mixture([*SIZES, 40, 30, 5], [*SHARES, 0, 0, 0], window=16), 640, seed=SEED)
    third.load_state_dict(again)
    assert third.source.draw(640, seed=SEED).tolist() == grown.draw(640, seed=SEED).tolist()
    with pytest.raises(ValueError, match="the state has 6 sources, but there are 4 here: sources may be added"):
        WeightedRandomSampler(mixture(), 640, seed=SEED).load_state_dict(again)
    with pytest.raises(ValueError, match="Source 4 had 40 items when the state was saved, and has 41 here"):
        WeightedRandomSampler(Mixture([*SIZES, 41, 30], [*SHARES, 0, 0], window=16), 640, seed=SEED).load_state_dict(
            again
        )


def test_a_state_of_another_mixture_names_what_differs() -> None:
    state = WeightedRandomSampler(mixture(), 640, seed=SEED).state_dict()

    def load(*arguments: Any, **options: Any) -> None:
        WeightedRandomSampler(Mixture(*arguments, **options), 640, seed=SEED).load_state_dict(state)

    with pytest.raises(ValueError, match="Source books had 200 items when the state was saved, and has 201 here"):
        load([1000, 50, 201, 7], SHARES, window=16, names=NAMES)
    with pytest.raises(ValueError, match="The window was 16 when the state was saved, and is 32 here"):
        load(SIZES, SHARES, window=32)
    with pytest.raises(ValueError, match="There were 4 sources when the state was saved, and are 3 here"):
        load(SIZES[:3], SHARES[:3], window=16)
    with pytest.raises(ValueError, match=r"or the shares given at construction.*new shares to at"):
        load(SIZES, LATER, window=16)
    with pytest.raises(ValueError, match="share 0 for sources added at the end"):
        load([*SIZES, 10], [*SHARES, 0.1], window=16)
    load([*SIZES, 10], [*SHARES, 0], window=16)
    load(SIZES, dict(zip(NAMES, SHARES, strict=True)), window=16, names=NAMES)
    state = WeightedRandomSampler([1.0, 2.0], 640, seed=SEED).state_dict()
    with pytest.raises(ValueError, match=r"kind is 'weighted' in the state but 'mixture' here.*not one of a mixture"):
        load(SIZES, SHARES, window=16)


@pytest.mark.parametrize(
    "damage",
    [
        {"stages": [[0, [2**62] * 4]]},
        {"stages": [[3, [2**62] * 3 + [0]]]},
        {"stages": [[3, [2**62] * 4], [3, [2**62] * 4]]},
        {"stages": [[3, [2**63, 2**63, 2**63, -(2**63)]]]},
        {"stages": [[3.0, [2**62] * 4]]},
        {"stages": [[3, "abcd"]]},
        {"stages": [3]},
        {"stages": "none"},
        {"stages": [[2**62, [2**62] * 4]]},
        {"digest": "0" * 32},
        {"more": 1},
    ],
)
def test_damaged_states_are_refused_and_change_nothing(damage: dict[str, Any]) -> None:
    source = mixture()
    source.at(160, LATER)
    before = source.draw(640, seed=SEED)
    with pytest.raises(ValueError, match=r"damaged|another mixture|no state of a mixture"):
        source.load_state({**source.state(), **damage})
    assert torch.equal(source.draw(640, seed=SEED), before)


def test_padding_is_drawn_by_itself_and_never_the_next_epochs_first_items() -> None:
    source = Mixture([2**40, 2**40, 2**40], [2, 1, 0], window=8)
    world = 64
    padded = [list(DistributedWeightedSampler(source, 65, world, rank, seed=SEED))[1] for rank in range(1, world)]
    following = source.draw(1000, seed=SEED, start=65).tolist()
    assert not set(padded) & set(following)  # of 2^40 items
    owners = Counter(source.locate(index)[0] for index in padded)
    assert set(owners) == {"0", "1"}
    assert 22 <= owners["0"] <= 60  # 63 independent draws with 2/3: six standard deviations are 22
    assert list(WeightedRandomSampler(source, 65, seed=SEED)) == source.draw(65, seed=SEED).tolist()


def test_drop_last_warns_that_passes_lack_items_and_names_lengths_that_divide() -> None:
    for sampler, numbers in (
        (DistributedWeightedSampler(mixture(), 643, 4, 0, seed=SEED, drop_last=True), "640 or 644"),
        (
            DistributedWeightedBatchSampler(mixture(), 643, 4, 0, batch_size=10, seed=SEED, drop_last=True),
            "640 or 680",
        ),
    ):
        with pytest.warns(UserWarning, match=f"leaves out 3 of the epoch's 643 draws.*num_samples={numbers}"):
            next(iter(sampler))
    next(iter(DistributedWeightedSampler(mixture(), 644, 4, 0, seed=SEED, drop_last=True)))
    next(iter(DistributedWeightedSampler(mixture(), 643, 4, 0, seed=SEED)))


def test_without_dropping_ranks_together_keep_the_passes() -> None:
    ranks = [DistributedWeightedSampler(mixture(), 643, 4, rank, seed=SEED) for rank in range(4)]
    handed_out: list[int] = []
    for _ in range(5):
        rows = list(zip(*(list(rank) for rank in ranks), strict=True))
        handed_out += [index for row in rows for index in row][:643]
    assert handed_out == mixture().draw(5 * 643, seed=SEED).tolist()


def test_straight_lines_deliver_what_they_would_if_shares_moved_all_the_time() -> None:
    window, steps = 16, 10
    stages = piecewise_linear([(0, [3, 1]), (16_000, [1, 3]), (32_000, [0, 1])], steps=steps)
    assert len(stages) == 2 * steps + 1
    assert stages[0][0] == 0
    assert stages[0][1] == pytest.approx([0.725, 0.275])
    assert stages[-1] == (32_000, [0.0, 1.0])
    source = Mixture([10**6, 10**6], stages, window=window)
    for end, mean in ((16_000, 0.5), (32_000, 0.3125)):
        off = source.counts(end, seed=SEED)["0"] - end * mean
        assert abs(off) <= 2 * steps * 4  # each stage adds a little of its own
    assert source.counts(40_000, seed=SEED)["0"] == source.counts(32_000, seed=SEED)["0"]
    named = piecewise_linear([(100, {"a": 1, "b": 0}), (200, {"b": 1, "a": 0})], steps=1)
    assert named == [(0, {"a": 1.0, "b": 0.0}), (100, {"a": 0.5, "b": 0.5}), (200, {"a": 0.0, "b": 1.0})]


@pytest.mark.parametrize(
    ("points", "steps", "message"),
    [
        ([(0, [1, 1])], 2, "two points or more, but got 1"),
        ([(0, [1, 1]), (0, [1, 1])], 1, "positions must ascend"),
        ([(0, [1, 1]), (3, [1, 1])], 4, "by 4 at least"),
        ([(0, [1, 1]), (9, [1, 1, 1])], 4, "one for each of 2 sources, but got 3"),
        ([(0, {"a": 1}), (9, {"b": 1})], 4, "'b' is unknown"),
        ([(0, [1, 1]), (9, [0, 0])], 4, "must not all be 0"),
        ([(0, [1, math.nan]), (9, [0, 1])], 4, "that of source 1 is nan"),
        ([(0, [1, 1]), (9, [0, 1])], 0, "steps must be >= 1"),
    ],
)
def test_lines_that_cannot_be_drawn_say_why(points: Any, steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        piecewise_linear(points, steps=steps)


def test_shares_of_length_give_each_source_its_part_of_the_tokens() -> None:
    lengths = {"web": 500.0, "code": 1000, "books": 100_000, "notes": 10}
    source = mixture([4, 3, 2, 1], lengths=lengths)
    counted = source.counts(16 * 10**7, seed=SEED)
    tokens = {name: counted[name] * lengths[name] for name in NAMES}
    total = sum(tokens.values())
    assert [tokens[name] / total for name in NAMES] == pytest.approx([0.4, 0.3, 0.2, 0.1], rel=1e-4)
    source.at(16 * 10**7, [1, 0, 1, 0])
    later = source.counts(32 * 10**7, seed=SEED)
    assert (later["web"] - counted["web"]) / (later["books"] - counted["books"]) == pytest.approx(200, rel=1e-4)
    again = pickle.loads(pickle.dumps(source))
    again.at(48 * 10**7, [1, 1, 1, 1])
    source.at(48 * 10**7, [1, 1, 1, 1])
    assert again.state() == source.state()
    assert mixture(None, lengths=lengths).fingerprint == mixture(SIZES).fingerprint  # every item the same chance


@pytest.mark.parametrize("lengths", [[1, 1, 1, 0], [1, 1, -1, 1], [1, math.inf, 1, 1], [1, 1, 1, "long"]])
def test_lengths_must_be_positive_numbers(lengths: Any) -> None:
    with pytest.raises(ValueError, match="lengths must be finite and greater than 0, but that of source"):
        mixture(lengths=lengths)
    with pytest.raises(ValueError, match="lengths must be one for each of 4 sources, but got 2"):
        mixture(lengths=[1, 2])
