"""Repeat factors: how many times an epoch shows each item, so that rare classes come more often."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from pysampler.inputs.numbers import epoch_number, real_number
from pysampler.inputs.shown import shown
from pysampler.inputs.weights import readable, to_tensor
from pysampler.keys import seed_key
from pysampler.labels.class_weights import combine_labels
from pysampler.labels.read import read_labels
from pysampler.philox import TAG_REPEAT_FACTOR, words

_CHUNK = 2**18
_MOST_COPIES = 2**31


def repeat_factors(labels: Any, threshold: float = 0.001) -> torch.Tensor:
    """Computes the repeat factor of every item, as for LVIS.

    With f(c) the share of items that have class c, a class is repeated r(c) = max(1, sqrt(threshold / f(c))) times and
    an item as often as the rarest of its classes. Classes in more than ``threshold`` of the items, and items without
    labels, come once.

    Use the factors as weights of a ``WeightedRandomSampler``, or ``repeat_indices`` for epochs in which every item
    comes.

    Source: Gupta, Dollár and Girshick, "LVIS: A dataset for large vocabulary instance segmentation", CVPR 2019; the
    same numbers as detectron2's RepeatFactorTrainingSampler.

    Args:
        labels: Whatever ``read_labels`` reads; typically a set of labels per item. An item counts once for a class,
            however many instances it shows.
        threshold: The share of items t below which classes are repeated, > 0 and finite.

    Returns:
        float64 tensor of shape (N,), every entry >= 1, on the CPU.

    Cost: reading the labels, and O(N).

    Raises:
        ValueError: A threshold that is not positive and finite; see ``read_labels``.
        TypeError: See ``read_labels``; a threshold that is no number.

    Example:
        >>> repeat_factors([{"dog"}, {"dog", "owl"}, {"dog"}, set()], threshold=1.0).tolist()
        [1.1547005383792515, 2.0, 1.1547005383792515, 1.0]
    """
    if not isinstance(threshold, int | float):
        threshold = real_number(threshold, "threshold")
    if not 0 < threshold <= sys.float_info.max:  # ints beyond it are no floats
        raise ValueError(f"threshold must be positive and finite, but got threshold={shown(threshold)[:40]}")
    read = read_labels(labels)
    share = np.maximum(read.counts, 1) / len(read)  # classes without items are of no item
    return torch.from_numpy(combine_labels(read, np.maximum(1.0, np.sqrt(threshold / share)), "max", 1.0))


def repeat_counts(factors: Any, *, seed: int, epoch: int = 0) -> torch.Tensor:
    """Rounds factors to whole numbers of copies at random, so that the mean over epochs is the factor.

    An item comes floor(factor) times, and once more with the probability of the rest (to within 2^-53). The copies of
    item i are a pure function of (factor, seed, epoch, i).

    Args:
        factors: 1-d, N entries, finite, >= 0 and below 2^31: a tensor, an array or a sequence.
        seed: In [-2^63, 2^64).
        epoch: In [0, 2^48).

    Returns:
        int64 tensor of shape (N,), on the CPU.

    Cost: about 0.05 us per item.

    Raises:
        ValueError: Factors of another shape, negative, NaN or too large; seed or epoch out of range.
        TypeError: Factors, seed or epoch that are no numbers.
    """
    tensor = to_tensor(factors)
    if tensor.ndim != 1:
        raise ValueError(f"factors must be 1-d, but their shape is {tuple(tensor.shape)}")
    values = readable(tensor).double().numpy()
    wrong = np.flatnonzero(~((values >= 0) & (values < _MOST_COPIES)))
    if len(wrong):
        raise ValueError(
            f"factors must be >= 0 and below 2^31, but factors[{wrong[0]}] is {values[wrong[0]]} "
            f"(invalid entries: {len(wrong)})"
        )
    key, number = seed_key(seed), epoch_number(epoch)
    counts = np.empty(len(values), dtype=np.int64)
    for begin in range(0, len(values), _CHUNK):
        part = values[begin : begin + _CHUNK]
        whole = np.floor(part)
        random = words(key, number, TAG_REPEAT_FACTOR, begin, begin + len(part)) >> np.uint64(11)
        counts[begin : begin + len(part)] = whole + (random * 2.0**-53 < part - whole)
    return torch.from_numpy(counts)


def repeat_indices(factors: Any, *, seed: int, epoch: int = 0) -> torch.Tensor:
    """Returns the indices of an epoch: each item as often as ``repeat_counts`` says, in ascending order.

    Args:
        factors: See ``repeat_counts``.
        seed: See ``repeat_counts``.
        epoch: See ``repeat_counts``.

    Returns:
        int64 tensor whose length, the sum of the counts, varies a little from epoch to epoch; shuffle it for training.

    Raises:
        ValueError: See ``repeat_counts``.
        TypeError: See ``repeat_counts``.

    Example:
        >>> repeat_indices([1.0, 3.0, 0.0, 2.0], seed=0).tolist()
        [0, 1, 1, 1, 3, 3]
    """
    counts = repeat_counts(factors, seed=seed, epoch=epoch)
    return torch.repeat_interleave(torch.arange(len(counts), device="cpu"), counts)
