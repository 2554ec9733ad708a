"""The whole article: its data, its steps and its training."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oxford_pets.cats import Cats, load_cats
from oxford_pets.image_files import write_digits
from oxford_pets.rows import lines
from oxford_pets.steps import BATCH, Step, all_steps
from pysampler import plots
from pysampler.demo import report
from pysampler.demo.experiment import Experiment, run_experiment
from pysampler.demo.threads import torch_threads
from pysampler.demo.training import SETTINGS, Recipe

if TYPE_CHECKING:
    from pysampler.plots._data_figure import DataFigure

_TRIALS, _QUICK_TRIALS = 1000, 200
_EPOCHS, _QUICK_EPOCHS = 20, 3
_SEEDS, _QUICK_SEEDS = 5, 2
_EXAMPLES = 6


@dataclass(frozen=True)
class ArticleResults:
    """What was found.

    Attributes:
        cats: The images.
        steps: The article's steps up to the training.
        experiment: The trainings, with and without oversampling and augmentation.
        figures: Name -> figure, numbered as in the article.
    """

    cats: Cats
    steps: tuple[Step, ...]
    experiment: Experiment
    figures: dict[str, DataFigure]


def run_article(
    images: Path | None = None,
    *,
    frequent: str = "Siamese",
    rare: str = "Birman",
    out: Path | None = None,
    quick: bool = False,
    seed: int = 0,
) -> ArticleResults:
    """Goes through the article and prints what it finds.

    Args:
        images: A folder laid out like Oxford Pets (``Siamese_12.jpg``) or with a sub-folder per class. Without one,
            scikit-learn's digits are written as PNG files to a temporary folder of that layout, and threes and eights
            take the place of the cats.
        frequent: The class of which 160 images are trained on.
        rare: The class of which 10 are.
        out: Folder for the figures, made if need be; without it none is saved.
        quick: Fewer trials, epochs and seeds: half a minute at most; the scores then mean nothing.
        seed: Of the draws; the trainings have their own seeds 0, 1, 2...

    Raises:
        ImportError: If scikit-learn (for the digits), matplotlib or Pillow is missing.
        ValueError: No such class, or too few images of it.
        OSError: The images cannot be read, or the figures not be written.
    """
    # matplotlib logs, once per machine, that it prepares its fonts: of no use to our reader.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with _folder(images) as folder:
        names = ("digit_3", "digit_8") if images is None else (frequent, rare)
        cats = load_cats(folder, *names)
    _print_data(cats, images)
    steps = []
    for number, step in enumerate(all_steps(cats, trials=_QUICK_TRIALS if quick else _TRIALS, seed=seed), start=2):
        print(f"\n{number}  {step.title}", *lines(step.rows), sep="\n", flush=True)
        steps.append(step)
    recipe = Recipe(epochs=_QUICK_EPOCHS if quick else _EPOCHS, batch_size=BATCH)
    with torch_threads(1):  # networks this small are fastest with one
        experiment = run_experiment(cats.problem, recipe, _QUICK_SEEDS if quick else _SEEDS)
    _print_training(experiment, len(steps) + 2)
    figures = {"1-images": _example_figure(cats)}
    figures |= {name: figure for step in steps for name, figure in step.figures.items()}
    figures["11-training"] = _training_figure(experiment)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(out / f"{name}.png")
        print(f"\n{len(figures)} figures in {out}")
    return ArticleResults(cats, tuple(steps), experiment, figures)


@contextmanager
def _folder(images: Path | None) -> Iterator[Path]:
    """The given folder, or a temporary one full of digits."""
    if images is not None:
        yield images
        return
    with tempfile.TemporaryDirectory() as temporary:
        write_digits(Path(temporary))
        yield Path(temporary)


def _print_data(cats: Cats, images: Path | None) -> None:
    problem = cats.problem(0)
    counts = problem.class_counts.tolist()
    source = "scikit-learn's digits, written as PNG files" if images is None else str(images)
    print(f"1  The data: {source}")
    print(f"   training: {counts[0]} {cats.names[0]} and {counts[1]} {cats.names[1]}")
    print(f"   validation: {len(problem.validation_labels) // 2} of each")


def _print_training(experiment: Experiment, number: int) -> None:
    seeds = len(experiment.runs[SETTINGS[0]])
    _, channels, size, _ = experiment.problem.train_images.shape
    print(f"\n{number}  Training a small network, {size} x {size} pixels, {channels} channel{'s' * (channels > 1)}")
    print(f"   {experiment.recipe.epochs} epochs, {seeds} seeds; scores at the best epoch, mean ±standard deviation")
    print(*(f"   {line}" for line in report.table(experiment)), sep="\n")
    for augmentation in (False, True):
        effect = report.oversampling_effect(experiment, augmentation=augmentation)
        print(f"   - {effect.sentence(f'{_with(augmentation)} augmentation, oversampling', 'F1')}")
    print("   (the article, ResNet-RS50 pretrained on ImageNet, F1 in this order: 0.769 0.861 0.845 0.899)")


def _with(augmentation: bool) -> str:
    return "With" if augmentation else "Without"


def _example_figure(cats: Cats) -> DataFigure:
    shown = {}
    for name, own in zip(cats.names, cats.images, strict=True):
        pixels = own[:_EXAMPLES].permute(0, 2, 3, 1).numpy()
        shown[name] = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return plots.example_images(shown, title="Two classes that look alike")


def _training_figure(experiment: Experiment) -> DataFigure:
    names = {setting: _setting_name(setting.oversampling, setting.augmentation) for setting in SETTINGS}
    scores = {
        title: {names[setting]: [getattr(run.best, score) for run in experiment.runs[setting]] for setting in SETTINGS}
        for title, score in (("F1", "f1"), ("Accuracy", "accuracy"), ("Recall", "recall"))
    }
    return plots.training_scores(scores, title=f"Does oversampling help? {experiment.problem.name}")


def _setting_name(oversampling: bool, augmentation: bool) -> str:
    parts = [name for name, on in (("oversampling", oversampling), ("augmentation", augmentation)) if on]
    return " +\n".join(parts) or "neither"
