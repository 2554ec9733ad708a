"""Probabilities gathered into groups of nearly equal ones, so that sums over items become short sums over groups."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pysampler.inputs.weights import check_shape, readable, to_tensor

FloatArray = npt.NDArray[np.float64]

# A group is an exponent and the upper 10 bits of the mantissa: weights within it differ by at most 1/1024.
_LOW_BITS = 42
_LOW_MASK = 2**_LOW_BITS - 1
_CHUNK = 2**18
_LEAST_PROBABILITY = 1e-280
_SMALL = 1e-20


@dataclass(frozen=True, eq=False)
class WeightGroups:
    """Items gathered by their probability, those of zero left out.

    Attributes:
        probability: float64 of shape (G,), ascending: the mean over the group's items; ``(count * probability)`` sums
            to one.
        count: float64 of shape (G,): whole numbers, how many items.
        spread: float64 of shape (G,): variance of the probability within the group over its mean squared, at most
            2.4e-7; zero if all are equal.
        zeros: How many items have weight zero.

    A sum of g(p) over the items is that of ``count * (g(p) + spread * p^2 * g''(p) / 2)`` over the groups, up to third
    order: about 1e-10 (p^3 g''') relative to a group's own contribution.
    """

    probability: FloatArray
    count: FloatArray
    spread: FloatArray
    zeros: int

    @property
    def positive(self) -> int:
        """How many items have a positive weight."""
        return int(self.count.sum())


def group_weights(weights: Any) -> WeightGroups:
    """Groups weights, or the probabilities that a table really draws with.

    Args:
        weights: As for ``AliasTable``, or a table: whatever has ``probabilities()``.

    Cost: O(N), one thread, about 30 ns per item; 2^18 items at a time are held as float64.

    Raises:
        ValueError: Wrong shape, empty, all zero, an entry that is negative, NaN or infinite, or a positive one
            less than 1e-280 of the sum.
        TypeError: Not numbers, or a Dataset.
    """
    source = to_tensor(weights.probabilities() if hasattr(weights, "probabilities") else weights)
    check_shape(source)
    values = readable(source).numpy()
    least, most = _range_of_positive(values)
    if most < _SMALL:  # spacings within the smallest weights would be lost to rounding
        values, least, most = values.astype(np.float64) * 2.0**200, least * 2.0**200, most * 2.0**200
    low_key, high_key = (int(key) for key in _bits(np.array([least, most])) >> _LOW_BITS)
    keys, count, mean_low, variance_low, zeros = _sums(values, low_key, high_key - low_key + 1)
    lowest = (keys << _LOW_BITS).view(np.float64)
    unit = np.spacing(lowest)
    mean = lowest + mean_low * unit
    spread = variance_low * (unit / mean) ** 2
    scaled = np.ldexp(mean, -math.frexp(mean[-1])[1])  # weights near the largest double must not overflow the sum
    probability = scaled / (count * scaled).sum()
    if probability[0] < _LEAST_PROBABILITY:
        raise ValueError(
            f"the smallest positive weight must be at least {_LEAST_PROBABILITY} of the sum, but it is "
            f"{probability[0]:.3g} of it; pass the AliasTable, which draws such items with probability 2^-32 / N"
        )
    return WeightGroups(probability, count, spread, zeros)


def _chunks(values: npt.NDArray[Any], size: int) -> Iterator[npt.NDArray[Any]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))


def _range_of_positive(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Returns the smallest positive and the largest weight, once all are known to be valid."""
    least, most = values.min(), values.max()
    if not (least >= 0 and most < math.inf):  # so with NaN, too
        wrong = np.flatnonzero(~((values >= 0) & (values < math.inf)))
        raise ValueError(
            f"weights must be finite and >= 0, but weights[{wrong[0]}] is {values[wrong[0]]} "
            f"(invalid entries: {len(wrong)})"
        )
    if most == 0:
        raise ValueError("weights must have a positive sum, but every entry is zero")
    if least == 0:
        least = values.min(where=values > 0, initial=math.inf)
    return float(least), float(most)


def _sums(
    values: npt.NDArray[Any], low_key: int, groups: int
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray, FloatArray, int]:
    """Returns key, count, mean and variance of the low bits of each group that has items, and the number of zeros.

    The bits of non-negative doubles, read as integers, ascend with them; the low 42 are offsets within a group, in
    units of the last place. Their sums are free of cancellation where those of the weights would not be.
    """
    count, first, second = np.zeros(groups), np.zeros(groups), np.zeros(groups)
    zeros = 0
    for chunk in _chunks(values, max(_CHUNK, 2 * groups)):
        bits = _bits(chunk)
        positive = int(np.count_nonzero(bits))
        if positive < len(bits):
            zeros += len(bits) - positive
            bits = bits[bits != 0]
        key = (bits >> _LOW_BITS) - low_key
        low = (bits & _LOW_MASK).astype(np.float64)
        present = int(key.max(initial=-1)) + 1
        count[:present] += np.bincount(key)
        first[:present] += np.bincount(key, low)
        second[:present] += np.bincount(key, low * low)
    filled = np.flatnonzero(count)
    count, first, second = count[filled], first[filled], second[filled]
    mean = first / count
    variance = second / count - mean**2
    rounding = 1e-12 * mean**2
    return filled + low_key, count, mean, np.where((variance > rounding) & (count > 1), variance, 0.0), zeros


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    # abs: minus zero is zero.
    magnitudes: FloatArray = np.abs(values).astype(np.float64, copy=False)
    return magnitudes.view(np.int64)
