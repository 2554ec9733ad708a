"""Schedules of mixtures given at once: late starts, rests, stops, straight lines, shares of length."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from typing import Any

import pytest

from pysampler import (
    AliasTable,
    Mixture,
    WeightedRandomSampler,
    audit_coverage,
    piecewise_linear,
)

SIZES, SHARES, LATER = [1000, 50, 200, 7], [0.5, 0.3, 0.15, 0.05], [1, 1, 1, 1]
NAMES = ["web", "code", "books", "notes"]
SEED = 3


def mixture(shares: Any = SHARES, **options: Any) -> Mixture:
    return Mixture(SIZES, shares, window=16, names=NAMES, **options)


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
