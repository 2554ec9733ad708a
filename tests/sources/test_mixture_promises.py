"""What mixtures promise of windows, runs, passes and mates, each against exact integers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mixture_oracle
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pysampler import Mixture, _core
from pysampler.sources.mixture_shares import GROUP, share_masses, stage_intervals

TOTAL = 2**64
SHARE = st.one_of(st.just(0.0), st.floats(1e-4, 1.0), st.sampled_from([1.0, 0.25, 1e-2]))


def masses_of(shares: Sequence[float]) -> list[int]:
    return share_masses(shares, [str(i) for i in range(len(shares))])


def counted(mixture: Mixture, windows: int, seed: int) -> list[int]:
    return list(mixture.counts(windows * mixture.window, seed=seed).values())


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, list[float]]], int]:
    sources = draw(st.integers(1, 8))
    sizes = draw(st.lists(st.integers(1, 90), min_size=sources, max_size=sources))
    firsts = [0, *sorted(draw(st.sets(st.integers(1, 7), max_size=2)))]
    shares = st.lists(SHARE, min_size=sources, max_size=sources).filter(any)
    return sizes, [(first, draw(shares)) for first in firsts], draw(st.sampled_from([1, 2, 7, 16, 65]))


@settings(max_examples=60, deadline=None)
@given(mixtures(), st.integers(0, 2**64 - 1))
@example(([1], [(0, [1.0])], 7), 0)  # one source of one item
@example(([3, 90, 5], [(0, [0.0, 0.0, 1.0]), (2, [1.0, 0.0, 0.0])], 16), 1)  # all of it one source, smaller than W
@example(([70, 80, 90], [(0, [0.0, 1.0, 0.0]), (3, [0.1, 0.0, 0.9])], 65), 2)
@example(([5] * 8, [(0, [1.0] * 8)], 7), 3)  # all in the group
def test_items_windows_and_passes_are_what_counting_gives(
    given_mixture: tuple[list[int], list[tuple[int, list[float]]], int], seed: int
) -> None:
    sizes, stages, window = given_mixture
    mixture = Mixture(sizes, [(first * window, shares) for first, shares in stages], window=window)
    oracle_stages = [(first, masses_of(shares)) for first, shares in stages]
    windows = 10
    places = mixture_oracle.places(oracle_stages, window, seed, windows)
    firsts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    expected = [firsts[s] + mixture_oracle.item(seed, s, o, sizes[s]) for s, o in places]
    drawn = mixture.draw(window * windows, seed=seed).tolist()
    assert drawn == expected
    before = [0] * len(sizes)
    for e in range(windows):
        mass = next(m for first, m in reversed(oracle_stages) if first <= e)
        now = counted(mixture, e + 1, seed)
        taken = drawn[: (e + 1) * window]
        assert now == [sum(firsts[s] <= i < firsts[s + 1] for i in taken) for s in range(len(sizes))]
        for s, part in enumerate(mass):
            points = now[s] - before[s]
            if part * window >= TOTAL or part == 0:
                assert points in (part * window // TOTAL, -(-part * window // TOTAL))
        before = now
        # Every item has come in each complete pass, and once more at most in the one that is under way.
        times = Counter(taken)
        for s, size in enumerate(sizes):
            whole, rest = divmod(now[s], size)
            more = [times[item] - whole for item in range(firsts[s], firsts[s + 1])]
            assert sorted(more) == [0] * (size - rest) + [1] * rest


@settings(max_examples=80, deadline=None)
@given(
    st.lists(SHARE, min_size=1, max_size=20).filter(any),
    st.sampled_from([1, 3, 8, 256, 1000]),
    st.integers(0, 2**64 - 1),
    st.integers(1, 2**50),
)
@example([1.0, 1e-4, 1e-4], 4, 1, 10**12)
def test_no_run_of_windows_is_further_off_than_the_derived_bounds(
    shares: list[float], window: int, seed: int, windows: int
) -> None:
    """docs/mixtures.md: twice the Ostrowski digits; in the group also what a cut in one of its windows can hold."""
    masses = masses_of(shares)
    mixture = Mixture([10] * len(shares), shares, window=window)
    group = set(stage_intervals(masses, window).inner)
    for e in (1, 2, 5, 10**3, 10**6, windows):
        off = [
            Fraction(n * TOTAL - e * window * m, TOTAL) for n, m in zip(counted(mixture, e, seed), masses, strict=True)
        ]
        digits = mixture_oracle.ostrowski_digits(e)
        for s in range(len(masses)):
            if s not in group:
                assert abs(off[s]) <= 2 * digits
            else:
                assert abs(off[s]) <= group_bound(masses, group, s, window, e)


def group_bound(masses: list[int], group: set[int], source: int, window: int, windows: int) -> Fraction:
    whole = sum(masses[s] for s in group)
    share = Fraction(masses[source], whole)
    points = 2 ** stage_intervals(masses, window).inner_bits
    inner_windows = -(-windows * window * whole // TOTAL) // points
    digits = max(mixture_oracle.ostrowski_digits(inner_windows + d) for d in (0, 1))
    outer = mixture_oracle.ostrowski_digits(windows)
    rounding = Fraction(1, 2**4)  # inner masses are rounded to 2^-64 of the group, which has 2^60 positions at most
    return 2 * share * outer + 2 * (digits + 1) + points * share * (1 - share) + 1 + rounding


def test_ostrowski_digits_are_small_for_runs_of_any_length() -> None:
    assert [mixture_oracle.ostrowski_digits(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8)] == [0, 1, 1, 1, 2, 1, 2, 2, 1]
    rng = np.random.default_rng(0)
    for bits in range(1, 62):
        numbers = [int(n) for n in rng.integers(1, 2**bits, 50)] + [2**bits - 1]
        assert max(map(mixture_oracle.ostrowski_digits, numbers)) <= 2 + 1.45 * bits


def test_in_trials_runs_are_off_by_a_logarithm_of_their_length() -> None:
    """Where independent draws would be off by a root: the power check below."""
    rng = np.random.default_rng(1)
    worst: dict[int, float] = {}
    for trial in range(40):
        shares = rng.dirichlet(np.ones(6)).tolist()
        masses = masses_of(shares)
        mixture = Mixture([10] * 6, shares, window=256)
        if len(stage_intervals(masses, 256).inner):
            continue
        for e in (10, 10**3, 10**6, 10**9, 10**12):
            now = counted(mixture, e, trial)
            off = max(abs(n * TOTAL - e * 256 * m) / TOTAL for n, m in zip(now, masses, strict=True))
            worst[e] = max(worst.get(e, 0), off)
    for e, off in worst.items():
        assert off < 2 * (1 + 0.4 * math.log(e))  # a source has two boundaries
    assert worst[10**12] < 0.01 * math.sqrt(10**12 * 256 * 0.1)


def test_cuts_in_the_groups_windows_are_off_as_draws_from_an_urn_are() -> None:
    """Small windows with a large source in the group: the random order of 65,536 points shows."""
    shares = [1.0, 1.0, 1.0, 1.0, 1.0, 1e-5]
    masses = masses_of(shares)
    intervals = stage_intervals(masses, 4)
    assert intervals.inner == list(range(6))
    points = 2**intervals.inner_bits
    assert points == 2**16
    mixture = Mixture([10**6] * 6, shares, window=4)
    worst = 0.0
    for seed in range(60):
        e = points // 8 + seed * points // 4  # in the middle of the group's windows
        off = [n - e * 4 * m / TOTAL for n, m in zip(counted(mixture, e, seed), masses, strict=True)]
        worst = max(worst, *map(abs, off))
    tail = math.sqrt(points / 4 * math.log(2 * 6 * 60 / 1e-6))  # 2 exp(-4 t^2 / W') for one of them
    assert 10 < worst < tail + 20
    whole = [n - points * m / TOTAL for n, m in zip(counted(mixture, points // 4, 1), masses, strict=True)]
    assert max(map(abs, whole)) < 4  # between the group's windows nothing of it is left


def lattice_of_one_level(sizes: Sequence[int], shares: Sequence[float], window: int) -> Any:
    """A mixture without a group, whatever the shares: what small sources would have without their own lattice."""
    core = _core.Mixture(window)
    for size in sizes:
        core.add_items(size)
    begins, before = [(0, 0)], 0
    for mass in masses_of(shares):
        before += mass
        begins.append(divmod(before * window, TOTAL))
    whole, rest = zip(*begins, strict=True)
    core.set_stages([core.stage(0, list(range(len(sizes))), list(whole), list(rest), [], [], [], 0)])
    return core


def rows_of(core: Any, seed: int, windows: int, window: int) -> Any:
    sources, occurrences = np.empty((2, windows * window), dtype=np.int64)
    draws = _core.MixtureDraws(core, seed, 0, 2**61)
    draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, len(sources), 0, 1)
    return sources.reshape(windows, window)


def mates_missed(rows: Any, shares: Sequence[float]) -> list[str]:
    """What is wrong with the mates that sources meet, beside those that independent draws would give."""
    faults = []
    if len({tuple(sorted(row)) for row in rows}) < len(rows):
        faults.append("windows repeat")
    p = np.array(shares) / sum(shares)
    rng = np.random.default_rng(3)
    by_share = np.argsort(p)
    for one in by_share[[len(p) // 2, -len(p) // 4, -1]]:
        mine = rows[(rows == one).any(axis=1)][:40]
        assert len(mine) >= 15
        independent = rng.choice(len(p), mine.shape, p=p)
        if len(np.unique(mine)) < 0.9 * len(np.unique(independent)):
            faults.append(f"source {one} met {len(np.unique(mine))} mates, not {len(np.unique(independent))}")
    return faults


@pytest.mark.parametrize("sources", [1024, 2000, 10_000])
@pytest.mark.parametrize("family", ["equal", "lognormal"])
def test_small_sources_meet_the_mates_that_independent_draws_would_give(sources: int, family: str) -> None:
    shares = [1.0] * sources if family == "equal" else np.random.default_rng(1).lognormal(0, 1, sources).tolist()
    mixture = Mixture([10**6] * sources, shares, window=256)
    assert not mates_missed(rows_of(mixture._core, 2, 1500, 256), shares)
    # A single lattice of all of them fails that: the test can tell.
    single = lattice_of_one_level([10**6] * sources, shares, 256)
    assert len(mates_missed(rows_of(single, 2, 1500, 256), shares)) >= 2


def test_1024_equal_sources_on_one_lattice_would_have_four_windows_for_ever() -> None:
    rows = rows_of(lattice_of_one_level([10] * 1024, [1.0] * 1024, 256), 2, 1500, 256)
    assert len({tuple(sorted(row)) for row in rows}) == 4


def test_two_windows_of_the_group_hold_no_more_of_a_source_than_stated() -> None:
    shares = np.random.default_rng(4).lognormal(0, 0.7, 600).tolist()
    masses = masses_of(shares)
    intervals = stage_intervals(masses, 32)
    assert GROUP in intervals.outer
    points, whole = 2**intervals.inner_bits, sum(masses[s] for s in intervals.inner)
    rows = rows_of(Mixture([10**6] * 600, shares, window=32)._core, 6, 3000, 32)
    grouped = rows.reshape(-1)[np.isin(rows.reshape(-1), intervals.inner)]
    # The group's occurrences are numbered by lattice point: a window of them is whole after whole outer windows only.
    for s in intervals.inner[:50]:
        at = np.flatnonzero(grouped == s)
        most = 2 * -(-points * masses[s] // whole)
        for begin in range(0, len(grouped) - points, points):
            assert ((at >= begin) & (at < begin + points - 32)).sum() <= most


def test_windows_of_one_position_and_of_millions() -> None:
    ones = Mixture([5, 6, 7], [1, 2, 3], window=1)
    assert list(ones.counts(6 * 10**6, seed=0).values()) == pytest.approx([10**6, 2 * 10**6, 3 * 10**6], abs=20)
    wide = Mixture([5, 6, 7], [1, 2, 3], window=2**24)
    half = wide.counts(2**23, seed=0)
    assert sum(half.values()) == 2**23
    deviation = math.sqrt(2**23 / 4 * 2 / 9)
    assert half["1"] == pytest.approx(2**23 / 3, abs=6 * deviation)  # a cut in a random order
    assert wide.counts(2**24, seed=0)["1"] in (2**24 // 3, 2**24 // 3 + 1)
