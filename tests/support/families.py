"""Weight families that tables are tested with: shapes that have broken samplers before, and extremes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def hashed_integers(items: int, below: int = 2**20) -> Array:
    """Weights that look random but come from integer arithmetic alone, the same on every machine and NumPy version."""
    index = np.arange(items, dtype=np.uint64)
    mixed = (index * np.uint64(2654435761) + np.uint64(12345)) % np.uint64(2**32)
    return ((mixed ^ mixed >> np.uint64(13)) % np.uint64(below)).astype(np.float64)


def uniform(items: int) -> Array:
    return np.random.default_rng(1).random(items)


def constant(items: int) -> Array:
    return np.full(items, 0.1)


def class_sorted(items: int) -> Array:
    """Two classes of very different size, balanced: all of one class first."""
    rare = max(1, items // 100)
    common = max(1, items - rare)
    return np.concatenate([np.full(items - rare, 1 / common), np.full(rare, 1 / rare)])


def ascending(items: int) -> Array:
    return np.arange(1.0, items + 1)


def descending(items: int) -> Array:
    return ascending(items)[::-1].copy()


def one_heavy(items: int) -> Array:
    weights = np.ones(items)
    weights[items // 3] = 1e9
    return weights


def power_law(items: int) -> Array:
    return np.random.default_rng(2).permutation(1 / np.arange(1.0, items + 1) ** 1.2)


def sixty_decades(items: int) -> Array:
    return 10.0 ** np.random.default_rng(3).uniform(-30, 30, items)


def sum_overflows(items: int) -> Array:
    """Finite weights whose sum is beyond the largest double."""
    return np.random.default_rng(4).uniform(0.5e308, 1.7e308, items)


def huge_beside_tiny(items: int) -> Array:
    weights = np.full(items, 5e-324)
    weights[:: max(2, items // 7)] = 1.7e308
    return weights


def denormal(items: int) -> Array:
    """Multiples of the smallest positive double."""
    return np.random.default_rng(5).integers(1, 1000, items) * 5e-324


def denormal_and_zero(items: int) -> Array:
    weights = denormal(items)
    weights[1::3] = 0
    return weights


def all_but_one_zero(items: int) -> Array:
    weights = np.zeros(items)
    weights[items // 2] = 3e-5
    return weights


def one_zero(items: int) -> Array:
    """The zero that float32 cumulative sums have been known to draw (pytorch #4858, #13867, #48841)."""
    weights = np.ones(items)
    if items > 1:
        weights[items // 2] = 0
    return weights


def mostly_zero(items: int) -> Array:
    generator = np.random.default_rng(6)
    weights = np.where(generator.random(items) < 0.01, generator.random(items), 0)
    weights[-1] = 0.5
    return weights


def below_one_unit(items: int) -> Array:
    """Half of the items deserve less than one unit of mass."""
    weights = np.ones(items)
    weights[items // 2 :] = 1e-12
    return weights


FAMILIES: dict[str, Callable[[int], Array]] = {
    family.__name__: family
    for family in (
        hashed_integers,
        uniform,
        constant,
        class_sorted,
        ascending,
        descending,
        one_heavy,
        power_law,
        sixty_decades,
        sum_overflows,
        huge_beside_tiny,
        denormal,
        denormal_and_zero,
        all_but_one_zero,
        one_zero,
        mostly_zero,
        below_one_unit,
    )
}
