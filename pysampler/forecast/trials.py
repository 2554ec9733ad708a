"""Coverage by trial: the runs that a forecast speaks of, drawn many times over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pysampler.forecast.forecast import CoverageForecast, forecast_coverage
from pysampler.forecast.weight_groups import FloatArray
from pysampler.inputs.numbers import positive_count
from pysampler.keys import seed_key
from pysampler.progress import progress_bar
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.class_table import ClassTable

_MOST_DRAWS = 2**22


@dataclass(frozen=True, eq=False)
class CoverageTrials:
    """What happened in independent trials. Made by ``simulate_coverage``.

    Attributes:
        draws_per_epoch: Draws in an epoch.
        unique_after_one_epoch: int64 tensor of shape (trials,): distinct items after the first epoch.
        draws_to_full_coverage: int64 tensor of shape (trials,): draws until every item of positive weight had come.
        forecast: What was to be expected of the same probabilities.
    """

    draws_per_epoch: int
    unique_after_one_epoch: torch.Tensor
    draws_to_full_coverage: torch.Tensor
    forecast: CoverageForecast

    @property
    def whole_epochs_to_full_coverage(self) -> torch.Tensor:
        """int64 tensor of shape (trials,): epochs until every item had come, the last one counted whole."""
        return (self.draws_to_full_coverage + self.draws_per_epoch - 1) // self.draws_per_epoch

    @property
    def deviations(self) -> dict[str, float]:
        """How many standard errors the means of the trials lie above the forecast; 0 where neither varies.

        Beyond about 4 either way, chance does not explain it: the forecast or the draws would be wrong. Except for
        "full_coverage_whole_epochs_mean", whose forecast is an approximation that is off for few items.
        """
        return {
            "expected_unique": _deviation(self.unique_after_one_epoch, self.forecast.expected_unique),
            "full_coverage_draws_mean": _deviation(self.draws_to_full_coverage, self.forecast.full_coverage_draws_mean),
            "full_coverage_whole_epochs_mean": _deviation(
                self.whole_epochs_to_full_coverage, self.forecast.full_coverage_whole_epochs_mean
            ),
        }


def simulate_coverage(
    weights: Any, num_samples: int | None = None, *, trials: int = 1000, seed: int = 0, progress: bool = False
) -> CoverageTrials:
    """Draws with pysampler's own streams until every item has come, ``trials`` times, beside the forecast.

    Trial t is the stream (seed, epoch t), so the outcome is the same on any machine and any number of threads.

    Args:
        weights: One weight per item, as for ``WeightedRandomSampler``; or an ``AliasTable`` or ``ClassTable``.
        num_samples: Draws per epoch; by default the number of items.
        trials: How many, at least 1.
        seed: In [-2^63, 2^64).
        progress: Show a bar; needs tqdm.

    Cost: about 10 ns per draw of a small table, times the forecast's ``full_coverage_draws_99``, times ``trials``; 24
    bytes per item and up to 64 MB.

    Raises:
        ValueError: See ``forecast_coverage``; trials that is not a positive int; more than 2^36 draws to be expected
            in all.
        TypeError: See ``forecast_coverage``.
        ImportError: ``progress`` without tqdm.

    Example:
        >>> trials = simulate_coverage([1.0] * 10, trials=100, seed=0)
        >>> trials.draws_to_full_coverage.shape
        torch.Size([100])
    """
    count = positive_count(trials, "trials")
    key = seed_key(seed)
    table = (weights if isinstance(weights, AliasTable | ClassTable) else AliasTable(weights)).to("cpu")
    forecast = forecast_coverage(table, num_samples)
    mean = forecast.full_coverage_draws_mean
    draws = max(mean, forecast.draws_per_epoch)  # a trial draws its first epoch whole
    if draws * count > 2.0**36:
        raise ValueError(
            f"a trial takes {draws:.3g} draws on average, too many (full coverage {mean:.3g}, "
            f"an epoch {forecast.draws_per_epoch}) to be drawn in {count} trials; the forecast needs no draws"
        )
    unique = torch.empty(count, dtype=torch.int64, device="cpu")
    full = torch.empty(count, dtype=torch.int64, device="cpu")
    stride = min(max(math.ceil(forecast.full_coverage_draws_99), forecast.draws_per_epoch), _MOST_DRAWS)
    with progress_bar(count, "coverage trials", "trial", progress) as advance:
        for trial in range(count):
            first = _first_positions(table, key, trial, forecast, stride)
            unique[trial] = int((first < forecast.draws_per_epoch).sum())
            full[trial] = int(first.max()) + 1
            advance(1)
    return CoverageTrials(forecast.draws_per_epoch, unique, full, forecast)


def _first_positions(
    table: AliasTable | ClassTable, key: int, trial: int, forecast: CoverageForecast, stride: int
) -> FloatArray:
    """Returns at which position each item that has come came first, once all have and an epoch's draws are made."""
    first = np.full(len(table), math.inf)
    start = 0
    while start < forecast.draws_per_epoch or np.count_nonzero(first < math.inf) < forecast.positive_weight_items:
        drawn = table.draw(stride, seed=key, epoch=trial, start=start).numpy()
        fresh = np.full(len(table), math.inf)
        # Backwards, so that of several draws of an item the first is what stays.
        fresh[drawn[::-1]] = np.arange(start + stride - 1, start - 1, -1, dtype=np.float64)
        np.minimum(first, fresh, out=first)
        start += stride
    return first[first < math.inf]


def _deviation(outcomes: torch.Tensor, expected: float) -> float:
    values = outcomes.double()
    error = float(values.std(unbiased=False)) / math.sqrt(len(values))
    difference = float(values.mean()) - expected
    if error == 0.0:
        return 0.0 if abs(difference) <= 1e-6 * max(abs(expected), 1.0) else math.copysign(math.inf, difference)
    return difference / error
