"""Shares of a mixture's sources: what they are computed from, and the integer masses that stand for them."""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate
from typing import Any, NamedTuple

import torch

from pysampler.inputs.listed import listed
from pysampler.inputs.memory import check_dense
from pysampler.inputs.numbers import is_real, whole_number, without_gradient
from pysampler.inputs.shown import shown

TOTAL = 2**64  # what the masses of all sources sum to
GROUP = 2**32 - 1  # in the place of a source: the group of those with less than a point a window
MAX_INNER_BITS = 16
MAX_SOURCES = 2**16
MAX_BUDGET = 2**62


def temperature(sizes: Sequence[float], temperature: float) -> list[float]:
    """Returns shares proportional to ``size ** (1 / temperature)``.

    1 gives every item the same chance, infinity every source (Devlin 2018, multilingual BERT; Conneau et al. 2020).

    Args:
        sizes: Items, tokens or seconds of each source, >= 0.
        temperature: Greater than 0; may be infinite.

    Raises:
        ValueError: A size that is negative or not finite, or a temperature that is not positive.
    """
    values = _numbers(sizes, "sizes", "sizes")
    degree = _positive(temperature, "temperature", "greater than 0")
    largest = max(values, default=0.0)
    with localcontext() as context:
        context.prec = 34
        power = 1 / Decimal(degree)
        # Not by libm, whose last bit is another on another machine: so would the mixture's fingerprint be.
        weights = [float((Decimal(value) / Decimal(largest)) ** power) if value > 0 else 0.0 for value in values]
    return _normalised(weights)


def unimax(sizes: Sequence[int], budget: int, max_epochs: float = 1) -> list[float]:
    """Returns shares as equal as they can be if no source is to be seen more than ``max_epochs`` times.

    Chung et al. 2023, "UniMax: fairer and more effective language sampling": from the smallest source on, each takes an
    equal part of what is left of the budget, but at most ``max_epochs`` times its size.

    Args:
        sizes: Items or tokens of each source, >= 0.
        budget: How many of them the run draws, >= 1.
        max_epochs: Greater than 0.

    Raises:
        ValueError: Sizes as for ``temperature``, or a budget or max_epochs that is not positive.
    """
    values = _numbers(sizes, "sizes", "sizes")
    left = whole_number(budget, "budget", 1, MAX_BUDGET)
    most = _positive(max_epochs, "max_epochs", "greater than 0 and finite", math.nextafter(math.inf, 0))
    remaining, taken = float(left), [0.0] * len(values)
    order = sorted((i for i, value in enumerate(values) if value > 0), key=lambda i: values[i])
    for done, i in enumerate(order):
        taken[i] = min(remaining / (len(order) - done), most * values[i])
        remaining -= taken[i]
    return _normalised(taken)


def epochs(sizes: Sequence[int], per_source: Sequence[float]) -> list[float]:
    """Returns the shares with which each source is seen ``per_source`` times relative to the others.

    In a run of n draws source i is seen ``n * share / size`` times: exactly ``per_source[i]`` if n is
    ``sum(size * times)``.

    Raises:
        ValueError: Not as many times as sizes; negative or not finite ones; nothing is left to draw.
    """
    values, times = _numbers(sizes, "sizes", "sizes"), _numbers(per_source, "per_source", "epochs")
    if len(times) != len(values):
        raise ValueError(f"there must be a number of epochs for each of {len(values)} sources, but got {len(times)}")
    return _normalised([value * number for value, number in zip(values, times, strict=True)])


def exact_share(share: Any, name: str) -> Fraction:
    """Returns a source's share as it is. ValueError unless it is finite and >= 0, TypeError if it is no number."""
    if isinstance(share, bool | str | bytes):
        raise TypeError(f"the share of source {name} must be a number, but is {shown(share)}")
    if isinstance(share, torch.Tensor):
        check_dense(share, f"the share of source {name}")
    try:
        value = Fraction(share if isinstance(share, int | float | Fraction) else _float(share))
    except (OverflowError, ValueError):
        raise ValueError(f"shares must be finite and >= 0, but that of source {name} is {shown(share, str)}") from None
    except (TypeError, RuntimeError):  # RuntimeError: a tensor without data
        raise TypeError(f"the share of source {name} must be a number, but is {shown(share)}") from None
    if value < 0:
        raise ValueError(f"shares must be finite and >= 0, but that of source {name} is {share}")
    return value


