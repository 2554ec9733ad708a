"""How many epochs it takes until every item has been shown: over many trials, beside the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pysampler.forecast.forecast import CoverageForecast
from pysampler.forecast.trials import CoverageTrials
from pysampler.plots._records import FloatArray, IntArray
from pysampler.plots._style import (
    INK,
    PALETTE,
    SOFT_INK,
    dress,
    figure_legend,
    new_figure,
    percent,
    plain,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pysampler.plots._data_figure import DataFigure

_XLABEL = "epochs until every image has been shown, the last one counted whole"
_TAIL = 1e-3  # of the forecast, beyond which the axis may end
_LEAST_SHOWN = 1e-3  # smaller forecasts would be points on the axis


def epochs_to_full_coverage(
    epochs: npt.ArrayLike | CoverageTrials,
    *,
    forecast: CoverageForecast | None = None,
    always_within: int | None = None,
    title: str = "How long until everything has been shown?",
) -> DataFigure:
    """Draws in which share of trials each number of epochs was what it took, as bars, and its forecast.

    Args:
        epochs: Whole epochs that each trial took, at least 1, shape (trials,); or what ``simulate_coverage`` returned.
        forecast: What was to be expected of independent draws, drawn as points; by default that of ``epochs``, if it
            has one.
        always_within: Epochs within which another way of sampling always shows everything, drawn as a line.
        title: Title of the figure.

    Returns:
        The figure. ``data``: "epochs" 1, 2, 3...; "share", of the trials that took so many; "forecast" if given, the
        probability of taking so many.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: No trials, or less than one epoch.
    """
    forecast = epochs.forecast if isinstance(epochs, CoverageTrials) and forecast is None else forecast
    taken = _whole_epochs(epochs, "epochs")
    longest = max(int(taken.max()), _end(forecast))
    share = np.bincount(taken, minlength=longest + 1)[1:] / len(taken)
    figure = new_figure(title, width=9.0, height=4.4)
    axes = figure.subplots()
    expected = _draw_shares(axes, share, forecast)
    figure.keep({"epochs": np.arange(1, len(share) + 1), "share": share})
    if expected is not None:
        figure.keep({"forecast": expected})
    middle, late = np.quantile(taken, [0.5, 0.95], method="inverted_cdf")
    if always_within is not None:
        label = "systematic draws:\neverything shown, always"
        axes.axvline(always_within, color=PALETTE[2], linewidth=2.4, linestyle=":", label=label)
    dress(axes, f"{len(taken):,} trials: half within {middle} epochs, 95 % within {late}", xlabel=_XLABEL)
    axes.set_ylabel("share of the trials")
    axes.set_xlim(0.3, longest + 0.7)
    percent(axes.yaxis)
    whole_numbers(axes.xaxis)
    figure_legend(figure, axes, reverse=True)
    return figure


def imbalance_sweep(
    epochs: Mapping[str, npt.ArrayLike | CoverageTrials],
    *,
    forecasts: Mapping[str, CoverageForecast] | None = None,
    title: str = "The more imbalanced, the longer until everything has been shown",
) -> DataFigure:
    """Draws `epochs_to_full_coverage` for several data sets, one below the other on the same axis.

    Args:
        epochs: Name of the data set ("160 : 10") -> whole epochs of each trial, as for `epochs_to_full_coverage`.
        forecasts: Name -> forecast, for the same names; by default those of ``epochs`` that have one.
        title: Title of the figure.

    Returns:
        The figure, one axes per data set. ``data``: name -> share of the trials that took 1, 2, 3... epochs, all of
        the same length; "forecast NAME" where there is one.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: No data sets, no trials, or less than one epoch.
    """
    taken = {name: _whole_epochs(values, f"epochs[{name!r}]") for name, values in epochs.items()}
    if not taken:
        raise ValueError("epochs must have at least one data set, but they are empty")
    forecasts = {
        **{name: values.forecast for name, values in epochs.items() if isinstance(values, CoverageTrials)},
        **(forecasts or {}),
    }
    longest = max(max(int(own.max()), _end(forecasts.get(name))) for name, own in taken.items())
    figure = new_figure(title, width=9.0, height=1.2 + 1.05 * len(taken))
    every_axes = figure.subplots(len(taken), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, own) in zip(every_axes, taken.items(), strict=True):
        share = np.bincount(own, minlength=longest + 1)[1:] / len(own)
        expected = _draw_shares(axes, share, forecasts.get(name))
        figure.keep({name: share} if expected is None else {name: share, f"forecast {name}": expected})
        dress(axes, "")
        axes.axvline(own.mean(), color=INK, linewidth=1.6, label="mean of the trials")
        axes.set_ylabel(plain(name), rotation=0, ha="right", va="center", color=INK, labelpad=14)
        mean = f"mean {own.mean():.1f}"
        axes.text(0.995, 0.62, mean, ha="right", transform=axes.transAxes, color=SOFT_INK)
        axes.set_xlim(0.3, longest + 0.7)
        percent(axes.yaxis)
    every_axes[-1].set_xlabel(_XLABEL, color=SOFT_INK)
    whole_numbers(every_axes[-1].xaxis)
    figure_legend(figure, every_axes[0], reverse=True)
    return figure


def _whole_epochs(values: npt.ArrayLike | CoverageTrials, name: str) -> IntArray:
    taken = np.asarray(values.whole_epochs_to_full_coverage if isinstance(values, CoverageTrials) else values)
    if taken.ndim != 1 or len(taken) == 0 or taken.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, one per trial, but got {taken.dtype} of shape {taken.shape}")
    if taken.min() < 1:
        raise ValueError(f"{name} must be at least 1, but trial {taken.argmin()} took {taken.min()}")
    return taken.astype(np.int64)


def _end(forecast: CoverageForecast | None) -> int:
    """Returns after how many epochs the forecast's tail may be left out."""
    return 1 if forecast is None else forecast.full_coverage_whole_epochs_quantile(1 - _TAIL)


def _draw_shares(axes: Axes, share: FloatArray, forecast: CoverageForecast | None) -> FloatArray | None:
    """Draws bars and the forecast's points; returns the latter."""
    epochs = np.arange(1, len(share) + 1)
    axes.bar(epochs, share, width=0.86, color=PALETTE[0], label="trials")
    if forecast is None:
        return None
    done = [forecast.full_coverage_probability(epoch * forecast.draws_per_epoch) for epoch in range(len(share) + 1)]
    expected: FloatArray = np.diff(done)
    points: dict[str, Any] = {
        "linestyle": "none",
        "marker": "D",
        "markersize": 5,
        "markeredgecolor": "white",
        "zorder": 4,
    }
    shown = np.where(expected >= _LEAST_SHOWN, expected, np.nan)
    axes.plot(epochs, shown, color=PALETTE[1], label="forecast", **points)
    return expected
