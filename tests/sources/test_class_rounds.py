"""Rotating under-sampling and m-per-class batches: what they show, and that nothing is lost."""

from __future__ import annotations

import copy
import math
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from chi_square import check
from hypothesis import given
from hypothesis import strategies as st

from pysampler import (
    MPerClassBatches,
    UnderSampling,
    read_labels,
)

CATS = ["Siamese"] * 160 + ["Birman"] * 10
SEVEN = np.random.default_rng(0).permutation(np.repeat(np.arange(7), [5, 3, 9, 4, 0, 7, 1]))  # class 4 is empty
FROZEN_UNDER_SAMPLED = [42, 51, 3, 10, 50, 52, 11, 53]
FROZEN_BATCH = [8, 9, 10, 2, 1, 4]


def epoch_of(rounds: UnderSampling | MPerClassBatches, epoch: int, seed: int = 0) -> list[int]:
    shown: list[int] = rounds.draw(rounds.num_samples, seed=seed, epoch=epoch).tolist()
    return shown


# ---- under-sampling --------------------------------------------------------------------------------


def test_the_article_s_cats_are_all_shown_within_sixteen_epochs() -> None:
    rounds = UnderSampling(CATS)
    assert (len(rounds), rounds.num_samples, rounds.epochs_to_show_all) == (170, 20, 16)
    for first in (0, 16, 160):
        epochs = [epoch_of(rounds, epoch) for epoch in range(first, first + 16)]
        for shown in epochs:
            assert len(set(shown)) == 20
            assert set(range(160, 170)) <= set(shown)
        majority = [item for shown in epochs for item in shown if item < 160]
        assert sorted(majority) == list(range(160))


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=5),
    st.lists(st.integers(0, 50), min_size=5, max_size=5),
    st.integers(0, 2**47),
    st.integers(-(2**63), 2**64 - 1),
)
def test_epochs_keep_quotas_show_nothing_twice_and_lose_nothing(
    sizes: list[int], wanted: list[int], cycle: int, seed: int
) -> None:
    codes = np.random.default_rng(sum(sizes)).permutation(np.repeat(np.arange(len(sizes)), sizes))
    quotas = [quota if size else 0 for size, quota in zip(sizes, wanted, strict=False)]
    if not any(quotas):
        return
    labels = read_labels(codes, classes=range(len(sizes)))
    rounds = UnderSampling(labels, quotas)
    runs = [math.ceil(size / quota) for size, quota in zip(sizes, quotas, strict=True) if quota]
    assert rounds.epochs_to_show_all == max(runs)
    first = cycle // math.lcm(*runs) * math.lcm(*runs)  # a common beginning of everybody's cycle
    times: Counter[int] = Counter()
    for epoch in range(first, first + rounds.epochs_to_show_all):
        shown = Counter(epoch_of(rounds, epoch, seed))
        times += shown
        per_class = Counter(codes[item] for item, count in shown.items() for _ in range(count))
        assert [per_class[c] for c in range(len(sizes))] == quotas
        for item, count in shown.items():
            least = quotas[codes[item]] // sizes[codes[item]]
            assert count in (least, least + 1)
    assert set(times) == {item for item in range(len(codes)) if quotas[codes[item]]}


def test_cycles_and_seeds_divide_the_majority_differently() -> None:
    rounds = UnderSampling(CATS)
    parts = [frozenset(epoch_of(rounds, epoch, seed)) for epoch in (0, 16, 32) for seed in (0, 1)]
    assert len(set(parts)) == len(parts)
    assert epoch_of(rounds, 3) == epoch_of(UnderSampling(CATS), 3)


def test_every_part_and_order_is_equally_likely() -> None:
    """Over seeds: which two of five items the first epoch shows, and where an item of the other class stands."""
    rounds = UnderSampling([0, 0, 0, 0, 0, 1, 1])
    pairs, places = [], []
    for seed in range(6000):
        shown = epoch_of(rounds, 0, seed)
        first, second = sorted(item for item in shown if item < 5)
        pairs.append([(a, b) for a in range(5) for b in range(a + 1, 5)].index((first, second)))
        places.append(shown.index(5))
    check(np.array(pairs), np.full(10, 0.1))
    check(np.array(places), np.full(4, 0.25))


