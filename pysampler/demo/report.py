"""The demo's results as a table and as plain words that follow from the measured numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import torch

from pysampler.demo.experiment import Experiment
from pysampler.demo.training import SETTINGS, Run, Setting

_COLUMNS = ("oversampling", "augmentation", "best epoch", "F1", "accuracy", "recall")
_WIDTHS = (12, 12, 10, 12, 12, 12)
TABLE_WIDTH = sum(_WIDTHS) + 2 * (len(_WIDTHS) - 1)


def table(experiment: Experiment) -> list[str]:
    """Lays out one problem: a heading, then mean ±standard deviation over seeds per setting."""
    rows = [_row(_COLUMNS)]
    for setting in SETTINGS:
        runs = experiment.runs[setting]
        cells = (
            _on_off(setting.oversampling),
            _on_off(setting.augmentation),
            _mean_and_spread([run.best_epoch for run in runs], digits=1),
            _mean_and_spread([run.best.f1 for run in runs], digits=3),
            _mean_and_spread([run.best.accuracy for run in runs], digits=3),
            _mean_and_spread([run.best.recall for run in runs], digits=3),
        )
        rows.append(_row(cells))
    return rows


@dataclass(frozen=True)
class Comparison:
    """How a score differs between two settings, seed by seed.

    Attributes:
        before: Mean without.
        after: Mean with.
        difference: Mean of the differences.
        standard_error: Of that mean; nan for a single seed.
        higher: Number of seeds in which it was higher with.
        seeds: Number of seeds.
    """

    before: float
    after: float
    difference: float
    standard_error: float
    higher: int
    seeds: int

    def sentence(self, cause: str, score: str) -> str:
        """Says what the cause did to the score.

        A difference counts as clear when it is more than two standard errors from 0, over at least
        3 seeds.
        """
        change = f"from {self.before:.3f} to {self.after:.3f}"
        count = f"higher in {self.higher} of {self.seeds} seeds"
        if self.seeds < 3:
            return f"{cause} took {score} {change} (too few seeds to judge)."
        if abs(self.difference) <= 2 * self.standard_error:
            return f"{cause} made no clear difference to {score}: {change} ({count})."
        return f"{cause} {'raised' if self.difference > 0 else 'lowered'} {score} {change} ({count})."


def compare(before: Sequence[float], after: Sequence[float]) -> Comparison:
    """Compares the same seeds without and with something."""
    differences = [with_it - without for without, with_it in zip(before, after, strict=True)]
    seeds = len(differences)
    return Comparison(
        before=mean(before),
        after=mean(after),
        difference=mean(differences),
        standard_error=stdev(differences) / math.sqrt(seeds) if seeds > 1 else math.nan,
        higher=sum(difference > 0 for difference in differences),
        seeds=seeds,
    )


def oversampling_effect(experiment: Experiment, *, augmentation: bool) -> Comparison:
    """Compares F1 at the best epoch with oversampling to without it."""
    off, on = (experiment.runs[Setting(over, augmentation)] for over in (False, True))
    return compare([run.best.f1 for run in off], [run.best.f1 for run in on])


def conclusions(experiment: Experiment) -> list[str]:
    """Says in a few plain lines what was measured on one problem."""
    lines = []
    for augmentation in (False, True):
        effect = oversampling_effect(experiment, augmentation=augmentation)
        when = "With" if augmentation else "Without"
        lines.append(effect.sentence(f"{when} augmentation, oversampling", "F1"))
    runs_off, runs_on = (experiment.runs[Setting(over, False)] for over in (False, True))
    rare = experiment.problem.num_classes - 1
    labels = experiment.problem.train_labels
    lines.append(
        f"{experiment.problem.class_names[rare].capitalize()} filled "
        f"{_share_of_draws(runs_off, labels, rare):.1%} of the batches without oversampling, "
        f"{_share_of_draws(runs_on, labels, rare):.1%} with it."
    )
    lines.append(_coverage_line(runs_on, len(labels)))
    last = ", ".join(f"{mean(r.scores[-1].f1 for r in experiment.runs[s]):.3f}" for s in SETTINGS)
    lines.append(f"F1 after the last epoch instead, in the order of the rows: {last}.")
    return lines


def epoch_of_full_coverage(run: Run, num_images: int) -> int | None:
    """The epoch (from 1) in which the last unseen image was shown; None if some never were."""
    seen = torch.zeros(num_images, dtype=torch.bool)
    for epoch, batches in enumerate(run.epochs, start=1):
        seen[torch.cat(batches)] = True
        if bool(seen.all()):
            return epoch
    return None


def _coverage_line(runs: Sequence[Run], num_images: int) -> str:
    first = mean(len(set(torch.cat(run.epochs[0]).tolist())) for run in runs)
    full = [epoch_of_full_coverage(run, num_images) for run in runs]
    done = [epoch for epoch in full if epoch is not None]
    line = f"With it, the first epoch showed {first:.0f} of the {num_images} images"
    if len(done) == len(full):
        return f"{line}; all had been seen by epoch {mean(done):.1f} on average, {max(done)} at most."
    epochs = len(runs[0].epochs)
    return f"{line}; within {epochs} epochs all were seen in {len(done)} of {len(full)} seeds."


def _share_of_draws(runs: Sequence[Run], labels: torch.Tensor, wanted: int) -> float:
    drawn = torch.cat([indices for run in runs for batches in run.epochs for indices in batches])
    return float((labels[drawn] == wanted).double().mean())


def _on_off(on: bool) -> str:
    return "on" if on else "off"


def _mean_and_spread(values: Sequence[float], *, digits: int) -> str:
    """Writes mean ±standard deviation; a single value has no spread."""
    text = f"{mean(values):.{digits}f}"
    return f"{text} ±{stdev(values):.{digits}f}" if len(values) > 1 else text


def _row(cells: Sequence[str]) -> str:
    """Aligns switches on the left and numbers on the right."""
    aligned = [cell.ljust(width) for cell, width in zip(cells[:2], _WIDTHS[:2], strict=True)]
    aligned += [cell.rjust(width) for cell, width in zip(cells[2:], _WIDTHS[2:], strict=True)]
    return "  ".join(aligned)
