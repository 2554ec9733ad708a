"""The apparatus of the mixtures' benchmarks measures what it says it does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from .mixture_peers import OURS, PEERS, greedy_arrays, shares_of, sizes_of
from .mixture_plot import mixture_plot
from .mixture_watcher import watch
from .records import Record, Results
from .shim import load_shim
from .timing import Unavailable


def test_the_greedy_build_keeps_every_source_near_its_share() -> None:
    try:
        function = load_shim("mixture_greedy.cpp").mixture_greedy
    except Unavailable as reason:
        pytest.skip(str(reason))
    shares, count = shares_of(10), 5000
    source, number = np.empty(count, np.int16), np.empty(count, np.int64)
    greedy_arrays(function, shares, source, number)
    for own, share in enumerate(shares):
        assert number[source == own].tolist() == list(range(int((source == own).sum())))
        taken = np.cumsum(source == own)
        assert np.abs(taken - share * np.arange(1, count + 1)).max() < 2


@pytest.mark.parametrize("name", PEERS)
def test_each_library_that_is_there_begins_a_run(name: str, tmp_path: Path) -> None:
    try:
        indices = PEERS[name](3, 1000, tmp_path)()
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert len(list(islice(indices, 50))) == 50


def test_a_watched_run_has_times_and_memory(tmp_path: Path) -> None:
    seen = watch(OURS, 5, 3000, tmp_path)
    assert set(seen) == {"wall_ms", "first_ms", "peak_mb", "ns"}
    assert all(isinstance(value, float) and value >= 0 for value in seen.values())


def test_the_plot_shows_each_library_once() -> None:
    case: dict[str, int | str] = {"sources": 10, "draws": 100}
    records = [
        Record(f"mixture-{group}", name, "ms", case, [float(place)])
        for place, name in enumerate((OURS, "one", "two"), 1)
        for group in ("peers", "peers-index", "memory")
    ]
    about = {"cpu": "a processor", "cpu_target": "avx512"}
    figure = mixture_plot(Results(about, {}, records))
    assert figure is not None
    assert [len(axes.patches) for axes in figure.axes] == [3, 3, 3]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [OURS, "one", "two"]
    assert mixture_plot(Results(about, {}, [])) is None


def test_sizes_are_about_a_pass_each() -> None:
    for sources in (1, 10, 999):
        assert abs(shares_of(sources).sum() - 1) < 1e-12
        passes = shares_of(sources) * 10_000 / sizes_of(sources, 10_000)
        assert (passes <= 1).all()