def test_what_comes_twice_in_a_cycle_is_chosen_anew() -> None:
    rounds = UnderSampling([0] * 10 + [1] * 4)  # three epochs show twelve of ten
    twice = []
    for cycle in range(2000):
        times = Counter(item for epoch in range(3) for item in epoch_of(rounds, 3 * cycle + epoch) if item < 10)
        assert sorted(times.values()) == [1] * 8 + [2] * 2
        twice += [item for item, count in times.items() if count == 2]
    check(np.array(twice), np.full(10, 0.1))


def test_numbers_per_class_come_in_every_form() -> None:
    for per_class in (7, [7, 7], {"Birman": 7, "Siamese": 7}, np.array([7, 7]), torch.tensor([7, 7])):
        assert epoch_of(UnderSampling(CATS, per_class), 2) == epoch_of(UnderSampling(CATS, 7), 2)
    one_sided = UnderSampling(CATS, {"Birman": 0, "Siamese": 3})
    assert max(epoch_of(one_sided, 0)) < 160
    assert UnderSampling(read_labels(SEVEN, classes=range(7))).num_samples == 6  # one of each that has any


@pytest.mark.parametrize(
    ("per_class", "error", "message"),
    [
        (0, ValueError, "per_class must be in"),
        (-1, ValueError, "per_class=-1"),
        (True, TypeError, "per_class=True"),
        (1.5, TypeError, "per_class=1.5"),
        ("ab", TypeError, "per_class='ab'"),
        (2**32, ValueError, "per_class"),
        ([1], ValueError, "one number per class, 7, but it has 1"),
        ([1, 1, 1, 1, 1, 1, 1], ValueError, "asks for 1 items of class 4, which has none"),
        ([0] * 7, ValueError, "zero for all"),
        ([1, 1, 1, 1, 0, 1, 1.5], TypeError, r"per_class\[6\]"),
        ({0: 1, "x": 2}, ValueError, "per_class name 'x'"),
        ({0: 1}, ValueError, "per_class must name every class that has items, but 1"),
        ({0: -1}, ValueError, r"per_class\[0\]"),
    ],
)
def test_wrong_numbers_per_class_are_named(per_class: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        UnderSampling(read_labels(SEVEN, classes=range(7)), per_class)


# ---- m per class -----------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**40)
)
def test_batches_have_m_of_each_and_items_come_in_turn(sizes: list[int], m: int, groups: int, first_epoch: int) -> None:
    groups = min(groups, len(sizes))
    codes = np.random.default_rng(m).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rounds = MPerClassBatches(codes, m, groups * m, 4 * groups * m - 1)
    assert rounds.num_samples == 3 * groups * m
    times: Counter[int] = Counter()
    for epoch in range(first_epoch, first_epoch + 4):
        for batch in np.array(epoch_of(rounds, epoch)).reshape(3, groups, m):
            classes = codes[batch]
            assert (classes == classes[:, :1]).all()
            assert len(set(classes[:, 0].tolist())) == groups
            for items, of_class in zip(batch, classes[:, 0], strict=True):
                assert len(set(items.tolist())) == min(m, sizes[of_class])
            times.update(classes[:, 0].tolist())
    counts = [times[c] for c in range(len(sizes))]
    assert max(counts) - min(counts) <= 1 + (first_epoch > 0)  # from any beginning


def test_all_items_of_every_class_are_shown_when_their_rounds_are_over() -> None:
    rounds = MPerClassBatches(SEVEN, 2, 4, 400)
    counts = np.bincount(SEVEN)
    seen: dict[int, list[set[int]]] = {}
    for epoch in range(3):
        for group in np.array(epoch_of(rounds, epoch)).reshape(-1, 2):
            seen.setdefault(int(SEVEN[group[0]]), []).append(set(group.tolist()))
    assert sorted(seen) == [0, 1, 2, 3, 5, 6]
    for of_class, groups in seen.items():
        cycle = math.ceil(counts[of_class] / 2)
        for begin in range(0, len(groups) - cycle + 1, cycle):
            assert len(set().union(*groups[begin : begin + cycle])) == counts[of_class]


