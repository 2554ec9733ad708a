"""Weights from labels: what each class, and each item of it, is worth."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from pysampler.inputs.numbers import real_number
from pysampler.inputs.shown import shown
from pysampler.labels.read import Labels, read_labels
from pysampler.labels.schemes import FloatArray, Scheme, Targets, scheme_parameter, weights_of_classes


def class_weights(
    labels: Any,
    scheme: Scheme = "inverse",
    *,
    beta: float | None = None,
    alpha: float | None = None,
    progress: float | None = None,
    targets: Targets | None = None,
    empty: Literal["error", "zero"] = "error",
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """Computes a weight per class: for ``CrossEntropyLoss(weight=...)``, or for the items of a class.

    With n the number of items of a class, N of all and C classes that have items:

    ==============  ==============================  ================================================================
    scheme          weight of an item               each class's share of draws is in proportion to
    ==============  ==============================  ================================================================
    "inverse"       1 / n                           1: classes come equally often
    "sqrt"          1 / sqrt(n)                     sqrt(n)
    "effective"     (1 - beta) / (1 - beta^n)       between n (beta = 0) and 1 (beta to 1); Cui et al., CVPR 2019
    "power"         n^(alpha - 1)                   n^alpha: 1 as in the data, 0 equally often; temperature 1 / alpha
    "progressive"   (1 - t) / N + t / (C n)         (1 - t) n / N + t / C, with t = progress; Kang et al., ICLR 2020
    targets         share / n                       the share given
    ==============  ==============================  ================================================================

    They are not normalised: a common factor changes neither draws nor the mean of a weighted CrossEntropyLoss.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned. If items have several labels, n counts the items
            that have the class.
        scheme: See above.
        beta: In [0, 1), of "effective"; by default 0.9999.
        alpha: Finite, usually in [0, 1], of "power".
        progress: In [0, 1], of "progressive": epoch / (epochs - 1), say, with new weights every epoch.
        targets: Instead of a scheme: the share of draws of each class, as {"Siamese": 0.1, "Birman": 0.9} or in class
            order; not negative, summing to one within 1e-6. Zero means never. For items with one label each.
        empty: What to do with classes without items: "error", or a weight of "zero".
        dtype: By default torch's default dtype, which is what a loss wants.

    Returns:
        Tensor of shape (C,) in the order of ``read_labels(labels).classes``, on the CPU.

    Cost: reading the labels, O(N), and O(C).

    Raises:
        ValueError: Classes without items; a parameter out of range, missing, or of another scheme; targets that are
            negative, do not sum to one, name unknown classes, leave classes with items out or ask for draws from
            classes without items; and see ``read_labels``.
        TypeError: See ``read_labels``.

    Warns:
        UserWarning: Only one class has items: there is nothing to balance.

    Example:
        >>> class_weights(["Siamese"] * 160 + ["Birman"] * 10)
        tensor([0.1000, 0.0063])
    """
    read = read_labels(labels)
    if empty not in ("error", "zero"):
        raise ValueError(f"empty must be 'error' or 'zero', but got empty={shown(empty)}")
    if empty == "error" and targets is None:
        _check_filled(read)
    weights = weights_of_classes(read, scheme, scheme_parameter(scheme, beta, alpha, progress), targets)
    return torch.from_numpy(weights).to(torch.get_default_dtype() if dtype is None else dtype)


def sample_weights(
    labels: Any,
    scheme: Scheme = "inverse",
    *,
    beta: float | None = None,
    alpha: float | None = None,
    progress: float | None = None,
    targets: Targets | None = None,
    combine: Literal["max", "mean", "sum"] = "max",
    unlabelled: float | None = None,
    dtype: torch.dtype = torch.float64,
) -> torch.Tensor:
    """Computes a weight per item for ``WeightedRandomSampler``: that of its class.

    Args:
        labels: As for ``class_weights``. Classes without items need no care here.
        scheme: As for ``class_weights``.
        beta: As for ``class_weights``.
        alpha: As for ``class_weights``.
        progress: As for ``class_weights``.
        targets: As for ``class_weights``.
        combine: What becomes of an item with several labels: the "max" (its rarest class decides, as in LVIS repeat
            factors), "mean" or "sum" of the weights of its classes. Since items bring their other classes along,
            classes then come only roughly in the proportions of the scheme.
        unlabelled: Weight of items that have no label at all, finite and >= 0; without it they are an error.
        dtype: A floating-point dtype; float32 saves memory.

    Returns:
        Tensor of shape (N,), on the CPU.

    Cost: reading the labels, and O(N).

    Raises:
        ValueError: As for ``class_weights``; an item without labels, unless ``unlabelled`` is given.
        TypeError: See ``read_labels``; a dtype that is not floating-point.

    Warns:
        UserWarning: Only one class has items: there is nothing to balance.

    Example:
        >>> sample_weights([0, 0, 0, 0, 1], targets={0: 0.1, 1: 0.9}).tolist()
        [0.025, 0.025, 0.025, 0.025, 0.9]
    """
    if not dtype.is_floating_point:
        raise TypeError(f"dtype must be a floating-point dtype, but got dtype={dtype}")
    read = read_labels(labels)
    weights = weights_of_classes(read, scheme, scheme_parameter(scheme, beta, alpha, progress), targets)
    return torch.from_numpy(combine_labels(read, weights, combine, unlabelled)).to(dtype)


def combine_labels(labels: Labels, values: FloatArray, combine: str, unlabelled: float | None) -> FloatArray:
    """Returns one value per item from one per class: float64 of shape (N,). See ``sample_weights``.

    Raises:
        ValueError: An unknown ``combine``; items without labels and no value for them, or an invalid one.
    """
    if combine not in ("max", "mean", "sum"):
        raise ValueError(f"combine must be 'max', 'mean' or 'sum', but got combine={shown(combine)}")
    if unlabelled is not None and not real_number(unlabelled, "unlabelled") >= 0:
        raise ValueError(f"unlabelled must be finite and >= 0, but got unlabelled={shown(unlabelled)}")
    per_label = values[labels.codes]
    if labels.offsets is None:
        return per_label
    lengths = np.diff(labels.offsets)
    filled = lengths > 0
    if unlabelled is None and not filled.all():
        raise ValueError(
            f"item {filled.argmin()} has no label ({(~filled).sum()} of {len(filled)} have none); "
            "give the weight of such items as unlabelled="
        )
    result = np.full(len(labels), 0.0 if unlabelled is None else unlabelled)
    begins = labels.offsets[:-1][filled]
    if len(begins):
        reduce = np.maximum if combine == "max" else np.add
        result[filled] = reduce.reduceat(per_label, begins)
    if combine == "mean":
        result[filled] /= lengths[filled]
    return result


def _check_filled(labels: Labels) -> None:
    lacking = np.flatnonzero(labels.counts == 0)
    if len(lacking):
        raise ValueError(
            f"class {labels.classes[lacking[0]]!r} has no items ({len(lacking)} of {len(labels.classes)} classes have "
            "none), so it has no weight; give it items, leave it out, or set empty='zero'"
        )
