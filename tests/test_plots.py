"""Figures show exactly the recorded data, in a style that leaves matplotlib's settings alone."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optional import require

from pysampler import plots

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

LABELS = np.array([0, 0, 0, 0, 1, 1])
NAMES = ("often", "rarely")
EPOCH_1 = [[0, 4], [4, 5], [4]]
EPOCH_2 = [[0, 1], [2, 3], [5]]


# ---- data companions ----------------------------------------------------------------------------


def test_class_counts_per_batch_are_counts_of_labels() -> None:
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)
    assert counts.tolist() == [[1, 1], [0, 2], [0, 1]]


def test_draws_of_each_item_count_every_delivery() -> None:
    assert plots.draws_of_each_item(EPOCH_1, 6).tolist() == [1, 0, 0, 0, 3, 1]


def test_unique_items_seen_start_at_zero_and_never_count_twice() -> None:
    seen = plots.unique_items_seen([EPOCH_1, EPOCH_2], LABELS, 2)
    assert seen.tolist() == [[0, 0], [1, 2], [4, 2]]


def test_no_batches_give_empty_counts() -> None:
    assert plots.class_counts_per_batch([], LABELS, 2).shape == (0, 2)
    assert plots.draws_of_each_item([], 6).tolist() == [0] * 6
    assert plots.unique_items_seen([], LABELS, 2).tolist() == [[0, 0]]


@given(st.lists(st.lists(st.integers(0, 5), max_size=7), max_size=9))
def test_the_companions_agree_with_each_other(batches: list[list[int]]) -> None:
    draws = plots.draws_of_each_item(batches, len(LABELS))
    mix = plots.class_counts_per_batch(batches, LABELS, 2)
    seen = plots.unique_items_seen([[batch] for batch in batches], LABELS, 2)
    assert draws.sum() == sum(map(len, batches))
    assert mix.sum(axis=1).tolist() == list(map(len, batches))
    assert [draws[label == LABELS].sum() for label in (0, 1)] == mix.sum(axis=0).tolist()
    assert seen[-1].sum() == (draws > 0).sum()
    assert (np.diff(seen, axis=0) >= 0).all()


# ---- figures ------------------------------------------------------------------------------------


def points(line: Line2D) -> list[tuple[float, float]]:
    """The points through which a line was drawn."""
    across, up = (np.asarray(values, dtype=float) for values in line.get_data())
    return list(zip(across.tolist(), up.tolist(), strict=True))


def test_class_mix_stacks_exactly_the_counts() -> None:
    require("matplotlib")
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)
    figure = plots.class_mix_per_batch({"one": counts, "two": counts[:2]}, NAMES, title="Mix")
    assert figure.get_suptitle() == "Mix"
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two"]
    for axes, expected in zip(figure.axes, (counts, counts[:2]), strict=True):
        heights = [[bar.get_height() for bar in stack] for stack in axes.containers]
        floors = [[bar.get_y() for bar in stack] for stack in axes.containers]
        assert heights == expected.T.tolist()
        assert floors == [[0] * len(expected), expected[:, 0].tolist()]


def test_draws_per_item_has_a_bar_for_every_item_and_the_distribution_of_each_class() -> None:
    require("matplotlib")
    draws = plots.draws_of_each_item(EPOCH_1, 6)
    bars, steps = plots.draws_per_item(draws, LABELS, NAMES).axes
    classes = [stack for stack in bars.containers if stack.get_label() in NAMES]
    assert [[bar.get_height() for bar in stack] for stack in classes] == [[1, 0, 0, 0], [3, 1]]
    assert bars.get_title(loc="left") == "3 of 6 images never drawn, one drawn 3 times"
    often, rarely = steps.lines
    assert points(often) == [(0, 0), (0, 0.25), (0, 0.5), (0, 0.75), (1, 1), (4, 1)]
    assert points(rarely) == [(0, 0), (1, 0.5), (3, 1), (4, 1)]


@pytest.mark.parametrize("share", [False, True])
def test_coverage_draws_each_class_and_the_total_and_rings_what_is_complete(share: bool) -> None:
    require("matplotlib")
    seen = plots.unique_items_seen([EPOCH_1, EPOCH_2[:1]], LABELS, 2)
    (axes,) = plots.coverage_curve(seen, [4, 2], NAMES, share=share).axes
    drawn = {line.get_label(): points(line) for line in axes.lines}
    often, rarely, everything = (4, 2, 6) if share else (1, 1, 1)
    assert drawn["often"] == [(0, 0), (1, 1 / often), (2, 2 / often)]
    assert drawn["rarely"] == [(0, 0), (1, 2 / rarely), (2, 2 / rarely)]
    assert drawn["all images"] == [(0, 0), (1, 3 / everything), (2, 4 / everything)]
    rings = [points(line) for line in axes.lines if line.get_marker() == "o"]
    assert rings == [[(1, 2 / rarely)]]
    assert axes.get_title(loc="left") == "3 of 6 images seen in the first epoch, 4 after 2 epochs"


def test_many_classes_get_as_many_different_colours() -> None:
    require("matplotlib")
    labels = np.arange(10)
    names = [str(label) for label in labels]
    bars, _ = plots.draws_per_item(np.ones(10, dtype=np.int64), labels, names).axes
    colours = {stack[0].get_facecolor() for stack in bars.containers[::2]}
    assert len(colours) == 10


def test_a_saved_figure_is_a_picture_without_empty_margins(tmp_path: Path) -> None:
    imread = require("matplotlib.image").imread
    seen = plots.unique_items_seen([EPOCH_1], LABELS, 2)  # nothing complete but one class
    plots.coverage_curve(seen, [4, 2], NAMES).savefig(tmp_path / "coverage.png")
    picture: npt.NDArray[np.float32] = np.asarray(imread(tmp_path / "coverage.png"))
    ink = np.min(picture[..., :3], axis=2) < 0.95
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    margins = rows[0], ink.shape[0] - rows[-1], columns[0], ink.shape[1] - columns[-1]
    assert max(margins) < 60, margins


# ---- manners ------------------------------------------------------------------------------------


def test_missing_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)  # the data need no matplotlib
    with pytest.raises(ImportError, match=r'pip install "pysampler\[plots\]"'):
        plots.class_mix_per_batch({"one": counts}, NAMES)


def test_drawing_needs_no_pyplot_and_leaves_the_settings_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib = require("matplotlib")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    before = dict(dict.items(matplotlib.rcParams))  # reading an item the usual way may import pyplot
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.class_mix_per_batch({"one": counts}, NAMES).savefig(tmp_path / "mix.png")
    assert dict(dict.items(matplotlib.rcParams)) == before
    assert (tmp_path / "mix.png").read_bytes().startswith(b"\x89PNG")
