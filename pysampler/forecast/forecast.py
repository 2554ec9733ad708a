"""How many items a run of independent weighted draws will show, and when it will have shown all: before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pysampler.forecast.full_coverage import FullCoverageTime, root
from pysampler.forecast.weight_groups import WeightGroups, group_weights
from pysampler.inputs.numbers import positive_count, whole_number
from pysampler.renamed import HasOldNames, Renamed


@dataclass(frozen=True)
class CoverageForecast(HasOldNames):
    """What to expect of independent draws with replacement. Made by ``forecast_coverage``.

    Items of weight zero can never come: "all" and "coverage" are of the ``positive_weight_items``.

    Exact (up to rounding) are the expectations of unique items, the whole numbers of draws derived from them, and
    the mean number of draws to full coverage. Quantiles and whole epochs of full coverage are those of draws that
    arrive as a Poisson process: for N equally likely items too high by at most 1 % from N = 50 on, 5 % from N = 10.

    Attributes:
        positive_weight_items: How many items can be drawn.
        zero_weight_items: How many items have weight zero, and are never drawn.
        draws_per_epoch: Draws in an epoch.
        expected_unique: Expected number of distinct items after one epoch.
        draws_to_expect_50: Least number of draws after which half the items are expected to have come.
        draws_to_expect_90: The same for 90 %.
        draws_to_expect_99: The same for 99 %.
        full_coverage_draws_mean: Mean number of draws until every item has come.
        full_coverage_draws_median: Its median.
        full_coverage_draws_90: Its 90 % quantile: nine of ten runs are through by then.
        full_coverage_draws_95: Its 95 % quantile.
        full_coverage_draws_99: Its 99 % quantile.
        full_coverage_whole_epochs_mean: Mean number of epochs until every item has come, counting the last one
            whole: E[ceil(draws / draws_per_epoch)], not the ceiling of a mean.

    Example:
        >>> print(forecast_coverage([1 / 160] * 160 + [1 / 10] * 10))
        170 items, 170 draws per epoch
        expected after one epoch: 76.0 items (44.7 %)
        expected to have come:    50 % after 1.19 epochs, 90 % after 4.22, 99 % after 8.54
        every item at least once: mean 10.6 epochs, median 10.2, 95 % of runs within 15.1
        in whole epochs:          mean 11.1, median 11, 95 % of runs within 16
    """

    positive_weight_items: int
    zero_weight_items: int
    draws_per_epoch: int
    expected_unique: float
    draws_to_expect_50: int
    draws_to_expect_90: int
    draws_to_expect_99: int
    full_coverage_draws_mean: float
    full_coverage_draws_median: float
    full_coverage_draws_90: float
    full_coverage_draws_95: float
    full_coverage_draws_99: float
    full_coverage_whole_epochs_mean: float
    _groups: WeightGroups = field(repr=False, compare=False)
    _time: FullCoverageTime = field(repr=False, compare=False)

    @property
    def num_items(self) -> int:
        """N: all items, those of weight zero included."""
        return self.positive_weight_items + self.zero_weight_items

    @property
    def expected_coverage(self) -> float:
        """Expected share of the items of positive weight after one epoch, in [0, 1]."""
        return self.expected_unique / self.positive_weight_items

    @property
    def epochs_to_expect_50(self) -> float:
        """``draws_to_expect_50`` in epochs, a fraction."""
        return self.draws_to_expect_50 / self.draws_per_epoch

    @property
    def epochs_to_expect_90(self) -> float:
        """``draws_to_expect_90`` in epochs, a fraction."""
        return self.draws_to_expect_90 / self.draws_per_epoch

    @property
    def epochs_to_expect_99(self) -> float:
        """``draws_to_expect_99`` in epochs, a fraction."""
        return self.draws_to_expect_99 / self.draws_per_epoch

    @property
    def full_coverage_epochs_mean(self) -> float:
        """``full_coverage_draws_mean`` in epochs, a fraction."""
        return self.full_coverage_draws_mean / self.draws_per_epoch

    @property
    def full_coverage_epochs_median(self) -> float:
        """``full_coverage_draws_median`` in epochs, a fraction."""
        return self.full_coverage_draws_median / self.draws_per_epoch

    @property
    def full_coverage_epochs_95(self) -> float:
        """``full_coverage_draws_95`` in epochs, a fraction."""
        return self.full_coverage_draws_95 / self.draws_per_epoch

    def expected_unique_after(self, draws: int) -> float:
        """Returns the expected number of distinct items after ``draws`` draws, an int >= 0. O(groups)."""
        return _expected_unique(self._groups, float(whole_number(draws, "draws", 0)))

    def draws_to_expect(self, coverage: float) -> int:
        """Returns the least number of draws after which ``coverage`` of the items, in (0, 1), is expected.

        Raises:
            ValueError: Not in (0, 1).
        """
        return _draws_to_expect(self._groups, _inside(coverage, "coverage"))

    def full_coverage_probability(self, draws: float) -> float:
        """Returns the probability that every item has come after ``draws`` draws (Poisson arrivals)."""
        return self._time.probability(draws)

    def full_coverage_draws_quantile(self, level: float) -> float:
        """Returns how many draws show every item in the share ``level``, in (0, 1), of runs (Poisson arrivals).

        Raises:
            ValueError: Not in (0, 1).
        """
        return self._time.quantile(_inside(level, "level"))

    def full_coverage_whole_epochs_quantile(self, level: float) -> int:
        """Returns after how many whole epochs every item has come in the share ``level``, in (0, 1), of runs.

        Raises:
            ValueError: Not in (0, 1).
        """
        return math.ceil(self.full_coverage_draws_quantile(level) / self.draws_per_epoch)

    items = Renamed("positive_weight_items")

    def __str__(self) -> str:
        zeros = f" and {self.zero_weight_items} of weight zero" if self.zero_weight_items else ""
        median, late = (self.full_coverage_whole_epochs_quantile(level) for level in (0.5, 0.95))
        return (
            f"{self.positive_weight_items} items{zeros}, {self.draws_per_epoch} draws per epoch\n"
            f"expected after one epoch: {self.expected_unique:.1f} items ({self.expected_coverage:.1%})\n"
            f"expected to have come:    50 % after {_short(self.epochs_to_expect_50)} epochs, "
            f"90 % after {_short(self.epochs_to_expect_90)}, 99 % after {_short(self.epochs_to_expect_99)}\n"
            f"every item at least once: mean {_short(self.full_coverage_epochs_mean)} epochs, "
            f"median {_short(self.full_coverage_epochs_median)}, "
            f"95 % of runs within {_short(self.full_coverage_epochs_95)}\n"
            f"in whole epochs:          mean {_short(self.full_coverage_whole_epochs_mean)}, "
            f"median {_short(median)}, 95 % of runs within {_short(late)}"
        ).replace("%)", " %)")


def forecast_coverage(weights: Any, num_samples: int | None = None) -> CoverageForecast:
    """Forecasts the coverage of independent draws with replacement, in closed form: nothing is drawn.

    Weights differing by less than 1/1024 are treated together, with a correction of second order; results are within
    1e-6 (relative) of sums over all items.

    Args:
        weights: One weight per item, as for ``WeightedRandomSampler``; or a table (``AliasTable``, ``ClassTable``,
            whatever has ``probabilities()``), whose true probabilities are then taken. The two differ for weights that
            are less than about 2^-32 of the average.
        num_samples: Draws per epoch; by default the number of items, those of weight zero included, as for the
            sampler.

    Cost: about 30 ns per item and some tenths of a second: 1e7 distinct weights take half a second.

    Raises:
        ValueError: See ``AliasTable``; a positive weight less than 1e-280 of the sum; num_samples that is not a
            positive int.
        TypeError: See ``AliasTable``.

    Example:
        >>> forecast = forecast_coverage([1 / 160] * 160 + [1 / 10] * 10, num_samples=170)
        >>> round(forecast.expected_unique, 3), round(forecast.full_coverage_epochs_mean, 3)
        (76.017, 10.646)
    """
    groups = group_weights(weights)
    num_items = groups.positive + groups.zeros
    draws_per_epoch = positive_count(num_items if num_samples is None else num_samples, "num_samples")
    time = FullCoverageTime(groups)
    return CoverageForecast(
        positive_weight_items=groups.positive,
        zero_weight_items=groups.zeros,
        draws_per_epoch=draws_per_epoch,
        expected_unique=_expected_unique(groups, float(draws_per_epoch)),
        draws_to_expect_50=_draws_to_expect(groups, 0.5),
        draws_to_expect_90=_draws_to_expect(groups, 0.9),
        draws_to_expect_99=_draws_to_expect(groups, 0.99),
        full_coverage_draws_mean=time.mean(),
        full_coverage_draws_median=time.quantile(0.5),
        full_coverage_draws_90=time.quantile(0.9),
        full_coverage_draws_95=time.quantile(0.95),
        full_coverage_draws_99=time.quantile(0.99),
        full_coverage_whole_epochs_mean=time.whole_epochs_mean(draws_per_epoch),
        _groups=groups,
        _time=time,
    )


def _expected_unique(groups: WeightGroups, draws: float) -> float:
    """Returns the sum of 1 - (1 - p)^draws over the items."""
    if draws == 0:
        return 0.0
    p = groups.probability
    with np.errstate(divide="ignore"):  # an only item: log(1 - 1)
        seen = -np.expm1(draws * np.log1p(-p))
    if groups.spread.any():
        # Second order: p^2 g''(p) = -draws (draws - 1) p^2 (1 - p)^(draws - 2). Groups of several items have p < 1.
        several = groups.spread > 0
        q = p[several]
        ratio = draws * (q / (1 - q))
        curvature = ratio * (ratio * (1 - 1 / draws)) * (1 - seen[several])
        seen[several] -= groups.spread[several] / 2 * curvature
    return float(groups.count @ seen)


def _draws_to_expect(groups: WeightGroups, coverage: float) -> int:
    """Returns the least whole number of draws after which ``coverage`` of the items is expected."""
    wanted = coverage * groups.positive
    if groups.positive == 1:
        return 1
    # One draw shows at most one item; and no item is rarer than the rarest group's mean by 1/1024.
    high = max(math.log1p(-coverage) / math.log1p(-float(groups.probability[0])) * 1.01, 1.0)
    low = min(max(wanted, 1.0), high)

    def excess(log_draws: float) -> float:  # the logarithm of the unseen share is nearly straight
        share = _expected_unique(groups, math.exp(log_draws)) / groups.positive
        return math.log1p(-coverage) - math.log1p(-min(share, 1 - 1e-16))

    estimate = math.ceil(math.exp(root(excess, math.log(low), math.log(high))) * (1 - 1e-12))
    if estimate > 2**40:  # beyond what rounding can tell apart
        return estimate
    estimate = max(estimate - 1, 1)
    while _expected_unique(groups, float(estimate)) < wanted * (1 - 1e-13):
        estimate += 1
    return estimate


def _short(value: float) -> str:
    """Three digits, or all of a whole number below a million."""
    return str(value) if isinstance(value, int) and value < 10**6 else f"{float(value):.3g}"


def _inside(value: float, name: str) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{name} must be in (0, 1), but got {name}={value}")
    return float(value)
