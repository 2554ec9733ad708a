"""Figures show exactly the recorded data, in a style that leaves matplotlib's settings alone."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optional import require

import pysampler
from pysampler import plots
from pysampler.plan import plan_labels, plan_weights

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


# ---- trials, sweeps, scores, images, plans ------------------------------------------------------

TRIALS = np.array([3, 4, 4, 6])


def test_epochs_to_full_coverage_draws_the_share_of_each_number_of_epochs() -> None:
    require("matplotlib")
    figure = plots.epochs_to_full_coverage(TRIALS, always_within=2)
    assert figure.data["epochs"].tolist() == [1, 2, 3, 4, 5, 6]
    assert figure.data["share"].tolist() == [0, 0, 0.25, 0.5, 0, 0.25]
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.containers[0]] == figure.data["share"].tolist()
    assert axes.get_title(loc="left") == "4 trials: half within 4 epochs, 95 % within 6"
    assert [line.get_xdata()[0] for line in axes.lines] == [2]


def test_the_forecast_beside_trials_is_the_probability_of_each_number_of_epochs() -> None:
    require("matplotlib")
    forecast = pysampler.forecast_coverage([1.0] * 20)
    trials = pysampler.simulate_coverage([1.0] * 20, trials=400, seed=0).whole_epochs_to_full_coverage
    figure = plots.epochs_to_full_coverage(trials, forecast=forecast)
    expected = figure.data["forecast"]
    assert len(expected) == len(figure.data["share"])
    assert expected.sum() == pytest.approx(1, abs=2e-3)
    assert expected[3] == pytest.approx(
        forecast.full_coverage_probability(80) - forecast.full_coverage_probability(60), rel=1e-12
    )
    assert np.abs(expected - figure.data["share"]).max() < 0.1


def test_a_sweep_draws_every_data_set_on_one_axis() -> None:
    require("matplotlib")
    figure = plots.imbalance_sweep({"160 : 10": TRIALS, "160 : 5": [9, 9]})
    assert figure.data["160 : 10"].tolist() == [0, 0, 0.25, 0.5, 0, 0.25, 0, 0, 0]
    assert figure.data["160 : 5"].tolist() == [0] * 8 + [1]
    assert [axes.get_ylabel() for axes in figure.axes] == ["160 : 10", "160 : 5"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


@pytest.mark.parametrize("trials", [[], [0, 1], [1.5], [[1, 2]]])
def test_trials_that_cannot_be_are_refused(trials: list[float]) -> None:
    require("matplotlib")
    with pytest.raises(ValueError, match="epochs must be"):
        plots.epochs_to_full_coverage(trials)
    with pytest.raises(ValueError, match=r"epochs\['x'\] must be"):
        plots.imbalance_sweep({"x": trials})
    with pytest.raises(ValueError, match="at least one data set"):
        plots.imbalance_sweep({})


def test_scores_are_drawn_run_by_run_with_their_mean() -> None:
    require("matplotlib")
    scores = {"F1": {"off": [0.1, 0.3], "on": [0.5, 0.5]}, "Recall": {"off": [0.0, 0.2], "on": [0.6, 0.8]}}
    figure = plots.training_scores(scores)
    assert {name: values.tolist() for name, values in figure.data.items()} == {
        "F1: off": [0.1, 0.3], "F1: on": [0.5, 0.5], "Recall: off": [0.0, 0.2], "Recall: on": [0.6, 0.8]
    }  # fmt: skip
    runs, mean, *_ = figure.axes[0].lines
    assert runs.get_xdata().tolist() == [0.1, 0.3]
    assert mean.get_xdata() == [pytest.approx(0.2)]
    same = figure.axes[0].lines[2]
    assert len(set(same.get_ydata().tolist())) == 2  # equal scores side by side


@pytest.mark.parametrize(
    ("scores", "words"),
    [({}, "at least one"), ({"a": {"x": [1]}, "b": {"y": [1]}}, "must have the settings"), ({"a": {"x": []}}, "a run")],
)
def test_scores_that_do_not_match_are_refused(scores: dict[str, dict[str, list[float]]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plots.training_scores(scores)


def test_example_images_are_drawn_a_row_per_class() -> None:
    require("matplotlib")
    images = {"grey": np.random.default_rng(0).random((3, 4, 4)), "colour": np.ones((2, 4, 4, 3))}
    figure = plots.example_images(images)
    assert len(figure.axes) == 6
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert np.array_equal(figure.axes[1].images[0].get_array(), images["grey"][1])
    assert set(figure.data) == set(images)
    for wrong in ({}, {"x": np.ones((0, 2, 2))}, {"x": np.ones((2, 2))}, {"x": np.ones((1, 2, 2, 4))}):
        with pytest.raises(ValueError, match="images"):
            plots.example_images(wrong)


def test_a_plan_is_drawn_with_its_shares_and_its_forecast() -> None:
    require("matplotlib")
    plan = plan_labels(["Siamese"] * 160 + ["Birman"] * 10)
    figure = plots.sampling_plan(plan)
    assert figure.data["in the data"].tolist() == pytest.approx([10 / 170, 160 / 170])
    assert figure.data["in the draws"].tolist() == pytest.approx([0.5, 0.5])
    epochs, coverage = figure.data["epochs"], figure.data["coverage"]
    assert (coverage[0], epochs[0]) == (0, 0)
    assert np.interp(1, epochs, coverage) == pytest.approx(76.017 / 170, abs=2e-3)
    assert (np.diff(coverage) >= 0).all()
    (bound,) = [line for line in figure.axes[1].lines if "always" in str(line.get_label())]
    assert bound.get_xdata()[0] == plan.systematic_epochs


def test_a_plan_of_weights_or_of_many_classes_is_drawn_too(tmp_path: Path) -> None:
    require("matplotlib")
    (axes,) = plots.sampling_plan(plan_weights(np.geomspace(1e-4, 1, 300))).axes
    assert axes.get_xscale() == "log"
    figure = plots.sampling_plan(plan_labels(np.repeat(np.arange(60), np.arange(1, 61))))
    assert len(figure.data["in the data"]) == 60
    figure.savefig(tmp_path / "many.png")


def test_dollar_signs_in_names_are_no_mathematics(tmp_path: Path) -> None:
    require("matplotlib")
    names = ["$\\frac$", "a$b$"]
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)
    figures = [
        plots.class_mix_per_batch({"$\\x$": counts}, names, title="$\\y$"),
        plots.sampling_plan(plan_labels([names[0]] * 3 + [names[1]] * 9, source="/path/$\\z$" * 30)),
        plots.imbalance_sweep({names[0]: TRIALS}),
        plots.training_scores({"F1": {names[0]: [0.5]}}),
        plots.example_images({names[0]: np.ones((1, 2, 2))}),
    ]
    for figure in figures:
        figure.savefig(tmp_path / "x.png")


def test_figures_keep_copies_of_what_they_drew() -> None:
    require("matplotlib")
    counts = plots.class_counts_per_batch(EPOCH_1, LABELS, 2)
    figure = plots.class_mix_per_batch({"one": counts}, NAMES)
    counts[:] = 0
    assert figure.data["one"].tolist() == [[1, 1], [0, 2], [0, 1]]
    draws = plots.draws_per_item(plots.draws_of_each_item(EPOCH_1, 6), LABELS, NAMES, expected=[0.25, 2.0])
    assert draws.data["often"].tolist() == [0, 0, 0, 1]
    assert draws.data["expected"].tolist() == [0.25, 2.0]
    lines = [line for line in draws.axes[0].lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in lines] == [0.25, 2.0]


def test_the_forecast_beside_a_coverage_curve_is_the_expected_number() -> None:
    require("matplotlib")
    forecast = pysampler.forecast_coverage([1.0] * 6, 5)
    seen = plots.unique_items_seen([EPOCH_1, EPOCH_2], LABELS, 2)
    for share, unit in ((False, 1), (True, 6)):
        data = plots.coverage_curve(seen, [4, 2], NAMES, share=share, forecast=forecast).data
        assert data["forecast"].tolist() == [forecast.expected_unique_after(5 * epoch) / unit for epoch in range(3)]
        assert data["all images"].tolist() == [0, 3 / unit, 6 / unit]


def test_a_figure_shows_itself_in_a_notebook_and_takes_a_trackers_counts() -> None:
    require("matplotlib")
    tracker = pysampler.CoverageTracker(6, counts=True)
    tracker.update([0, 4, 4])
    figure = plots.draws_per_item(tracker.counts, LABELS, NAMES)
    assert figure.data["rarely"].tolist() == [0, 2]
    assert figure._repr_png_().startswith(b"\x89PNG")


# ---- what the rest of the package returns -------------------------------------------------------


def test_what_can_be_called_is_all_there_is_to_see() -> None:
    shown = [name for name in dir(plots) if not name.startswith("_")]
    assert sorted(shown) == plots.__all__
    assert all(isinstance(getattr(plots, name), FunctionType) for name in shown)


def test_tracker_and_audit_are_drawn_as_they_are() -> None:
    require("matplotlib")
    labels = ["rarely" if label else "often" for label in LABELS]
    tracker = pysampler.CoverageTracker(6, counts=True, labels=labels)
    after = []
    for epoch in (EPOCH_1, EPOCH_2):
        for batch in epoch:
            tracker.update(batch)
        after.append(tracker.class_coverage())
        tracker.new_epoch()
    curve = plots.coverage_curve(after).data
    assert {name: line.tolist() for name, line in curve.items()} == {
        "often": [0, 1, 4], "rarely": [0, 2, 2], "all images": [0, 3, 6]
    }  # fmt: skip
    assert plots.draws_per_item(tracker.counts, tracker.labels).data["rarely"].tolist() == [2, 3]
    audit = pysampler.audit_coverage(pysampler.AliasTable([1.0] * 6), seed=0, epochs=2, counts=True, labels=labels)
    assert sum(map(np.sum, plots.draws_per_item(audit.counts, audit.tracker.labels).data.values())) == 12
    assert plots.coverage_curve([audit.class_coverage()]).data["all images"].tolist() == [0, audit.unique]


def test_trials_are_drawn_as_they_are_beside_their_own_forecast() -> None:
    require("matplotlib")
    trials = pysampler.simulate_coverage([1.0] * 20, trials=50, seed=0)
    whole = trials.whole_epochs_to_full_coverage
    by_hand = plots.epochs_to_full_coverage(whole.numpy(), forecast=trials.forecast).data
    given = plots.epochs_to_full_coverage(trials).data
    assert {name: values.tolist() for name, values in given.items()} == {
        name: values.tolist() for name, values in by_hand.items()
    }
    assert list(plots.imbalance_sweep({"even": trials, "bare": whole}).data) == ["even", "forecast even", "bare"]


def test_numbers_as_names_of_classes_are_drawn() -> None:
    require("matplotlib")
    labels = pysampler.read_labels(LABELS)
    counts = plots.class_counts_per_batch(EPOCH_1, labels, 2)
    assert plots.class_mix_per_batch({"one": counts}, labels.classes).data["one"].tolist() == [[1, 1], [0, 2], [0, 1]]
    assert set(plots.draws_per_item([1, 0, 0, 0, 3, 1], labels).data) == {"0", "1"}


def test_names_as_labels_are_told_to_be_read_first() -> None:
    require("matplotlib")
    names = ["cat", "dog", "cat"]
    with pytest.raises(ValueError, match=r"pass read_labels\(labels\)"):
        plots.draws_per_item([3, 1, 2], names)
    assert plots.draws_per_item([3, 1, 2], pysampler.read_labels(names)).data["cat"].tolist() == [2, 3]


def test_names_and_sizes_that_nobody_knows_are_asked_for() -> None:
    require("matplotlib")
    with pytest.raises(ValueError, match="class_names may be left out"):
        plots.draws_per_item([1] * 6, LABELS)
    with pytest.raises(ValueError, match="class_sizes and class_names"):
        plots.coverage_curve([[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="exactly one label per item"):
        plots.draws_per_item([1, 1], pysampler.read_labels([{"a", "b"}, {"a"}]))


# ---- fonts --------------------------------------------------------------------------------------


@pytest.fixture
def cat_font(tmp_path: Path) -> Iterator[str]:
    """Installs, for the length of a test, a font that has nothing but the Chinese character for cat."""
    font_manager = require("matplotlib.font_manager")
    builder = require("fontTools.fontBuilder").FontBuilder(1000, isTTF=True)
    pen = require("fontTools.pens.ttGlyphPen").TTGlyphPen(None)
    for place, move in (((100, 0), pen.moveTo), ((900, 0), pen.lineTo), ((500, 800), pen.lineTo)):
        move(place)
    pen.closePath()
    triangle = pen.glyph()
    builder.setupGlyphOrder([".notdef", "cat"])
    builder.setupCharacterMap({ord("猫"): "cat"})
    builder.setupGlyf({".notdef": triangle, "cat": triangle})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "cat": (1000, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Cat Sans", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "cat.ttf")
    manager = font_manager.fontManager
    before = list(manager.ttflist)
    manager.ttflist = [font for font in before if font.name.startswith("DejaVu")]
    manager.addfont(str(tmp_path / "cat.ttf"))
    fonts = require("pysampler.plots._fonts")
    fonts._covering.cache_clear()
    yield "Cat Sans"
    manager.ttflist = before
    fonts._covering.cache_clear()
    manager._findfont_cached.cache_clear()


def test_names_that_the_usual_font_cannot_write_get_one_that_can(cat_font: str, tmp_path: Path) -> None:
    plan = plan_labels(["猫"] * 5 + ["dog"] * 2, source="猫")
    figure = plots.sampling_plan(plan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of characters that it cannot draw
        figure.savefig(tmp_path / "x.png")
    dog, cat = figure.axes[0].get_yticklabels()
    assert cat.get_fontfamily()[-1] == cat_font
    assert cat_font not in dog.get_fontfamily()
    assert figure._suptitle.get_fontfamily()[-1] == cat_font


def test_a_character_that_no_font_has_is_named(cat_font: str, tmp_path: Path) -> None:
    figure = plots.sampling_plan(plan_labels(["犬"] * 5 + ["猫"] * 2))
    with pytest.warns(UserWarning, match="no installed font has '犬': install one"):
        figure.savefig(tmp_path / "x.png")