def share_masses(shares: Sequence[Any], names: Sequence[str]) -> list[int]:
    """Returns integers that sum to exactly 2^64, proportional to the shares as exactly as integers can be.

    The boundaries between sources are rounded, half up, so that a mass is off by less than 1; 0 stays 0, and what would
    become 0 gets 1, taken from the largest mass (of several, the first).

    Raises:
        ValueError: A share that is negative or not finite, or no positive one.
        TypeError: A share that is no number.
    """
    ratios = [_ratio(share, name) for share, name in zip(shares, names, strict=True)]
    denominators = {denominator for _, denominator in ratios}
    scale = math.lcm(*denominators)
    factors = {denominator: scale // denominator for denominator in denominators}
    numbers = [numerator * factors[denominator] for numerator, denominator in ratios]
    total = sum(numbers)
    if total == 0:
        raise ValueError(f"shares must not all be 0, but those of all {len(numbers)} sources are")
    divisor = 2 * total
    boundaries = [(2 * before * TOTAL + total) // divisor for before in accumulate(numbers, initial=0)]
    masses = list(map(operator.sub, boundaries[1:], boundaries))
    lost = [i for i, number in enumerate(numbers) if number > 0 and masses[i] == 0]
    if lost:
        largest = [(-mass, i) for i, mass in enumerate(masses)]
        heapq.heapify(largest)
        for i in lost:
            negative, giver = largest[0]
            heapq.heapreplace(largest, (negative + 1, giver))
            masses[giver] -= 1
            masses[i] = 1
    return masses


def _ratio(share: Any, name: str) -> tuple[int, int]:
    """Returns ``exact_share`` as numerator and denominator, of plain numbers at once."""
    kind = type(share)
    if kind is int and share >= 0:
        return share, 1
    if kind is float and 0 <= share < math.inf:
        return share.as_integer_ratio()  # type: ignore[no-any-return]
    exact = exact_share(share, name)
    return exact.numerator, exact.denominator


class StageIntervals(NamedTuple):
    """What the core takes: intervals of the outer lattice, and of the lattice of the group of small sources."""

    outer: list[int]
    whole: list[int]
    rest: list[int]
    inner: list[int]
    inner_whole: list[int]
    inner_rest: list[int]
    inner_bits: int


def stage_intervals(masses: Sequence[int], window: int) -> StageIntervals:
    """Returns how the sources lie on the lattice of a window, and the small ones among them on one of their own.

    Two sources or more with less than a point a window form the group: it has the last interval, and a lattice whose
    window is the smallest power of two in which each of them has a point, at most 2^16.
    """
    small = [i for i, mass in enumerate(masses) if 0 < mass * window < TOTAL]
    if len(small) < 2:  # alone, a small source has no mates to meet for ever
        small = []
    grouped = set(small)
    outer = [i for i, mass in enumerate(masses) if mass > 0 and i not in grouped]
    parts = [masses[i] for i in outer]
    bits = 0
    inner_whole: list[int] = []
    inner_rest: list[int] = []
    if small:
        outer.append(GROUP)
        parts.append(sum(masses[i] for i in small))
        inner = share_masses([masses[i] for i in small], [str(i) for i in small])
        least = min(inner)
        while bits < MAX_INNER_BITS and least << bits < TOTAL:
            bits += 1
        inner_whole, inner_rest = _boundaries(inner, 2**bits)
    return StageIntervals(outer, *_boundaries(parts, window), small, inner_whole, inner_rest, bits)


def _boundaries(masses: Sequence[int], points: int) -> tuple[list[int], list[int]]:
    ends = [before * points for before in accumulate(masses, initial=0)]
    return [end // TOTAL for end in ends], [end % TOTAL for end in ends]


def _numbers(values: Sequence[Any], name: str, what: str) -> list[float]:
    numbers = []
    given = listed(values, name, MAX_SOURCES, "a sequence of numbers")
    if len(given) > MAX_SOURCES:
        raise ValueError(f"{name} must be those of at most 2^16 sources, but there are more")
    for i, value in enumerate(given):
        if isinstance(value, torch.Tensor):
            check_dense(value, f"{name}[{i}]")
        try:
            number = _float(value)
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError, RuntimeError):  # RuntimeError: tensors of several or complex numbers
            number = math.nan
        if not 0 <= number < math.inf:
            raise ValueError(f"{what} must be finite numbers >= 0, but {name}[{i}] is {shown(value)}")
        numbers.append(number)
    return numbers


def _float(value: Any) -> float:
    """Returns a real number as a float. TypeError of another one, and of text that spells one."""
    if not is_real(value):
        raise TypeError
    return float(without_gradient(value))


def _positive(value: Any, name: str, limits: str, most: float = math.inf) -> float:
    if isinstance(value, torch.Tensor):
        check_dense(value, name)
    try:
        number = _float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not 0 < number <= most:
        raise ValueError(f"{name} must be {limits}, but got {shown(value, str)}")
    return number


def _normalised(weights: Sequence[float]) -> list[float]:
    total = math.fsum(weights)
    if total == 0:
        raise ValueError(f"nothing is left to draw: all {len(weights)} shares are 0")
    return [weight / total for weight in weights]
