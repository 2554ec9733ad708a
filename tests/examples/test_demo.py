"""The demo on real digits: its data, its training, and that its words follow from the numbers."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from optional import require
from torch import Tensor

import pysampler
from pysampler import plots
from pysampler.demo import DemoResults, augmentation, report, run_demo
from pysampler.demo.data import Problem, long_tail, two_classes
from pysampler.demo.experiment import Experiment, run_experiment
from pysampler.demo.metrics import Scores, score
from pysampler.demo.training import SETTINGS, Recipe, Setting, make_loader


@pytest.fixture(autouse=True, scope="module")
def libraries() -> None:
    """Skips the module, or fails it where optional libraries are required."""
    for library in ("sklearn", "matplotlib", "tqdm"):
        require(library)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Trains on one thread, as the demo does: on a busy machine more are far slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Finished:
    """A quick demo, what it printed and where."""

    results: DemoResults
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def finished(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs the whole quick demo once, with every warning an error."""
    folder, printed = tmp_path_factory.mktemp("demo") / "new" / "plots", io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("error")
        results = run_demo(folder, quick=True)
    return Finished(results, printed.getvalue(), folder)


@pytest.fixture(scope="module")
def experiment(finished: Finished) -> Experiment:
    """The quick demo's two-class experiment."""
    return finished.results.experiments[0]


# ---- data ---------------------------------------------------------------------------------------


def test_two_classes_are_140_to_10_with_balanced_validation() -> None:
    problem = two_classes(0)
    assert problem.class_counts.tolist() == [140, 10]
    assert torch.bincount(problem.validation_labels).tolist() == [43, 43]
    assert problem.rare_class == 1


def test_the_long_tail_falls_twentyfold_with_balanced_validation() -> None:
    problem = long_tail(0)
    assert problem.class_counts.tolist() == [100, 72, 51, 37, 26, 19, 14, 10, 7, 5]
    assert len(set(torch.bincount(problem.validation_labels).tolist())) == 1
    assert problem.rare_class is None


@pytest.mark.parametrize("make_problem", [two_classes, long_tail])
def test_training_and_validation_share_no_image(make_problem: object) -> None:
    problem: Problem = make_problem(3)  # type: ignore[operator]
    training = {image.numpy().tobytes() for image in problem.train_images}
    validation = {image.numpy().tobytes() for image in problem.validation_images}
    assert len(training) == len(problem.train_images)
    assert not training & validation
    assert problem.train_images.min() == 0
    assert problem.train_images.max() == 1


def test_a_seed_deals_the_same_images_again_and_another_seed_others() -> None:
    first, again, other = two_classes(1), two_classes(1), two_classes(2)
    assert torch.equal(first.train_images, again.train_images)
    assert not torch.equal(first.train_images, other.train_images)


# ---- parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_classes", "rare_class"), [(2, 1), (10, None)])
def test_scores_are_those_of_scikit_learn(num_classes: int, rare_class: int | None) -> None:
    metrics = require("sklearn.metrics")
    generator = torch.Generator().manual_seed(0)
    actual = torch.arange(num_classes).repeat(30)
    guessed = torch.randint(num_classes, actual.shape, generator=generator)
    predicted = torch.where(torch.rand(actual.shape, generator=generator) < 0.6, actual, guessed)
    average = {"average": "macro"} if rare_class is None else {"pos_label": rare_class}
    found = score(predicted, actual, num_classes, rare_class)
    assert found.f1 == pytest.approx(metrics.f1_score(actual, predicted, **average), abs=1e-12)
    assert found.recall == pytest.approx(metrics.recall_score(actual, predicted, **average), abs=1e-12)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(actual, predicted), abs=1e-12)


def test_a_class_never_predicted_scores_zero() -> None:
    actual = torch.tensor([0, 1])
    assert score(torch.zeros_like(actual), actual, 2, 1) == Scores(0.0, 0.5, 0.0)


def centre_of_ink(images: Tensor) -> Tensor:
    """Where the ink of each image is on average, in pixels, shape (images, 2)."""
    place = torch.arange(images.shape[-1], dtype=torch.float32)
    ink = images[:, 0] / images.sum(dim=(1, 2, 3)).view(-1, 1, 1)
    return torch.stack([ink.sum(dim=2) @ place, ink.sum(dim=1) @ place], dim=1)


