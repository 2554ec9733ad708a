"""Repeat factors equal the paper's formula; their rounding is exact in the mean and frozen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, WeightedRandomSampler, read_labels, repeat_counts, repeat_factors, repeat_indices
from pysampler.philox import TAG_REPEAT_FACTOR, philox, words

# Computed with tests/oracle.py: 1, and 1 more where the word's first 53 bits as a fraction are below 0.5.
FROZEN = [2, 1, 1, 2, 1, 2, 1, 2, 2, 1, 2, 1, 2, 1, 2, 2, 2, 1, 2, 2, 1, 2, 2, 1]


def slow_factors(items: list[set[int]], threshold: float) -> list[float]:
    """Repeat factors as the paper words them: f(c), r(c), then the largest r(c) of an image."""
    frequency = {label: sum(label in item for item in items) / len(items) for label in range(6)}
    of_class = {c: max(1.0, math.sqrt(threshold / f)) for c, f in frequency.items() if f > 0}
    return [max((of_class[label] for label in item), default=1.0) for item in items]


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=30).filter(any), st.floats(1e-3, 4))
def test_factors_equal_the_papers_formula(items: list[set[int]], threshold: float) -> None:
    expected = slow_factors(items, threshold)
    assert repeat_factors(items, threshold).tolist() == pytest.approx(expected, rel=1e-14)
    matrix = np.array([[label in item for label in range(6)] for item in items])
    assert repeat_factors(matrix, threshold).tolist() == pytest.approx(expected, rel=1e-14)


def test_single_labels_and_classes_without_items_work_too() -> None:
    labels = read_labels(["dog"] * 99 + ["owl"], classes=["cat", "dog", "owl"])
    assert repeat_factors(labels, 0.04).tolist() == pytest.approx([1.0] * 99 + [2.0])
    assert repeat_factors(labels).tolist() == [1.0] * 100


def test_factors_are_weights_of_a_sampler() -> None:
    factors = repeat_factors([{0}, {0, 1}, {0}], threshold=1.0)
    assert len(list(WeightedRandomSampler(factors, 10, seed=0))) == 10


# ---- rounding -----------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 100), max_size=20), st.integers(0, 2**64 - 1), st.integers(0, 2**48 - 1))
def test_counts_are_floor_or_ceiling_and_whole_factors_are_kept(factors: list[float], seed: int, epoch: int) -> None:
    counts = repeat_counts(factors, seed=seed, epoch=epoch).tolist()
    assert all(math.floor(f) <= count <= math.ceil(f) for f, count in zip(factors, counts, strict=True))


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.5, 0.99])
def test_counts_have_the_factor_as_their_mean_over_items_and_over_epochs(fraction: float) -> None:
    one_epoch = repeat_counts(torch.full((100_000,), 2 + fraction, dtype=torch.float64), seed=5)
    many_epochs = torch.stack([repeat_counts([2 + fraction] * 20, seed=5, epoch=e) for e in range(5000)])
    for counts in (one_epoch, many_epochs):
        extra = int((counts - 2).sum())
        error = math.sqrt(100_000 * fraction * (1 - fraction))
        assert abs(extra - 100_000 * fraction) < 4.9 * error  # two-sided alpha 1e-6
        assert abs(extra - 100_000 * (fraction + 0.009)) > 4.9 * error  # and would notice


def test_counts_of_an_item_do_not_depend_on_the_items_around_it() -> None:
    factors = torch.rand(600_000, generator=torch.Generator().manual_seed(0)) * 3
    counts = repeat_counts(factors, seed=1, epoch=2)
    assert torch.equal(repeat_counts(factors[:1000], seed=1, epoch=2), counts[:1000])
    assert not torch.equal(repeat_counts(factors, seed=1, epoch=3), counts)
    assert not torch.equal(repeat_counts(factors, seed=2, epoch=2), counts)
    assert torch.equal(repeat_counts(factors.numpy(), seed=1, epoch=2), counts)


def test_counts_are_frozen() -> None:
    assert repeat_counts([1.5] * 24, seed=42, epoch=7).tolist() == FROZEN


def test_indices_hold_each_item_as_often_as_counted() -> None:
    factors = repeat_factors([{0}, {0, 1}, {0}, {0}], threshold=3.0)
    indices = repeat_indices(factors, seed=3, epoch=1)
    assert indices.dtype == torch.int64
    assert torch.equal(indices.bincount(minlength=4), repeat_counts(factors, seed=3, epoch=1))
    assert torch.equal(indices, indices.sort().values)
    assert repeat_indices([], seed=0).tolist() == []


# ---- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [  # Random123's known answers, as 32-bit words
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_known_answers(counter: list[int], key: list[int], block: list[int]) -> None:
    low, high = philox(
        np.array([counter[0] | counter[1] << 32], np.uint64), counter[2] | counter[3] << 32, key[0] | key[1] << 32
    )
    assert [int(low[0]) & 0xFFFFFFFF, int(low[0]) >> 32] == block[:2]
    assert [int(high[0]) & 0xFFFFFFFF, int(high[0]) >> 32] == block[2:]


def test_words_come_from_the_stream_that_tables_draw_from() -> None:
    drawn = AliasTable([1.0] * 256).draw(64, seed=9, epoch=5).numpy()
    assert drawn.tolist() == (words(9, 5, 0, 0, 64) >> np.uint64(56)).tolist()


def test_words_are_the_frozen_ones_of_the_core() -> None:
    lines = (Path(__file__).parents[1] / "cpp" / "stream_kat.txt").read_text(encoding="utf-8").splitlines()
    answers = [line.split() for line in lines if line and not line.startswith("#")]
    assert {int(tag) for _, _, tag, _, _ in answers} >= {0, TAG_REPEAT_FACTOR, 255}
    for seed, epoch, tag, position, word in answers:
        begin = int(position)
        assert [hex(w) for w in words(int(seed, 16), int(epoch), int(tag), begin, begin + 1)] == [hex(int(word, 16))]


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 100), (0, 0), (5, 5), (16, 16), (7, 8), (8, 9), (15, 17), (16, 32), (2**40 + 3, 2**40 + 90)]
)
def test_words_of_any_range_are_those_of_its_positions(start: int, stop: int) -> None:
    expected = [oracle.word(3, 4, position, TAG_REPEAT_FACTOR) for position in range(start, stop)]
    assert words(3, 4, TAG_REPEAT_FACTOR, start, stop).tolist() == expected


def test_purposes_have_words_of_their_own() -> None:
    assert not (words(3, 4, TAG_REPEAT_FACTOR, 0, 100) == words(3, 4, 0, 0, 100)).any()


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0, -1.0, math.nan, math.inf])
def test_thresholds_must_be_positive(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must be positive and finite"):
        repeat_factors([0, 1], threshold)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([1.0, -0.5, math.nan], r"factors\[1\] is -0\.5 \(invalid entries: 2\)"),
        ([1.0, math.nan], r"factors\[1\] is nan"),
        ([math.inf], r"factors\[0\] is inf"),
        ([[1.0, 2.0]], r"1-d, but their shape is \(1, 2\)"),
    ],
)
def test_bad_factors_are_named(factors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        repeat_counts(factors, seed=0)


def test_bad_seeds_and_epochs_are_named() -> None:
    with pytest.raises(ValueError, match="seed"):
        repeat_counts([1.0], seed=2**64)
    with pytest.raises(ValueError, match="epoch"):
        repeat_counts([1.0], seed=0, epoch=2**48)
