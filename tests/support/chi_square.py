"""Pearson's chi-square test of counts against exact probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

ALPHA = 1e-6  # with fixed seeds a test either passes for good or points at an error
LEAST_EXPECTED = 5.0

Array = np.ndarray[Any, Any]


def pooled(expected: Array) -> Array:
    """A cell number for each outcome, such that every cell expects at least LEAST_EXPECTED: rare ones share."""
    order = np.argsort(expected, kind="stable")
    cells = np.empty(len(expected), dtype=np.int64)
    cell, filled = 0, 0.0
    for outcome in order:
        cells[outcome] = cell
        filled += float(expected[outcome])
        if filled >= LEAST_EXPECTED:
            cell, filled = cell + 1, 0.0
    if filled > 0 and cell > 0:  # the rest joins the last full cell
        cells[cells == cell] = cell - 1
    return cells


def p_value(counts: Array, probabilities: Array) -> float:
    """The probability of counts at least this far from their expectation. Zero if an impossible outcome came up."""
    if np.any(counts[probabilities == 0] > 0):
        return 0.0
    expected = counts.sum() * probabilities / probabilities.sum()
    cells = pooled(expected)
    observed_in, expected_in = np.bincount(cells, counts), np.bincount(cells, expected)
    if len(observed_in) < 2:
        raise ValueError("too few draws for a test: everything falls into one cell")
    statistic = float(((observed_in - expected_in) ** 2 / expected_in).sum())
    return float(stats.chi2.sf(statistic, len(observed_in) - 1))


def check(draws: Array, probabilities: Array) -> None:
    """Asserts that draws follow the probabilities, at level ALPHA."""
    counts = np.bincount(draws, minlength=len(probabilities)).astype(np.float64)
    assert len(counts) == len(probabilities)
    found = p_value(counts, probabilities)
    assert found > ALPHA, f"p = {found:.3g}"
