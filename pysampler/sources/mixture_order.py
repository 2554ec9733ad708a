"""Which source comes when: a mixture's order as arrays, without drawing an item."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.numbers import whole_number
from pysampler.keys import seed_key

MAX_POSITION = 2**62
_CHUNK = 2**20
_MOST_SOURCES = 2**15 - 1  # of numbers in int16, with Megatron's own limit

Int64s = NDArray[np.int64]


class Ordered(Protocol):
    """What is asked of a ``Mixture``, which imports this module."""

    sizes: tuple[int, ...]
    _core: _core.Mixture

    def counts(self, position: int, *, seed: int) -> dict[str, int]:
        """How many of each source come before a position."""

    def draw(self, n: int, *, seed: int, start: int) -> torch.Tensor:
        """Items."""


def source_order(mixture: Ordered, n: Any, seed: Any, start: Any, step: Any) -> Int64s:
    """Returns which source each position takes. See ``Mixture.order``."""
    count, first, stride = _checked(n, start, step)
    sources, occurrences = np.empty((2, count), dtype=np.int64)
    if count > 0:
        draws = _core.MixtureDraws(mixture._core, seed_key(seed), 0, MAX_POSITION)
        draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, count, first, stride)
    return sources


def numbered_order(mixture: Ordered, n: int, seed: Any, start: int, before: Int64s) -> tuple[Int64s, Int64s]:
    """Returns the sources of positions ``start`` to ``start + n - 1``, and how many of each come before it.

    Args:
        mixture: Of how many sources, S, ``before`` has entries.
        n: How many positions.
        seed: Of the run.
        start: The first position.
        before: How many of each source come before ``start``; counted on to ``start + n``.
    """
    sources = source_order(mixture, n, seed, start, 1)
    by_source = np.argsort(sources, kind="stable")
    found = np.bincount(sources, minlength=len(before))
    begins = np.cumsum(found) - found
    numbers = np.empty(n, dtype=np.int64)
    numbers[by_source] = np.arange(n) - np.repeat(begins - before, found)
    before += found
    return sources, numbers


def counts_before(mixture: Ordered, position: int, seed: Any) -> Int64s:
    """Returns how many of each source come before a position: int64 of shape (S,), in closed form."""
    return np.fromiter(mixture.counts(position, seed=seed).values(), np.int64, len(mixture.sizes))


def index_arrays(
    mixture: Ordered, start: Any, count: Any, seed: Any, occurrences: bool
) -> tuple[NDArray[np.int16], Int64s]:
    """Returns the two arrays of ``Mixture.as_index_arrays``, a million positions at a time."""
    total, first, _ = _checked(count, start, 1)
    if len(mixture.sizes) > _MOST_SOURCES:
        raise ValueError(
            f"int16 numbers {_MOST_SOURCES} sources at most, but the mixture has {len(mixture.sizes)}: take draw and "
            "locate, or order, which have int64"
        )
    dataset_index = np.empty(total, dtype=np.int16)
    dataset_sample_index = np.empty(total, dtype=np.int64)
    begins = np.cumsum([0, *mixture.sizes], dtype=np.int64)
    before = counts_before(mixture, first, seed) if occurrences else begins
    for done in range(0, total, _CHUNK):
        together = min(_CHUNK, total - done)
        part = slice(done, done + together)
        if occurrences:
            sources, dataset_sample_index[part] = numbered_order(mixture, together, seed, first + done, before)
        else:
            items = mixture.draw(together, seed=seed, start=first + done).numpy()
            sources = np.searchsorted(begins, items, side="right") - 1
            dataset_sample_index[part] = items - begins[sources]
        dataset_index[part] = sources
    return dataset_index, dataset_sample_index


def _checked(n: Any, start: Any, step: Any) -> tuple[int, int, int]:
    count = whole_number(n, "count", 0, MAX_POSITION)
    first = whole_number(start, "start", 0, MAX_POSITION - 1)
    stride = whole_number(step, "step", 1, MAX_POSITION)
    if count > 0 and first + (count - 1) * stride >= MAX_POSITION:
        raise ValueError(
            f"a mixture has 2^62 positions, but start={first} and step={stride} lead to "
            f"{first + (count - 1) * stride} for {count} of them"
        )
    return count, first, stride