def test_augmentation_moves_each_image_a_little_and_reproducibly() -> None:
    images = two_classes(0).train_images[:50]
    moved, again = (augmentation.augment(images, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(moved, again)
    assert moved.shape == images.shape
    assert moved.min() >= 0
    distance = (centre_of_ink(moved) - centre_of_ink(images)).norm(dim=1)
    assert distance.max() < 1.0  # pixels
    assert distance.mean() > 0.2


def test_augmentation_with_no_movement_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "MAX_ROTATION_DEGREES", 0.0)
    monkeypatch.setattr(augmentation, "MAX_SHIFT", 0.0)
    images = two_classes(0).train_images[:5]
    assert torch.allclose(augmentation.augment(images, torch.Generator()), images, atol=1e-5)


def test_the_oversampling_loader_draws_through_pysampler_with_inverse_class_counts() -> None:
    problem = two_classes(0)
    loader = make_loader(problem, oversampling=True, batch_size=10, seed=5)
    assert type(loader.sampler) is pysampler.WeightedRandomSampler
    assert loader.sampler.num_samples == 150
    weights = torch.as_tensor(loader.sampler.weights, dtype=torch.float64)
    assert weights.tolist() == pytest.approx([1 / 140] * 140 + [1 / 10] * 10)


# ---- what the loader delivered ------------------------------------------------------------------


def test_every_epoch_delivers_as_many_draws_as_there_are_images(finished: Finished) -> None:
    for experiment in finished.results.experiments:
        images = len(experiment.problem.train_labels)
        for run in (run for runs in experiment.runs.values() for run in runs):
            assert len(run.scores) == len(run.epochs) == experiment.recipe.epochs
            draws = plots.draws_of_each_item((i for epoch in run.epochs for i in epoch), images)
            assert draws.sum() == experiment.recipe.epochs * images
            if not run.setting.oversampling:
                assert (draws == experiment.recipe.epochs).all()


def test_classes_are_even_with_the_sampler_and_uneven_without(finished: Finished) -> None:
    for experiment in finished.results.experiments:
        labels, classes = experiment.problem.train_labels.numpy(), experiment.problem.num_classes
        for oversampling in (False, True):
            runs = experiment.runs[Setting(oversampling, False)]
            batches = [batch for run in runs for epoch in run.epochs for batch in epoch]
            counts = plots.class_counts_per_batch(batches, labels, classes).sum(axis=0)
            expected = counts.sum() / classes
            chi_square = float(((counts - expected) ** 2 / expected).sum())
            # The 1 - 1e-6 quantiles of chi-square with 1 and 9 degrees of freedom.
            assert (chi_square < {2: 23.93, 10: 45.08}[classes]) == oversampling, counts


def test_augmentation_does_not_change_what_is_drawn(experiment: Experiment) -> None:
    for oversampling in (False, True):
        plain, moved = (experiment.runs[Setting(oversampling, a)][0] for a in (False, True))
        assert all(
            torch.equal(torch.cat(one), torch.cat(two)) for one, two in zip(plain.epochs, moved.epochs, strict=True)
        )


def test_epochs_and_seeds_draw_differently(experiment: Experiment) -> None:
    first, second = experiment.runs[Setting(True, False)]
    drawn = [torch.cat(epoch).tolist() for run in (first, second) for epoch in run.epochs]
    assert len({tuple(indices) for indices in drawn}) == len(drawn)


def test_the_same_seeds_give_the_same_numbers_and_leave_the_global_generator_alone() -> None:
    recipe = Recipe(epochs=2)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = run_experiment(two_classes, recipe, seeds=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    two = run_experiment(two_classes, recipe, seeds=1)
    for setting in SETTINGS:
        assert one.runs[setting][0].scores == two.runs[setting][0].scores
    assert report.table(one) == report.table(two)
    assert report.conclusions(one) == report.conclusions(two)


# ---- what it says -------------------------------------------------------------------------------


def test_the_table_has_the_measured_means_within_range_and_80_columns(finished: Finished) -> None:
    for experiment in finished.results.experiments:
        heading, *rows = report.table(experiment)
        assert heading.split() == [
            "oversampling",
            "augmentation",
            "best",
            "epoch",
            "F1",
            "accuracy",
            "recall",
        ]
        assert {len(line) for line in (heading, *rows)} == {report.TABLE_WIDTH}
        for row, setting in zip(rows, SETTINGS, strict=True):
            oversampling, augmented, epoch, _, f1, _, accuracy, _, recall, _ = row.split()
            assert (oversampling == "on", augmented == "on") == (
                setting.oversampling,
                setting.augmentation,
            )
            runs = experiment.runs[setting]
            assert 1 <= float(epoch) <= experiment.recipe.epochs
            assert all(0 <= float(value) <= 1 for value in (f1, accuracy, recall))
            assert float(f1) == pytest.approx(np.mean([r.best.f1 for r in runs]), abs=5e-4)
            assert all(row in finished.printed for row in rows)


def test_printed_lines_fit_a_terminal_and_files_are_named(finished: Finished) -> None:
    lines = [line for line in finished.printed.splitlines() if str(finished.folder) not in line]
    assert max(map(len, lines)) <= 80
    for path in finished.results.figures:
        assert str(path) in finished.printed
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000
    assert {path.parent for path in finished.results.figures} == {finished.folder}
    assert len(finished.results.figures) == 6


def with_f1(experiment: Experiment, *, off: list[float], on: list[float]) -> Experiment:
    """Gives the runs other scores: one epoch per run, one run per F1."""
    runs = {}
    for setting in SETTINGS:
        of_setting = on if setting.oversampling else off
        template = experiment.runs[setting][0]
        runs[setting] = tuple(replace(template, scores=(Scores(f, f, f),)) for f in of_setting)
    return replace(experiment, runs=runs)


@pytest.mark.parametrize(
    ("off", "on", "words"),
    [
        (
            [0.5, 0.6, 0.7],
            [0.8, 0.85, 1.0],
            "raised F1 from 0.600 to 0.883 (higher in 3 of 3 seeds)",
        ),
        ([0.8, 0.85, 1.0], [0.5, 0.6, 0.7], "lowered F1 from 0.883 to 0.600 (higher in 0 of 3"),
        ([0.5, 0.6, 0.7], [0.6, 0.5, 0.8], "made no clear difference to F1: from 0.600 to 0.633"),
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], "made no clear difference to F1"),
        ([0.5, 0.6], [0.9, 0.9], "took F1 from 0.550 to 0.900 (too few seeds to judge)"),
        ([0.5], [0.9], "took F1 from 0.500 to 0.900 (too few seeds to judge)"),
    ],
)
def test_the_conclusion_follows_the_numbers(
    experiment: Experiment, off: list[float], on: list[float], words: str
) -> None:
    lines = report.conclusions(with_f1(experiment, off=off, on=on))
    assert words in lines[0]
    assert words in lines[1]


