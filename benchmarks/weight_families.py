"""Weight families: the shapes of input that a table must be built from equally well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[Any]
Family = Callable[[int, np.dtype[Any], np.random.Generator], Weights]


def _uniform(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    """Independent weights in (0, 1]."""
    weights = rng.random(items, dtype=dtype)
    return np.subtract(1, weights, out=weights)


def _constant(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    return np.ones(items, dtype)


def _class_sorted(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    """Ten classes one after the other, each half the size of the last, weighted 1 / size."""
    sizes = np.maximum(1, (items * 0.5 ** np.arange(1, 11)).astype(np.int64))
    sizes[0] += items - sizes.sum()
    return np.repeat((1 / sizes).astype(dtype), sizes)


def _sorted(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    return np.sort(_uniform(items, dtype, rng))


def _one_heavy(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    """One item that outweighs all the others together ten times."""
    weights = _uniform(items, dtype, rng)
    weights[items // 2] = 10 * items
    return weights


def _power_law(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    """Zipf weights 1 / rank in random order."""
    return rng.permutation((1 / np.arange(1, items + 1)).astype(dtype))


def _wide(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    return np.power(10, rng.uniform(-30, 30, items)).astype(dtype)


def _near_max(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    """Every weight close to the largest finite one, so that the plain sum overflows."""
    weights = _uniform(items, dtype, rng)
    weights *= np.finfo(dtype).max
    return weights


def _denormal(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    weights = _uniform(items, dtype, rng)
    weights *= np.finfo(dtype).tiny
    return weights


def _one_positive(items: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Weights:
    weights = np.zeros(items, dtype)
    weights[items // 3] = 1
    return weights


FAMILIES: dict[str, Family] = {
    "uniform": _uniform,
    "constant": _constant,
    "class-sorted": _class_sorted,
    "sorted": _sorted,
    "one-heavy": _one_heavy,
    "power-law": _power_law,
    "1e-30 to 1e30": _wide,
    "near largest": _near_max,
    "denormal": _denormal,
    "all but one zero": _one_positive,
}


def make_weights(items: int, family: str = "uniform", dtype: str = "float64") -> Weights:
    """Weights of a family, the same on every run.

    Args:
        items: Number of weights.
        family: A key of `FAMILIES`; "uniform" is the standard one.
        dtype: "float64" or "float32".

    Returns:
        Array of shape (items,), contiguous.
    """
    return FAMILIES[family](items, np.dtype(dtype), np.random.default_rng(20_260_101))
