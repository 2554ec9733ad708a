"""States of mixtures: what they hold, sources added since, what is refused; padding and what drop_last drops."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch

from pysampler import (
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    Mixture,
    WeightedRandomSampler,
)

SIZES, SHARES, LATER = [1000, 50, 200, 7], [0.5, 0.3, 0.15, 0.05], [1, 1, 1, 1]
NAMES = ["web", "code", "books", "notes"]
SEED = 3


def mixture(shares: Any = SHARES, **options: Any) -> Mixture:
    return Mixture(SIZES, shares, window=16, names=NAMES, **options)


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


def test_sources_may_be_added_at_the_end_when_a_run_goes_on() -> None:
    source = mixture()
    sampler = WeightedRandomSampler(source, 640, seed=SEED)
    iterator = iter(sampler)
    for _ in range(100):
        next(iterator)
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


def test_an_empty_state_drops_no_stage() -> None:
    source = mixture()
    source.at(160, LATER)
    before = source.draw(640, seed=SEED)
    with pytest.raises(ValueError, match="names no window"):
        source.load_state({})
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