def test_the_standard_error_is_that_of_the_paired_differences() -> None:
    effect = report.compare([0.1, 0.2, 0.3], [0.2, 0.4, 0.6])
    assert effect.difference == pytest.approx(0.2)
    assert effect.standard_error == pytest.approx(0.1 / math.sqrt(3))


def test_the_best_epoch_is_the_earliest_of_the_highest_f1(experiment: Experiment) -> None:
    scores = tuple(Scores(f1, 0.0, 0.0) for f1 in (0.1, 0.7, 0.7, 0.2))
    run = replace(experiment.runs[SETTINGS[0]][0], scores=scores)
    assert run.best_epoch == 2
    assert run.best.f1 == 0.7


def test_full_coverage_is_the_epoch_of_the_last_new_image(experiment: Experiment) -> None:
    epochs = ((torch.tensor([0, 1]), torch.tensor([1])), (torch.tensor([1]),), (torch.tensor([2]),))
    run = replace(experiment.runs[SETTINGS[0]][0], epochs=epochs)
    assert report.epoch_of_full_coverage(run, 3) == 3
    assert report.epoch_of_full_coverage(run, 4) is None


def test_the_number_of_threads_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        assert torch.get_num_threads() == 1
        raise KeyboardInterrupt

    monkeypatch.setattr("pysampler.demo.main.run_experiment", stop)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_demo(tmp_path, threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
