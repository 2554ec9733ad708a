"""`pysampler demo`: two imbalanced problems, four settings, several seeds, scores and figures."""

from __future__ import annotations

import logging
import os
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pysampler.demo import report
from pysampler.demo.data import long_tail, two_classes
from pysampler.demo.experiment import Experiment, run_experiment
from pysampler.demo.figures import save_figures
from pysampler.demo.threads import torch_threads
from pysampler.demo.training import SETTINGS, Recipe

_PROBLEMS = ((two_classes, 10), (long_tail, 16))  # with the batch size; 10 is the article's
_EPOCHS, _QUICK_EPOCHS = 20, 3
_SEEDS, _QUICK_SEEDS = 5, 2
_HOW_TO_READ = (
    "Scores are mean ±standard deviation over the seeds. The best epoch is chosen on the "
    "validation images, in every row alike, so all scores are a little optimistic. A difference "
    "counts as clear when it is more than two standard errors from 0, over at least 3 seeds."
)


@dataclass(frozen=True)
class DemoResults:
    """What a demo measured, and where it put its figures."""

    experiments: tuple[Experiment, ...]
    figures: tuple[Path, ...]


def run_demo(out: Path, *, quick: bool = False, seeds: int | None = None, threads: int = 1) -> DemoResults:
    """Runs the demo and prints what it does and finds.

    The same arguments give the same numbers again on the same machine. Takes about a minute, a
    few seconds with `quick`. Leaves torch's global generator and number of threads as they were.

    Args:
        out: Folder for the figures, made if need be.
        quick: Train few epochs only; the numbers then mean little.
        seeds: Number of seeds; 5 by default, 2 with `quick`.
        threads: Threads that torch may use; networks this small are fastest with one.

    Raises:
        ImportError: If scikit-learn, matplotlib or tqdm is missing.
        OSError: If the figures cannot be written.
    """
    started = time.monotonic()
    seeds = seeds or (_QUICK_SEEDS if quick else _SEEDS)
    epochs = _QUICK_EPOCHS if quick else _EPOCHS
    out.mkdir(parents=True, exist_ok=True)
    # matplotlib logs, once per machine, that it prepares its fonts: of no use to our reader.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    _print_header(out, seeds, quick)
    with torch_threads(threads):
        experiments = tuple(_experiments(epochs, seeds))
    for experiment in experiments:
        _print_results(experiment)
    figures = tuple(path for experiment in experiments for path in save_figures(experiment, out))
    _print_ending(figures, time.monotonic() - started)
    return DemoResults(experiments, figures)


def _experiments(epochs: int, seeds: int) -> Iterator[Experiment]:
    """Runs each problem behind a progress bar, which is drawn on a terminal only."""
    from tqdm import tqdm  # noqa: PLC0415 - optional

    for make_problem, batch_size in _PROBLEMS:
        name = make_problem(0).name
        with tqdm(
            total=seeds * len(SETTINGS) * epochs,
            desc=f"  {name:<10}",
            unit=" epochs",
            disable=None,
            ncols=report.TABLE_WIDTH,
            nrows=24,  # some terminals claim to have no size; tqdm then shows nothing
            bar_format="{desc} {bar} {n_fmt}/{total_fmt}{unit}, {remaining} left",
        ) as bar:
            recipe = Recipe(epochs=epochs, batch_size=batch_size)
            yield run_experiment(make_problem, recipe, seeds, bar.update)


def _print_header(out: Path, seeds: int, quick: bool) -> None:
    duration = "a quick look" if quick else "about a minute"
    networks = f"{seeds} seed{'s' if seeds > 1 else ''}"
    print(_bold(f"pysampler demo: does drawing rare classes more often help? ({duration})"))
    print("  1  Make real handwritten digits imbalanced: two classes 140:10, ten 20:1.")
    print(f"  2  Train small networks, oversampling and augmentation off and on, {networks}.")
    print(f"  3  Print scores, say plainly what they show, save plots in {out}{os.sep}\n", flush=True)


def _print_results(experiment: Experiment) -> None:
    problem = experiment.problem
    counts = problem.class_counts.tolist()
    if problem.rare_class is None:
        about = "F1, recall: class means (recall is accuracy)"
    else:
        about = f"F1, recall: of {problem.class_names[problem.rare_class]}"
    print()
    print(_bold(problem.name) + f"   {sum(counts)} training images: {' '.join(map(str, counts))}")
    print(f"validation: {len(problem.validation_labels)} images, balanced; {about}")
    heading, *rows = report.table(experiment)
    print("─" * report.TABLE_WIDTH, heading, "─" * report.TABLE_WIDTH, *rows, sep="\n")
    print("─" * report.TABLE_WIDTH)
    for line in report.conclusions(experiment):
        print(textwrap.fill(line, report.TABLE_WIDTH, initial_indent="- ", subsequent_indent="  "))


def _print_ending(figures: tuple[Path, ...], seconds: float) -> None:
    print()
    print(textwrap.fill(_HOW_TO_READ, report.TABLE_WIDTH))
    print()
    print(_bold("Plots, drawn from the batches of this run's first seed"))
    for path in figures:
        print(f"  {path}")
    print(f"\nDone in {seconds:.0f} s.")


def _bold(text: str) -> str:
    """Makes text bold where that shows: on a terminal, unless NO_COLOR asks for none."""
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text