def test_the_arguments_are_those_of_pytorch_metric_learning() -> None:
    whole = MPerClassBatches(SEVEN, 4)
    assert (whole.batch_size, whole.num_samples) == (24, 100000 // 24 * 24)
    assert MPerClassBatches(SEVEN, 4, 12, 100).num_samples == 96
    assert MPerClassBatches(SEVEN, 4, length_before_new_iter=5).num_samples == 24  # at least one batch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"m": 0}, "m should be a positive integer value"),
        ({"m": 1.5}, "m should be a positive integer value"),
        ({"m": 4, "batch_size": 10}, "multiple of m, but got batch_size=10 and m=4"),
        ({"m": 4, "batch_size": 28}, r"4 \* 6 = 24, but got batch_size=28"),
        ({"m": 4, "batch_size": 8, "length_before_new_iter": 7}, "at least batch_size=8"),
        ({"m": 4, "batch_size": 0}, "batch_size should be a positive integer value"),
        ({"m": 4, "length_before_new_iter": 0}, "length_before_new_iter should be a positive"),
    ],
)
def test_wrong_batches_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MPerClassBatches(SEVEN, **arguments)


# ---- both ------------------------------------------------------------------------------------------

ROUNDS = [UnderSampling(SEVEN[SEVEN != 6], [2, 2, 5, 2, 0, 2]), MPerClassBatches(SEVEN, 3, 6, 30)]


@pytest.mark.parametrize("rounds", ROUNDS, ids=repr)
def test_any_position_stands_alone(rounds: UnderSampling | MPerClassBatches, threads: int) -> None:
    whole = rounds.draw(400_000, seed=3, epoch=5)
    assert torch.equal(rounds.draw(1000, seed=3, epoch=5, start=77, step=3), whole[77 : 77 + 3000 : 3])
    assert rounds.draw(1, seed=3, epoch=5, start=12).tolist() == [whole[12].item()]
    assert rounds.draw(0, seed=3).tolist() == []


@pytest.mark.parametrize("rounds", ROUNDS, ids=repr)
def test_rounds_travel_and_know_themselves(rounds: UnderSampling | MPerClassBatches) -> None:
    again = pickle.loads(pickle.dumps(rounds))
    assert again.fingerprint == rounds.fingerprint
    assert again.classes == rounds.classes
    assert epoch_of(again, 7) == epoch_of(rounds, 7)
    assert copy.deepcopy(rounds) is rounds
    assert repr(again) == repr(rounds)


def test_fingerprints_tell_what_is_shown_apart() -> None:
    prints = {
        UnderSampling(CATS).fingerprint,
        UnderSampling(CATS, 9).fingerprint,
        UnderSampling(CATS, [9, 10]).fingerprint,
        UnderSampling(CATS[::-1]).fingerprint,
        MPerClassBatches(CATS, 2).fingerprint,
        MPerClassBatches(CATS, 3).fingerprint,
        MPerClassBatches(CATS, 2, 2).fingerprint,
        MPerClassBatches(CATS, 2, length_before_new_iter=40).fingerprint,
    }
    assert len(prints) == 8


@pytest.mark.parametrize("rounds", ROUNDS, ids=repr)
def test_probabilities_are_the_shares_in_the_long_run(rounds: UnderSampling | MPerClassBatches) -> None:
    probabilities = rounds.probabilities().numpy()
    assert probabilities.sum() == pytest.approx(1)
    counts = np.zeros(len(rounds))
    for epoch in range(840):
        counts += np.bincount(epoch_of(rounds, epoch), minlength=len(rounds))
    assert counts / counts.sum() == pytest.approx(probabilities, abs=0.004)


def test_the_streams_are_frozen() -> None:
    assert epoch_of(UnderSampling([0] * 50 + [1] * 4), 11, seed=2024) == FROZEN_UNDER_SAMPLED
    assert epoch_of(MPerClassBatches(np.repeat([0, 1, 2], [5, 6, 7]), 3, 6, 6), 2, seed=2024) == FROZEN_BATCH


def test_an_epoch_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="num_samples=20 positions here, but got 21"):
        UnderSampling(CATS).epoch(0, 0, 21)
