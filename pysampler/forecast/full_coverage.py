"""When every item has been drawn at least once: the coupon collector's problem with unequal probabilities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from pysampler.forecast.weight_groups import FloatArray, WeightGroups

# e^-64 times 2^32 items is nothing beside one.
_SURELY_SEEN = 64.0
_NEGLIGIBLE = 1e-17
_TOLERANCE = 1e-11
_DIRECT_EPOCHS = 64
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(20)


class FullCoverageTime:
    """The number of independent draws until every item has come, with draws arriving as a Poisson process.

    If draws come at the times of a Poisson process of rate one, items come independently of each other, item i at
    rate p_i, and the time T of full coverage has P(T <= t) = prod(1 - exp(-p_i t)). T and the number of draws have the
    same mean exactly (Wald's identity: draws are one time unit apart on average). Quantiles differ: for N equally
    likely items those of T at 99 % are too high by 5 % for N = 10, 1 % for N = 50, 0.5 % for N = 100, those at 50 % by
    less than 1 % from N = 10 on.
    With a single item there is nothing to approximate: it takes one draw.

    Source: Holst, "On birthday, collectors', occupancy and other classical urn problems", Int. Stat. Rev. 54 (1986).

    Args:
        groups: The items.

    Cost: an evaluation takes about 50 ns per group whose items are not surely seen by then.
    """

    def __init__(self, groups: WeightGroups) -> None:
        self._groups = groups
        self._rarest = float(groups.probability[0])
        self._items = groups.positive
        self._exact_values = not groups.spread.any()
        # Beyond, P(T > t) <= items * exp(-rarest * t) is negligible; before, P(T <= t) is.
        self._end = (math.log(self._items) - math.log(_NEGLIGIBLE)) / self._rarest
        self._begin = self._quantile(_NEGLIGIBLE)

    def probability(self, draws: float) -> float:
        """Returns P(T <= draws)."""
        if self._items == 1:
            return float(draws >= 1)
        return math.exp(self._log_probability(draws)) if draws > 0 else 0.0

    def quantile(self, level: float) -> float:
        """Returns the time t with P(T <= t) = level, for 0 < level < 1."""
        return 1.0 if self._items == 1 else self._quantile(level)

    def mean(self) -> float:
        """Returns the mean of T, that of the number of draws."""
        return 1.0 if self._items == 1 else self._tail(0.0)

    def whole_epochs_mean(self, draws_per_epoch: int) -> float:
        """Returns the mean of ceil(T / draws_per_epoch), the sum of P(T > e * draws_per_epoch) over e >= 0.

        The first 64 terms are summed; the rest, by then smooth in e, by the Euler-Maclaurin formula.
        """
        if self._items == 1:
            return 1.0
        direct = min(_DIRECT_EPOCHS, math.ceil(self._end / draws_per_epoch))
        total = math.fsum(self._missing(epoch * draws_per_epoch) for epoch in range(direct))
        if direct < _DIRECT_EPOCHS:
            return total
        two_before, before, here, after, two_after = (
            self._missing((direct + shift) * draws_per_epoch) for shift in range(-2, 3)
        )
        first_derivative = (two_before - 8 * before + 8 * after - two_after) / 12
        third_derivative = (two_after - 2 * after + 2 * before - two_before) / 2
        rest = self._tail(float(direct * draws_per_epoch)) / draws_per_epoch
        return total + rest + here / 2 - first_derivative / 12 + third_derivative / 720

    def _missing(self, time: float) -> float:
        """Returns P(T > time)."""
        if time <= self._begin:
            return 1.0
        return 0.0 if time >= self._end else -math.expm1(self._log_probability(time))

    def _tail(self, time: float) -> float:
        """Returns the integral of P(T > t) from ``time`` on."""
        # As P(T <= t) <= rarest * t, taking it for zero up to here changes the integral by 5e-13 of the mean at most.
        low = max(time, self._begin, 1e-6 / self._rarest)
        return low - time + (integral(self._missing, low, self._end) if low < self._end else 0.0)

    def _log_probability(self, time: float) -> float:
        """Returns log P(T <= time), for time > 0."""
        groups = self._groups
        open_groups = int(np.searchsorted(groups.probability, _SURELY_SEEN / time))
        expected = groups.probability[:open_groups] * time
        logs = np.log(-np.expm1(-expected))
        if not self._exact_values:
            # Second order: p^2 g''(p) for g = log(1 - exp(-p t)) is -(x / 2 / sinh(x / 2))^2 with x = p t.
            logs -= groups.spread[:open_groups] / 2 * _reciprocal_sinhc(expected / 2) ** 2
        return float(groups.count[:open_groups] @ logs)

    def _quantile(self, level: float) -> float:
        # P(T <= t) is at most that of the rarest item alone and at least that of as many items as rare. A group's
        # rarest item is rarer than its mean by less than 1/1024.
        if self._items == 1:
            return -math.log1p(-level) / self._rarest
        low = -math.log1p(-level) / self._rarest * 0.99
        high = -math.log(-math.expm1(math.log(level) / self._items)) / self._rarest * 1.01
        wanted = math.log(-math.log(level))

        def excess(log_time: float) -> float:
            log_probability = self._log_probability(math.exp(log_time))
            return wanted - (math.log(-log_probability) if log_probability < 0 else -800.0)

        return math.exp(root(excess, math.log(low), math.log(high)))


def _reciprocal_sinhc(x: FloatArray) -> FloatArray:
    return np.divide(x, np.sinh(x), out=np.ones_like(x), where=x > 1e-9)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Returns where an increasing function crosses zero in [low, high], to about 1e-14 relative to the larger end.

    The Illinois variant of regula falsi: always bracketed, about ten evaluations for what is nearly a line.
    """
    at_low, at_high = function(low), function(high)
    if at_low >= 0 or at_high <= 0:
        return low if at_low >= 0 else high
    side = 0
    for step in range(200):
        middle = (low * at_high - high * at_low) / (at_high - at_low) if step % 8 < 6 else (low + high) / 2
        value = function(middle)
        if value == 0 or high - low <= 1e-14 * max(abs(low), abs(high)) or middle in (low, high):
            return middle
        if value > 0:
            high, at_high = middle, value
            at_low, side = (at_low / 2, 1) if side == 1 else (at_low, 1)
        else:
            low, at_low = middle, value
            at_high, side = (at_high / 2, -1) if side == -1 else (at_high, -1)
    return (low + high) / 2


def integral(function: Callable[[float], float], low: float, high: float) -> float:
    """Returns the integral of a function that falls from one to zero over [low, high], 0 < low, to about 1e-11.

    Gauss-Legendre panels of 20 nodes, halved until halves and whole agree; at first each reaches from t to 4 t, since
    what happens at time t (items of probability near 1 / t all having come) takes a time of that order.
    """

    def panel(begin: float, end: float) -> tuple[float, float, float]:
        half, middle = (end - begin) / 2, (begin + end) / 2
        values = [function(middle + half * node) for node in _NODES]
        return begin, end, half * float(_NODE_WEIGHTS @ np.array(values))

    edges = np.geomspace(low, high, 1 + math.ceil(math.log(high / low, 4))).tolist()
    open_panels = [panel(begin, end) for begin, end in itertools.pairwise(edges)]
    tolerance = _TOLERANCE * (low + math.fsum(area for _, _, area in open_panels))
    areas = []
    while open_panels:
        begin, end, whole = open_panels.pop()
        middle = (begin + end) / 2
        left, right = panel(begin, middle), panel(middle, end)
        if abs(left[2] + right[2] - whole) <= tolerance or not begin < middle < end:
            areas += [left[2], right[2]]
        else:
            open_panels += [left, right]
    return math.fsum(areas)
