"""What training settings did to the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pysampler.plots._style import GRID, INK, PALETTE, SOFT_INK, dress, figure_legend, new_figure, plain

if TYPE_CHECKING:
    from pysampler.plots._data_figure import DataFigure


def training_scores(
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str = "Does oversampling help?",
) -> DataFigure:
    """Draws every run's scores: a panel per score, a row per setting, a point per run and a bar at their mean.

    Args:
        scores: Name of the score ("F1") -> setting ("oversampling, augmentation") -> a value in [0, 1] per run. Every
            score has the same settings; each has at least one run.
        title: Title of the figure.

    Returns:
        The figure, one axes per score. ``data``: "SCORE: SETTING" -> the values.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: No scores, a setting without runs, or scores of different settings.
    """
    settings = _settings(scores)
    figure = new_figure(title, width=2.2 + 3.0 * len(scores), height=1.3 + 0.55 * len(settings))
    every_axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    rows = np.arange(len(settings))
    for axes, (score, of_setting) in zip(every_axes, scores.items(), strict=True):
        for row, setting in zip(rows, settings, strict=True):
            values = np.asarray(of_setting[setting], dtype=np.float64)
            figure.keep({f"{score}: {setting}": values})
            first = row == 0
            dots: dict[str, Any] = {
                "linestyle": "none",
                "marker": "o",
                "markersize": 7,
                "alpha": 0.55,
                "markeredgewidth": 0,
            }
            axes.plot(values, row + _spread(values), color=PALETTE[0], label="a run" if first else None, **dots)
            mark: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 22, "markeredgewidth": 3.0}
            axes.plot([values.mean()], [row], color=INK, label="mean" if first else None, **mark)
            label = f"{values.mean():.3f}"
            axes.annotate(label, (values.mean(), row), (0, 13), textcoords="offset points", ha="center", color=SOFT_INK)
        dress(axes, score)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        axes.set_ylim(len(settings) - 0.5, -0.7)
        axes.set_yticks(rows, list(map(plain, settings)))
        axes.margins(x=0.12)
    figure.supxlabel("score on the validation images", color=SOFT_INK, fontsize=10)
    figure_legend(figure, every_axes[0], spacing=1.4)
    return figure


def _settings(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    if not scores:
        raise ValueError("scores must have at least one score, but they are empty")
    settings = list(next(iter(scores.values())))
    for score, of_setting in scores.items():
        if list(of_setting) != settings:
            raise ValueError(f"every score must have the settings {settings}, but {score!r} has {list(of_setting)}")
        empty = [setting for setting, values in of_setting.items() if len(values) == 0]
        if empty:
            raise ValueError(f"every setting must have a run, but {empty[0]!r} has none of {score!r}")
    return settings


def _spread(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Moves runs of equal score apart, up and down in turn, so that none hides another."""
    places = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        places[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.12, 0.4 / max(len(same), 1))
    return places
