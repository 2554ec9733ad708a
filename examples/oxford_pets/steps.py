"""The article's steps, from balanced batches to target proportions: numbers and figures.

Every step draws through a real DataLoader (or makes trials of whole trainings), and returns what it found. The sets
are small, so every epoch's batches are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, TensorDataset

from oxford_pets.cats import FREQUENT, Cats
from oxford_pets.rows import Row
from pysampler import WeightedRandomSampler, forecast_coverage, plots, sample_weights, simulate_coverage
from pysampler.plan import systematic_coverage_epochs

if TYPE_CHECKING:
    from pysampler.plots._data_figure import DataFigure

BATCH = 10
EPOCHS = 20
IMBALANCES = (160, 80, 40, 20, 10, 5)
TARGETS = {0: 0.1, 1: 0.9}


@dataclass(frozen=True)
class Step:
    """What a step found: its title, its numbers and its figures by file name."""

    title: str
    rows: tuple[Row, ...]
    figures: dict[str, DataFigure]


def all_steps(cats: Cats, *, trials: int, seed: int) -> Iterator[Step]:
    """Goes through the article, up to the training.

    Args:
        cats: The images.
        trials: How many for the density of epochs to full coverage, and for each imbalance.
        seed: Of all draws.
    """
    labels = cats.labels()
    yield _batches_before_and_after(cats, labels, seed)
    yield _draws_of_each_image(cats, labels, seed)
    yield _other_arguments(cats, labels, seed)
    yield _epochs_until_all_are_seen(cats, labels, seed)
    yield _trials(labels, trials, seed)
    yield _sweep(cats, trials, seed)
    yield _target_proportions(cats, labels, seed)


def delivered(labels: Tensor, sampler: Sampler[int] | None, seed: int) -> list[Tensor]:
    """Returns the indices of each batch of one epoch of a loader; shuffled if there is no sampler."""
    dataset = TensorDataset(torch.arange(len(labels)), labels)
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, BATCH, shuffle=sampler is None, sampler=sampler, generator=generator)
    return [indices for indices, _ in loader]


def _batches_before_and_after(cats: Cats, labels: Tensor, seed: int) -> Step:
    weights = sample_weights(labels)
    shuffled = delivered(labels, None, seed)
    weighted = delivered(labels, WeightedRandomSampler(weights, seed=seed), seed)
    data_share = float(labels.double().mean())
    rare = cats.names[1]
    forecast = forecast_coverage(weights)
    rows = (
        Row(f"shuffled: share of {rare}", _rare_share(shuffled, labels), data_share, "5.9 %", "%", 1),
        Row("shuffled: unique images", _unique(shuffled), len(labels), "170"),
        Row(f"weighted: share of {rare}", _rare_share(weighted, labels), 0.5, "51.2 %", "%", 1),
        Row("weighted: unique images", _unique(weighted), forecast.expected_unique, "71", digits=1),
    )
    panels = {"Shuffled": shuffled, "WeightedRandomSampler, weights 1 / images of the class": weighted}
    return Step("Balanced batches, one epoch", rows, {"2-3-batches": _mix(panels, cats, labels, "What a batch holds")})


def _draws_of_each_image(cats: Cats, labels: Tensor, seed: int) -> Step:
    weights = sample_weights(labels)
    batches = delivered(labels, WeightedRandomSampler(weights, seed=seed), seed)
    draws = plots.draws_of_each_item(batches, len(labels))
    frequent, rare = draws[labels.numpy() == 0], draws[labels.numpy() == 1]
    chance = weights / weights.sum() * len(labels)
    expected = [float(chance[0]), float(chance[-1])]
    never = FREQUENT * (1 - expected[0] / len(labels)) ** len(labels)
    rows = (
        Row(f"draws of a {cats.names[1]}, mean", float(rare.mean()), expected[1], "8.7", digits=1),
        Row("  the least drawn", int(rare.min()), None, "5"),
        Row("  the most drawn", int(rare.max()), None, "13"),
        Row(f"{cats.names[0]} never drawn", int((frequent == 0).sum()), never, digits=1),
    )
    figure = plots.draws_per_item(
        draws, labels, _legend(cats, labels), expected=expected, title="How often was each image shown in an epoch?"
    )
    return Step("Draws of each image, one epoch", rows, {"4-draws": figure})


def _other_arguments(cats: Cats, labels: Tensor, seed: int) -> Step:
    weights, images = sample_weights(labels), len(labels)
    without = delivered(labels, WeightedRandomSampler(weights, images, False, seed=seed), seed)
    doubled = delivered(labels, WeightedRandomSampler(weights, 2 * images, seed=seed), seed)
    drawn = labels[torch.cat(without)]
    last = int(torch.nonzero(drawn).max()) // BATCH + 1
    forecast = forecast_coverage(weights)
    rare = cats.names[1]
    rows = (
        Row("replacement=False: unique images", _unique(without), images, "170"),
        Row(f"  share of {rare}", _rare_share(without, labels), float(labels.double().mean()), "5.9 %", "%", 1),
        Row(f"  batch with the last {rare}", last, None),
        Row(
            "num_samples doubled: unique images",
            _unique(doubled),
            forecast.expected_unique_after(2 * images),
            "114",
            digits=1,
        ),
        Row(f"  share of {rare}", _rare_share(doubled, labels), 0.5, "50.9 %", "%", 1),
    )
    figures = {
        "5-without-replacement": _mix({"replacement=False": without}, cats, labels, "Without replacement"),
        "6-doubled": _mix({f"num_samples={2 * images}": doubled}, cats, labels, "Twice as many draws"),
    }
    return Step("Other arguments", rows, figures)


def _epochs_until_all_are_seen(cats: Cats, labels: Tensor, seed: int) -> Step:
    weights = sample_weights(labels)
    sampler, forecast = WeightedRandomSampler(weights, seed=seed), forecast_coverage(weights)
    epochs = [delivered(labels, sampler, seed) for _ in range(EPOCHS)]
    seen = plots.unique_items_seen(epochs, labels, 2)
    of_epoch = seen.sum(axis=1)
    full = np.flatnonzero(of_epoch == len(labels))
    rows = [
        Row(
            f"unique images after {epoch} epochs",
            int(of_epoch[epoch]),
            forecast.expected_unique_after(epoch * len(labels)),
            digits=1,
        )
        for epoch in (2, 5, 10)
    ]
    if len(full):
        rows.append(Row("epoch in which the last image came", int(full[0]), None, "8, from 0"))
    figure = plots.coverage_curve(
        seen,
        [FREQUENT, len(labels) - FREQUENT],
        _legend(cats, labels),
        forecast=forecast,
        title="When has every image been seen?",
    )
    return Step(f"{EPOCHS} epochs", tuple(rows), {"7-coverage": figure})


def _trials(labels: Tensor, trials: int, seed: int) -> Step:
    weights = sample_weights(labels)
    outcome = simulate_coverage(weights, trials=trials, seed=seed)
    forecast, images = outcome.forecast, len(labels)
    epochs = (outcome.draws_to_full_coverage.double() / images).numpy()
    whole = outcome.whole_epochs_to_full_coverage.numpy()
    bound = systematic_coverage_epochs(float(weights.min() / weights.sum()), images)
    rows = (
        Row("epochs until all are seen, mean", float(epochs.mean()), forecast.full_coverage_epochs_mean, digits=2),
        Row("  median", float(np.median(epochs)), forecast.full_coverage_epochs_median, digits=2),
        Row("  95 % of trials within", float(np.quantile(epochs, 0.95)), forecast.full_coverage_epochs_95, digits=2),
        Row("in whole epochs, mean", float(whole.mean()), forecast.full_coverage_whole_epochs_mean, digits=2),
        Row(
            "  95 % of trials within",
            float(np.quantile(whole, 0.95, method="inverted_cdf")),
            forecast.full_coverage_whole_epochs_quantile(0.95),
            "9-10",
        ),
    )
    figure = plots.epochs_to_full_coverage(whole, forecast=forecast, always_within=bound)
    return Step(f"{trials} trials; systematic draws need at most {bound} epochs, always", rows, {"8-epochs": figure})


def _sweep(cats: Cats, trials: int, seed: int) -> Step:
    rows, epochs, forecasts = [], {}, {}
    for rare in (count for count in IMBALANCES if count <= len(cats.images[1])):
        outcome = simulate_coverage(sample_weights(cats.labels(rare)), trials=trials, seed=seed)
        name, forecast = f"{FREQUENT} : {rare}", outcome.forecast
        epochs[name], forecasts[name] = outcome.whole_epochs_to_full_coverage.numpy(), forecast
        mean = float(outcome.draws_to_full_coverage.double().mean()) / forecast.draws_per_epoch
        rows.append(Row(f"{name}, epochs, mean", mean, forecast.full_coverage_epochs_mean, digits=2))
    figure = plots.imbalance_sweep(epochs, forecasts=forecasts)
    return Step(f"How long at other imbalances, {trials} trials each", tuple(rows), {"9-sweep": figure})


def _target_proportions(cats: Cats, labels: Tensor, seed: int) -> Step:
    weights = sample_weights(labels, targets=TARGETS)
    batches = delivered(labels, WeightedRandomSampler(weights, seed=seed), seed)
    rows = (
        Row(f"share of {cats.names[1]}", _rare_share(batches, labels), TARGETS[1], "88.2 %", "%", 1),
        Row("unique images", _unique(batches), forecast_coverage(weights).expected_unique, "28", digits=1),
    )
    panels = {f"Targets: {TARGETS[0]:.0%} {cats.names[0]}, {TARGETS[1]:.0%} {cats.names[1]}": batches}
    figure = _mix(panels, cats, labels, "Another mix on purpose")
    return Step("Target proportions, one epoch", rows, {"10-targets": figure})


def _mix(panels: dict[str, list[Tensor]], cats: Cats, labels: Tensor, title: str) -> DataFigure:
    counts = {name: plots.class_counts_per_batch(batches, labels, 2) for name, batches in panels.items()}
    return plots.class_mix_per_batch(counts, _legend(cats, labels), title=title)


def _legend(cats: Cats, labels: Tensor) -> list[str]:
    sizes = torch.bincount(labels, minlength=2).tolist()
    return [f"{name} ({size})" for name, size in zip(cats.names, sizes, strict=True)]


def _rare_share(batches: list[Tensor], labels: Tensor) -> float:
    return float(labels[torch.cat(batches)].double().mean())


def _unique(batches: list[Tensor]) -> int:
    return int((torch.bincount(torch.cat(batches)) > 0).sum())
