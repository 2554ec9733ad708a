"""The arithmetic of mixtures against an oracle that counts every position from the beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import mixture_oracle
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pysampler import _core
from pysampler.sources.mixture_shares import share_masses, stage_intervals

Stages = Sequence[tuple[int, Sequence[float]]]
SHARE = st.one_of(st.just(0.0), st.floats(1e-9, 1.0), st.sampled_from([1.0, 1e-4, 0.25]))


def masses_of(shares: Sequence[float]) -> list[int]:
    return share_masses(shares, [str(i) for i in range(len(shares))])


def core_of(sizes: Sequence[int], stages: Stages, window: int) -> _core.Mixture:
    mixture = _core.Mixture(window)
    for size in sizes:
        mixture.add_items(size)
    mixture.set_stages([mixture.stage(first, *stage_intervals(masses_of(s), window)) for first, s in stages])
    return mixture


def located(
    mixture: _core.Mixture, seed: int, start: int, step: int, count: int, chunk: int = 10**9
) -> list[tuple[int, int]]:
    draws = _core.MixtureDraws(mixture, seed, 0, 2**61)
    found: list[tuple[int, int]] = []
    for first in range(0, count, chunk):
        part = min(chunk, count - first)
        sources, occurrences = np.empty((2, part), dtype=np.int64)
        draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, part, start + first * step, step)
        found += zip(sources.tolist(), occurrences.tolist(), strict=True)
    return found


def counts(mixture: _core.Mixture, seed: int, windows: int, sources: int) -> list[int]:
    out = np.empty(sources, dtype=np.uint64)
    mixture.counts_into(seed, windows, out.ctypes.data)
    return [int(count) for count in out]


@st.composite
def stage_lists(draw: st.DrawFn) -> list[tuple[int, list[float]]]:
    sources = draw(st.integers(1, 12))
    firsts = [0, *sorted(draw(st.sets(st.integers(1, 20), max_size=3)))]
    shares = st.lists(SHARE, min_size=sources, max_size=sources).filter(any)
    return [(first, draw(shares)) for first in firsts]


@settings(max_examples=60, deadline=None)
@given(
    stages=stage_lists(),
    window=st.sampled_from([1, 2, 3, 7, 16, 65, 100]),
    seed=st.integers(0, 2**64 - 1),
    step=st.integers(1, 40),
)
@example(stages=[(0, [1.0] * 12), (3, [0.0] * 11 + [1.0]), (5, [1.0] * 12)], window=7, seed=1, step=1)
@example(stages=[(0, [1.0, 0.01, 0.01, 0.02]), (4, [1.0, 0.05, 0.003, 0.02])], window=16, seed=5, step=20)
def test_every_position_is_what_counting_from_the_beginning_gives(
    stages: list[tuple[int, list[float]]], window: int, seed: int, step: int
) -> None:
    windows = 30
    oracle_stages = [(first, masses_of(shares)) for first, shares in stages]
    if any(min((m for m in masses if m), default=1) < 2**52 for _, masses in oracle_stages):
        windows = 5  # the group's windows are long
    expected = mixture_oracle.places(oracle_stages, window, seed, windows)
    sources = len(stages[0][1])
    mixture = core_of([5] * sources, stages, window)
    total = len(expected)
    assert located(mixture, seed, 0, 1, total) == expected
    assert located(mixture, seed, 0, step, (total - 1) // step + 1, chunk=3) == expected[::step]
    for start in range(total - 1, 0, -max(1, total // 7)):  # backwards, each alone
        assert located(mixture, seed, start, 1, 1) == [expected[start]]
    for e in (0, 1, windows // 2, windows):
        given_out = Counter(source for source, _ in expected[: e * window])
        assert counts(mixture, seed, e, sources) == [given_out[s] for s in range(sources)]
        for s in range(sources):  # exactly the first occurrences were handed out
            mine = sorted(o for source, o in expected[: e * window] if source == s)
            assert mine == list(range(len(mine)))


def test_dense_and_sparse_reading_agree_with_many_small_sources() -> None:
    shares = np.random.default_rng(0).lognormal(0, 1, 2000).tolist()
    mixture = core_of([1000] * 2000, [(0, shares), (150, shares[::-1])], 256)
    whole = located(mixture, 9, 0, 1, 60_000)
    for step in (1, 17, 100, 256, 1000):
        assert located(mixture, 9, 5, step, (60_000 - 6) // step + 1, chunk=100) == whole[5::step]
    given_out = Counter(source for source, _ in whole[: 200 * 256])
    assert counts(mixture, 9, 200, 2000) == [given_out[s] for s in range(2000)]


def test_items_are_passes_without_replacement_in_keyed_orders() -> None:
    sizes = [3, 100, 65, 1, 5000]
    mixture = core_of(sizes, [(0, [0.3, 0.3, 0.2, 0.1, 0.1])], 64)
    places = located(mixture, 4, 0, 1, 64 * 40)
    drawn = np.empty(len(places), dtype=np.int64)
    _core.MixtureDraws(mixture, 4, 0, len(places)).draw_into(drawn.ctypes.data, len(places), 0, 1)
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    expected = [int(firsts[s]) + mixture_oracle.item(4, s, o, sizes[s]) for s, o in places]
    assert drawn.tolist() == expected
    epoch_draws = _core.MixtureDraws(mixture, 4, 3, 640)  # epoch 3 of 640 draws begins at position 1920
    part = np.empty(200, dtype=np.int64)
    epoch_draws.draw_into(part.ctypes.data, 200, 7, 3)
    assert part.tolist() == expected[1927 : 1927 + 600 : 3]


def test_occurrences_are_found_in_their_windows() -> None:
    shares = [(0, [0.5, 0.2, 0.0, 0.01, 0.01]), (40, [0.1, 0.0, 0.5, 0.02, 0.001])]
    mixture = core_of([9] * 5, shares, 10)
    places = located(mixture, 3, 0, 1, 4000)
    where = {place: position // 10 for position, place in enumerate(places)}
    for (source, occurrence), window in where.items():
        assert mixture.first_window_of(3, [source], [occurrence]) == window
    assert mixture.first_window_of(3, [1], [10**6]) == 2**64 - 1  # its share is 0 in the end
    everything = [(s, o) for s in (0, 1, 2) for o in (8, 9) if (s, o) in where]
    numbers = [s for s, _ in everything], [o for _, o in everything]
    assert mixture.first_window_of(3, *numbers) == min(where[place] for place in everything)
    assert mixture.last_window_of(3, *numbers) == max(where[place] for place in everything)


def test_far_positions_are_the_same_from_anywhere() -> None:
    shares = np.random.default_rng(0).lognormal(0, 1, 300).tolist()
    mixture = core_of([1000] * 300, [(0, shares)], 256)
    far = 10**12 + 17
    there = located(mixture, 1, far, 1, 2000)
    assert located(mixture, 1, far + 1000, 1, 1000) == there[1000:]
    last = located(mixture, 1, 2**60, 2**40, 5)
    assert located(mixture, 1, 2**60 + 2**41, 1, 1) == [last[2]]


def test_the_known_answers_of_the_cpp_tests_are_the_oracles() -> None:
    lines = (Path(__file__).parents[1] / "cpp" / "mixture_kat.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == mixture_oracle.known_answers()
