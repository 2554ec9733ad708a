"""Mixture.counts is exact at every position, also where it cuts a window: against counting from the beginning."""

from __future__ import annotations

from collections import Counter

import mixture_oracle
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pysampler import DistributedWeightedSampler, Mixture
from pysampler.sources.mixture_shares import share_masses

SHARE = st.one_of(st.just(0.0), st.sampled_from([1.0, 0.25, 0.06]), st.floats(0.05, 1.0))


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[int, list[float]]]:
    """Windows with which stages begin, and shares."""
    sources = draw(st.integers(1, 9))
    firsts = [0, *sorted(draw(st.sets(st.integers(1, 9), max_size=3)))]
    shares = st.lists(SHARE, min_size=sources, max_size=sources).filter(any)
    return [(first, draw(shares)) for first in firsts]


@settings(max_examples=40, deadline=None)
@given(schedule=schedules(), window=st.sampled_from([1, 2, 5, 16, 30]), seed=st.integers(0, 2**64 - 1))
@example(schedule=[(0, [1.0] * 9), (3, [0.0] * 8 + [1.0]), (5, [1.0] * 9)], window=5, seed=1)
def test_counts_are_those_of_every_position_before(
    schedule: list[tuple[int, list[float]]], window: int, seed: int
) -> None:
    sources = len(schedule[0][1])
    fixed, later = schedule[: len(schedule) // 2 + 1], schedule[len(schedule) // 2 + 1 :]
    mixture = Mixture([7] * sources, [(first * window, shares) for first, shares in fixed], window=window)
    for first, shares in later:  # stages set later count as those given at once
        mixture.at(first * window, shares)
    names = [str(number) for number in range(sources)]
    masses = [(first, share_masses(shares, names)) for first, shares in schedule]
    places = mixture_oracle.places(masses, window, seed, 12)
    seen = [0] * sources
    for position, (source, _) in enumerate(places):
        assert mixture.counts(position, seed=seed) == dict(zip(names, seen, strict=True))
        seen[source] += 1
    assert mixture.counts(len(places), seed=seed) == dict(zip(names, seen, strict=True))
    assert mixture.passes(len(places), seed=seed) == {name: n / 7 for name, n in zip(names, seen, strict=True)}


def test_counts_of_a_cut_in_a_wide_window_are_those_of_its_order() -> None:
    """A cut of more positions than are counted together."""
    mixture = Mixture([10**6] * 40, list(range(1, 41)), window=2**18)
    for position in (2**18 + 2**16, 2**18 + 2**17 + 1, 2**19 - 1):
        order = mixture.order(position, seed=3)
        expected = np.bincount(order, minlength=40).tolist()
        assert list(mixture.counts(position, seed=3).values()) == expected


def test_padding_is_not_counted() -> None:
    """25 draws on 2 ranks: the 26th index of an epoch stands at no position."""
    ranks = [DistributedWeightedSampler(Mixture([50, 20], [2, 1], window=10), 25, 2, rank, seed=0) for rank in (0, 1)]
    drawn: Counter[str] = Counter()
    for _ in range(2):
        dealt = [index for both in zip(*ranks, strict=True) for index in both]
        assert len(dealt) == 26
        drawn += Counter("0" if index < 50 else "1" for index in dealt[:25])
    assert Mixture([50, 20], [2, 1], window=10).counts(50, seed=0) == drawn


def test_the_first_stage_begins_at_position_0_itself() -> None:
    """A list whose first stage began inside the first window was taken for one from position 0."""
    with pytest.raises(ValueError, match="stage 0 begins at position 5"):
        Mixture([10, 10], [(5, [1, 1])])
    assert Mixture([10, 10], [(0, [1, 1])]).counts(256, seed=0) == {"0": 128, "1": 128}
