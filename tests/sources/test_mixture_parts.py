"""What a mixture takes for sources, names and shares; and what it refuses, by name."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch

from pysampler import (
    AliasTable,
    ClassTable,
    DynamicTable,
    Mixture,
    Shuffle,
    WeightedRandomSampler,
    _core,
    epochs,
    temperature,
    unimax,
)
from pysampler.sources.mixture_shares import share_masses

TABLE_TAG = 20


def test_parts_of_a_concatenated_dataset_keep_its_flat_indices() -> None:
    parts = [torch.utils.data.TensorDataset(torch.arange(10 * n, 11 * n)) for n in (5, 9)]
    whole = torch.utils.data.ConcatDataset(parts)
    source = Mixture(whole, [1, 1], window=2)
    assert (source.sizes, source.num_items) == ((5, 9), 14)
    assert source.locate(4) == ("0", 4)
    assert source.locate(5) == ("1", 0)
    loader = torch.utils.data.DataLoader(whole, 2, sampler=WeightedRandomSampler(source, 90, seed=0), num_workers=1)
    seen = [int(value) for (batch,) in loader for value in batch]
    assert [value >= 90 for value in seen].count(True) == 45
    assert set(Counter(value for value in seen if value < 90).values()) == {9}
    assert set(Counter(value for value in seen if value >= 90).values()) == {5}


def test_sources_are_sizes_sized_things_arrays_and_dicts_of_them() -> None:
    expected = Mixture([5, 9], window=4)
    for sources in (
        [range(5), [0] * 9],
        (np.int64(5), torch.tensor(9)),
        np.array([5, 9]),
        torch.tensor([5, 9]),
        [np.zeros((5, 2)), torch.zeros(9, 3)],
        {"web": 5, "code": range(9)},
        iter([5, 9]),
    ):
        source = Mixture(sources, window=4)
        assert source.fingerprint == expected.fingerprint
        assert torch.equal(source.draw(100, seed=1), expected.draw(100, seed=1))
    named = Mixture({"web": 5, "code": 9}, {"code": 1, "web": 3}, window=4)
    assert named.names == ("web", "code")
    assert named.counts(400, seed=0) == {"web": 300, "code": 100}
    assert Mixture({"web": 5}, names=["other"]).names == ("other",)


def test_a_tables_items_are_its_draws_at_their_occurrences() -> None:
    table, classes = AliasTable([1.0, 0.0, 3.0, 0.5]), ClassTable([0, 1, 1, 1, 2], [1.0, 2.0, 0.0])
    source = Mixture([table, 5, classes], [3, 1, 2], window=12)
    seed, count = 7, 1200
    sources, occurrences = np.empty((2, count), dtype=np.int64)
    draws = _core.MixtureDraws(source._core, seed, 0, 2**61)
    draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, count, 0, 1)
    items = source.draw(count, seed=seed).numpy()
    mine = items[sources == 0]
    words = np.array([oracle.word(seed, 0, int(o), TABLE_TAG) for o in occurrences[sources == 0]], dtype=np.uint64)
    assert mine.tolist() == oracle.resolve(oracle.entries_of(table), words).tolist()
    own = np.bincount(items[sources == 2] - 9, minlength=5) / (sources == 2).sum()
    expected = classes.probabilities().numpy()
    deviations = np.sqrt(expected * (1 - expected) / (sources == 2).sum())
    assert (np.abs(own - expected) <= 6 * deviations).all()
    assert own[4] == 0


def test_mapped_tables_side_by_side_are_one_weighted_sampler_over_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tables = []
    for i in range(10):
        AliasTable(rng.random(1000) + 0.1).save(tmp_path / f"{i}")
        tables.append(AliasTable.load(tmp_path / f"{i}"))
    source = Mixture(tables, [1.0] * 10, window=10)
    assert source.num_items == 10_000
    copy = pickle.loads(pickle.dumps(source))  # by path: not the tables' bytes
    assert len(pickle.dumps(source)) < 10_000
    assert torch.equal(copy.draw(1000, seed=1), source.draw(1000, seed=1))
    assert copy.fingerprint == source.fingerprint
    drawn = np.bincount(source.draw(10**6, seed=1).numpy(), minlength=10_000)
    expected = source.probabilities().numpy() * 10**6
    assert ((drawn - expected) ** 2 / expected).sum() < 10_000 + 6 * math.sqrt(2 * 10_000)
    assert drawn.reshape(10, 1000).sum(axis=1).tolist() == [10**5] * 10


def test_as_many_sources_and_items_as_there_may_be() -> None:
    sources = Mixture([1000] * 2**16, window=256)
    assert sources.num_items == 1000 * 2**16
    drawn = sources.draw(2**18, seed=0)
    assert len(drawn.unique()) == 2**18
    assert sources.locate(sources.num_items - 1) == ("65535", 999)
    items = Mixture([2**61, 2**61 - 1, 1], [1, 1, 1], window=3)
    assert items.num_items == 2**62
    drawn = items.draw(300, seed=0)
    assert drawn[drawn >= 2**62 - 1].tolist() == [2**62 - 1] * 100
    assert ((drawn >= 2**61) & (drawn < 2**62 - 1)).sum() == 100
    assert len(drawn.unique()) == 201
    assert items.draw(1, seed=0, start=2**62 - 1).shape == (1,)
    with pytest.raises(ValueError, match=r"2\^62 positions"):
        items.draw(2, seed=0, start=2**62 - 1)


def test_shares_of_any_scale_become_masses_within_one_unit() -> None:
    for shares in ([1e-300, 3e-300], [1e300, 3e300], [2**70, 3 * 2**70], [0.1, 0.3], [5e-324, 1.5e-323]):
        masses = share_masses(shares, ["a", "b"])
        assert sum(masses) == 2**64
        assert masses[0] == pytest.approx(2**62, rel=1e-15)
    assert share_masses([1, 1e-300, 0], list("abc")) == [2**64 - 1, 1, 0]
    assert share_masses([0, 5, 0], list("abc")) == [0, 2**64, 0]


def test_shares_from_sizes() -> None:
    assert temperature([1, 3], 1) == [0.25, 0.75]
    assert temperature([1, 10**9, 0], math.inf) == [0.5, 0.5, 0.0]
    assert temperature([1, 4], 2) == pytest.approx([1 / 3, 2 / 3])
    assert unimax([10, 1000, 1000], 210, 1) == pytest.approx([10 / 210, 100 / 210, 100 / 210])
    assert unimax([10, 100, 1000], 10**9, 4) == pytest.approx([10 / 1110, 100 / 1110, 1000 / 1110])  # all at their most
    assert epochs([100, 10], [1, 5]) == pytest.approx([2 / 3, 1 / 3])


def test_sources_are_seen_as_often_as_epochs_says() -> None:
    sizes, times = [3000, 500, 70], [1, 2, 10]
    run = sum(size * time for size, time in zip(sizes, times, strict=True))
    source = Mixture(sizes, epochs(sizes, times), window=50)
    for name, passed in source.passes(run, seed=0).items():
        assert passed == pytest.approx(times[int(name)], abs=4 / sizes[int(name)])
    budget = 2000
    limited = Mixture(sizes, unimax(sizes, budget, 4), window=50)
    passes = limited.passes(budget, seed=0)
    assert passes["2"] == pytest.approx(4, abs=4 / 70)
    assert passes["0"] * 3000 == pytest.approx(passes["1"] * 500, abs=5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: temperature([1, -1], 1), ValueError, r"sizes\[1\] is -1"),
        (lambda: temperature([1, 2], 0), ValueError, "temperature must be greater than 0, but got 0"),
        (lambda: temperature([1, 2], math.nan), ValueError, "temperature must be greater than 0, but got nan"),
        (lambda: temperature([0, 0], 1), ValueError, "nothing is left to draw"),
        (lambda: temperature([], 1), ValueError, "nothing is left to draw"),
        (lambda: temperature([1, math.inf], 1), ValueError, r"sizes\[1\] is inf"),
        (lambda: temperature([1, "many"], 1), ValueError, r"sizes\[1\] is 'many'"),
        (lambda: unimax([1, 2], 0), ValueError, "budget must be in .*, but got budget=0"),
        (lambda: unimax([1, 2], 10, 0), ValueError, "max_epochs must be greater than 0"),
        (lambda: unimax([1, 2], 10, math.inf), ValueError, "max_epochs must be greater than 0"),
        (lambda: epochs([1, 2], [1]), ValueError, "a number of epochs for each of 2 sources, but got 1"),
        (lambda: epochs([1, 2], [1, -1]), ValueError, r"per_source\[1\] is -1"),
        (lambda: epochs([1, 2], [1, "two"]), ValueError, r"per_source\[1\] is 'two'"),
    ],
)
def test_shares_that_cannot_be_computed_say_why(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


class Endless(torch.utils.data.IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shares": [1, math.nan]}, ValueError, "that of source code is nan"),
        ({"shares": [1, -1]}, ValueError, "that of source code is -1"),
        ({"shares": [1, math.inf]}, ValueError, "that of source code is inf"),
        ({"shares": [0, 0]}, ValueError, "shares must not all be 0, but those of all 2 sources are"),
        ({"shares": [1]}, ValueError, "one for each of 2 sources, but got 1: the sources are 'web', 'code'"),
        ({"shares": [1, 2, 3]}, ValueError, "one for each of 2 sources, but got 3"),
        ({"shares": []}, ValueError, "one for each of 2 sources, but got 0"),
        ({"shares": {"web": 1}}, ValueError, "'code' is missing: the sources are 'web', 'code'"),
        ({"shares": {"web": 1, "code": 1, "x": 1}}, ValueError, "'x' is unknown: the sources are"),
        ({"shares": [1, "2"]}, TypeError, "the share of source code must be a number, but is '2'"),
        ({"shares": [1, True]}, TypeError, "the share of source code must be a number"),
        ({"shares": [1, None]}, TypeError, "the share of source code must be a number"),
        ({"shares": "ab"}, TypeError, "shares must be a number for each source or a dict by name, but got 'ab'"),
        ({"shares": 3}, TypeError, "shares must be a number for each source or a dict by name, but got 3"),
        ({"shares": [(0, [1, 1]), (3, [1, 1])]}, ValueError, "stage 1 begins at position 3"),
        ({"shares": [(300, [1, 1])]}, ValueError, "stage 0 begins at position 300"),
        ({"shares": [(0, [1, 1]), (600, [1, 1]), (300, [1, 1])]}, ValueError, "stage 2 begins at position 300"),
        ({"shares": [(0, [1, 1]), (300, [1, -1])]}, ValueError, "that of source code is -1"),
        ({"shares": [(0, [1, 1]), 5]}, ValueError, "a stage is .position, shares., but stage 1 is 5"),
        ({"shares": [(0, [1, 1], 2)]}, ValueError, "a stage is .position, shares., but stage 0 is"),
        ({"shares": [(-1, [1, 1])]}, ValueError, "position must be in"),
        ({"shares": [(0, [1, 1]), (2**62, [1, 1])]}, ValueError, "position must be in"),
        ({"window": 0}, ValueError, r"window must be in \[1, 16777216\], but got window=0"),
        ({"window": 2**24 + 1}, ValueError, "window must be in"),
        ({"window": 2.5}, TypeError, "window must be an integer, but got window=2.5"),
        ({"sources": [5, 0], "shares": [1, 1]}, ValueError, "source code has no items but a positive share: give it"),
        ({"sources": [5, []], "shares": [1, 1]}, ValueError, "source code has no items but a positive share"),
        ({"sources": [5, -1]}, ValueError, "the size of source 1 must be in"),
        ({"sources": [5, 2**62 + 1]}, ValueError, "the size of source 1 must be in"),
        ({"sources": [2**61, 2**61 + 1]}, ValueError, r"at most 2\^62 items, .* most of them source 1 with"),
        ({"sources": []}, ValueError, r"between 1 and 2\^16 sources, but got 0"),
        ({"sources": [1] * (2**16 + 1)}, ValueError, r"between 1 and 2\^16 sources, but got 65537"),
        (
            {"sources": 5},
            TypeError,
            "the sources of a mixture must be a sequence of sizes, datasets or tables, but got 5",
        ),
        ({"sources": "ab"}, TypeError, "the sources of a mixture must be a sequence of .*, but got 'ab'"),
        ({"sources": [5, "ab"]}, TypeError, "source 1 is a text"),
        ({"sources": [5, 2.5]}, TypeError, "source 1 must be a size, .* but is float"),
        (
            {"sources": [5, Endless()]},
            TypeError,
            "source 1 must be a size, .* but is Endless: give its number of items",
        ),
        ({"sources": [5, DynamicTable([1.0])]}, TypeError, "source 1 is a DynamicTable, whose own order or weights"),
        ({"sources": [5, Shuffle(5)]}, TypeError, "source 1 is a Shuffle"),
        ({"sources": [5, Mixture([5])]}, TypeError, "source 1 is a Mixture"),
        ({"names": ["a", "a"]}, ValueError, "'a' is given twice, to sources 0 and 1"),
        ({"names": ["a"]}, ValueError, "a name for each of 2 sources, but got 1"),
        ({"names": ["a", 2]}, TypeError, "that of source 1 is 2"),
        ({"names": "ab"}, TypeError, "names must be a sequence of strings, but got 'ab'"),
        ({"lengths": [1, math.nan]}, ValueError, "that of source code is nan"),
        ({"lengths": {"web": 1}}, ValueError, "lengths must name each source, but 'code' is missing"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"sources": [5, 6], "names": ["web", "code"], **arguments}
    with pytest.raises(error, match=message):
        Mixture(given.pop("sources"), given.pop("shares", None), **given)


def test_new_shares_are_checked_like_the_first_and_nothing_changes() -> None:
    source = Mixture([5, 6, 0], [1, 1, 0], names=["web", "code", "none"])
    before, state = source.draw(1000, seed=0), source.state()
    for shares, message in (
        ([1, math.nan, 0], "that of source code is nan"),
        ([1, 1, 1], "source none has no items but a positive share"),
        ({"web": 1}, "'code' is missing"),
    ):
        with pytest.raises(ValueError, match=message):
            source.at(512, shares)
        with pytest.raises(ValueError, match=message):
            source.change_on_all_ranks(shares)
    for position, kind in ((-1, ValueError), (2**62, ValueError), (1.5, TypeError)):
        with pytest.raises(kind, match="position must be"):
            source.at(position, [1, 1, 0])  # type: ignore[arg-type]
    assert torch.equal(source.draw(1000, seed=0), before)
    assert source.state() == state


def test_epochs_beyond_the_last_position_are_refused() -> None:
    source = Mixture([5, 6])
    with pytest.raises(ValueError, match=r"2\^62 positions: epoch 4 of 1152921504606846976 draws ends beyond"):
        source.epoch(0, 4, 2**60)
    source.epoch(0, 3, 2**60)
