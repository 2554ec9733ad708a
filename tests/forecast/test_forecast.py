"""Forecasts equal the published figures, high-precision evaluations, and what really happens in trials."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from optional import require

from pysampler import CoverageForecast, forecast_coverage, sample_weights

CATS = [0] * 160 + [1] * 10


def balanced(majority: int, minority: int) -> torch.Tensor:
    return sample_weights([0] * majority + [1] * minority)


# ---- the article's figures ----------------------------------------------------------------------


def test_expected_unique_cats_after_one_epoch_two_and_with_target_shares() -> None:
    assert forecast_coverage(balanced(160, 10)).expected_unique == pytest.approx(76.017, abs=5e-4)
    assert forecast_coverage(balanced(160, 10)).expected_unique_after(340) == pytest.approx(114.797, abs=5e-4)
    assert forecast_coverage(balanced(160, 10), 340).expected_unique == pytest.approx(114.797, abs=5e-4)
    shares = sample_weights(CATS, targets={0: 0.1, 1: 0.9})
    assert forecast_coverage(shares).expected_unique == pytest.approx(26.133, abs=5e-4)


@pytest.mark.parametrize(
    ("minority", "mean", "median", "late"),
    [
        (160, 6.347, 6.136, 8.739),
        (80, 7.545, 7.261, 10.728),
        (40, 9.049, 8.710, 12.873),
        (20, 10.054, 9.678, 14.303),
        (10, 10.646, 10.247, 15.145),
        (5, 10.968, 10.558, 15.603),
    ],
)
def test_epochs_to_full_coverage_of_the_six_imbalances(minority: int, mean: float, median: float, late: float) -> None:
    forecast = forecast_coverage(balanced(160, minority))
    assert forecast.full_coverage_epochs_mean == pytest.approx(mean, abs=5.01e-4)
    assert forecast.full_coverage_epochs_median == pytest.approx(median, abs=5.01e-4)
    assert forecast.full_coverage_epochs_95 == pytest.approx(late, abs=5.01e-4)


def test_whole_epochs_to_full_coverage_of_the_cats() -> None:
    forecast = forecast_coverage(balanced(160, 10))
    assert forecast.full_coverage_whole_epochs_mean == pytest.approx(11.2, abs=0.06)
    assert forecast.full_coverage_whole_epochs_quantile(0.5) == 11
    assert forecast.full_coverage_whole_epochs_quantile(0.95) == 16


# ---- high precision -----------------------------------------------------------------------------


class Precise:
    """The same numbers from sums over all items, in 20 digits."""

    def __init__(self, weights: list[float]) -> None:
        self.mp = require("mpmath").mp.clone()
        self.mp.dps = 20
        total = self.mp.fsum(self.mp.mpf(weight) for weight in weights)
        counted: dict[float, int] = {}
        for weight in weights:
            if weight > 0:
                counted[weight] = counted.get(weight, 0) + 1
        self.groups = [(self.mp.mpf(weight) / total, count) for weight, count in counted.items()]
        self.items = sum(counted.values())

    def unique(self, draws: float) -> Any:
        return self.mp.fsum(count * (1 - (1 - p) ** draws) for p, count in self.groups)

    def draws_to_expect(self, coverage: float) -> int:
        low, high = 0, 1
        wanted = coverage * self.items * (1 - self.mp.mpf(1e-15))  # two equal items: one draw shows just half
        while self.unique(high) < wanted:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.unique(middle) < wanted else (low, middle)
        return high

    def covered(self, draws: Any) -> Any:
        return self.mp.fprod((1 - self.mp.exp(-p * draws)) ** count for p, count in self.groups)

    def quantile(self, level: float) -> Any:
        low, high = self.mp.mpf(0), self.mp.mpf(1)
        while self.covered(high) < level:
            low, high = high, 2 * high
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.covered(middle) < level else (low, middle)
        return high

    def mean(self) -> Any:
        points = [0, *(self.quantile(level) for level in (1e-9, 0.01, 0.2, 0.5, 0.9, 0.999, 1 - 1e-9))]
        points += [points[-1] * 2, points[-1] * 8]
        return self.mp.quad(lambda draws: 1 - self.covered(draws), points)


RANDOM = np.random.default_rng(0)
FAMILIES: dict[str, list[float]] = {
    "two classes": balanced(160, 10).tolist(),
    "target shares": sample_weights(CATS, targets={0: 0.1, 1: 0.9}).tolist(),
    "all equal": [3.0] * 37,
    "two items": [1.0, 2.0],
    "zeros among them": [0.0, 1.0, 0.0, 2.0, 5.0],
    "one rare item": [1e-3, *[1.0] * 20],
    "one item nearly always": [1e4, *[1.0] * 20],
    "many distinct": RANDOM.random(24).tolist(),
    "all in one group": (1 + RANDOM.random(24) / 1024).tolist(),
    "two values in one group": [1.0, *[1.0009] * 23],
    "heavy tail": (RANDOM.pareto(1.0, 24) + 1).tolist(),
    "the smallest doubles": [5e-324, 1e-323, 1.5e-323, 0.0],
    "near the largest double": (RANDOM.random(20) * 1e308).tolist(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_forecasts_equal_a_high_precision_evaluation(family: str) -> None:
    weights = FAMILIES[family]
    precise, forecast = Precise(weights), forecast_coverage(weights, 20)
    assert forecast.positive_weight_items == precise.items
    assert forecast.zero_weight_items == weights.count(0.0)
    assert forecast.expected_unique == pytest.approx(float(precise.unique(20)), rel=1e-6)
    assert forecast.draws_to_expect_50 == precise.draws_to_expect(0.5)
    assert forecast.draws_to_expect_90 == precise.draws_to_expect(0.9)
    assert forecast.draws_to_expect_99 == precise.draws_to_expect(0.99)
    assert forecast.full_coverage_draws_mean == pytest.approx(float(precise.mean()), rel=1e-6)
    for level, draws in (
        (0.5, forecast.full_coverage_draws_median),
        (0.9, forecast.full_coverage_draws_90),
        (0.95, forecast.full_coverage_draws_95),
        (0.99, forecast.full_coverage_draws_99),
    ):
        assert draws == pytest.approx(float(precise.quantile(level)), rel=1e-6)
        assert forecast.full_coverage_probability(draws) == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize("family", ["two classes", "two items", "one rare item", "many distinct"])
@pytest.mark.parametrize("draws_per_epoch", [7, 20, 1000])
def test_whole_epochs_equal_a_sum_over_all_epochs(family: str, draws_per_epoch: int) -> None:
    weights = np.array(FAMILIES[family])
    p, count = np.unique(weights / weights.sum(), return_counts=True)
    epochs = np.arange(1.0, 40 / (p[0] * draws_per_epoch) + 2)
    log_covered = sum(n * np.log(-np.expm1(-q * draws_per_epoch * epochs)) for q, n in zip(p, count, strict=True))
    expected = 1 - np.expm1(log_covered).sum()
    forecast = forecast_coverage(weights, draws_per_epoch)
    assert forecast.full_coverage_whole_epochs_mean == pytest.approx(expected, rel=1e-6)


def test_equal_weights_give_the_coupon_collectors_mean() -> None:
    harmonic = math.fsum(1 / number for number in range(1, 1001))
    assert forecast_coverage([1.0] * 1000).full_coverage_draws_mean == pytest.approx(1000 * harmonic, rel=1e-12)
    assert forecast_coverage([1.0] * 1000, 400).expected_unique == pytest.approx(1000 * (1 - 0.999**400), rel=1e-12)


# ---- the face -----------------------------------------------------------------------------------


def test_the_text_names_every_number_for_what_it_is() -> None:
    text = str(forecast_coverage([0.0, *balanced(160, 10).tolist()], 170))
    assert text.splitlines() == [
        "170 items and 1 of weight zero, 170 draws per epoch",
        "expected after one epoch: 76.0 items (44.7 %)",
        "expected to have come:    50 % after 1.19 epochs, 90 % after 4.22, 99 % after 8.54",
        "every item at least once: mean 10.6 epochs, median 10.2, 95 % of runs within 15.1",
        "in whole epochs:          mean 11.1, median 11, 95 % of runs within 16",
    ]


def test_epochs_are_draws_divided_by_the_epochs_length() -> None:
    forecast = forecast_coverage(balanced(160, 10))
    assert forecast.expected_coverage == forecast.expected_unique / 170
    for name in ("50", "90", "99"):
        assert getattr(forecast, f"epochs_to_expect_{name}") == getattr(forecast, f"draws_to_expect_{name}") / 170
    assert forecast.draws_to_expect(0.9) == forecast.draws_to_expect_90
    with pytest.raises(dataclasses.FrozenInstanceError):
        forecast.zero_weight_items = 3  # type: ignore[misc]


def test_a_single_item_takes_one_draw() -> None:
    forecast = forecast_coverage([0.0, 5.0], 10)
    assert isinstance(forecast, CoverageForecast)
    assert forecast.expected_unique == 1
    assert forecast.expected_unique_after(0) == 0
    assert forecast.draws_to_expect_99 == forecast.full_coverage_draws_99 == forecast.full_coverage_draws_mean == 1
    assert forecast.full_coverage_whole_epochs_mean == forecast.full_coverage_whole_epochs_quantile(0.5) == 1
    assert forecast.full_coverage_probability(0) == 0
    assert forecast.full_coverage_probability(1) == 1


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "at least one entry"),
        ([0.0, 0.0], "every entry is zero"),
        ([1.0, -1.0, math.nan], r"weights\[1\] is -1.0 \(invalid entries: 2\)"),
        ([1.0, math.nan], r"weights\[1\] is nan"),
        ([math.inf, 1.0], r"weights\[0\] is inf"),
        ([[1.0, 2.0], [3.0, 4.0]], "1d sequence"),
        ([1e300, 1e-300], "at least 1e-280 of the sum"),
    ],
)
def test_bad_weights_are_named(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        forecast_coverage(weights)


def test_bad_arguments_are_named() -> None:
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="num_samples should be a positive integer"):
            forecast_coverage([1.0], bad)  # type: ignore[arg-type]
    forecast = forecast_coverage([1.0, 2.0])
    for level in (0, 1, math.nan):
        with pytest.raises(ValueError, match="level must be in"):
            forecast.full_coverage_draws_quantile(level)
        with pytest.raises(ValueError, match="coverage must be in"):
            forecast.draws_to_expect(level)
    with pytest.raises(ValueError, match="draws must be >= 0"):
        forecast.expected_unique_after(-1)
    with pytest.raises(TypeError, match="dataset itself"):
        forecast_coverage(torch.utils.data.TensorDataset(torch.ones(3)))
