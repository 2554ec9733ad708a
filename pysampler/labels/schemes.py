"""How schemes and targets turn counts of classes into weights of classes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from pysampler.inputs.memory import check_dense, without_tensors
from pysampler.inputs.numbers import real_number
from pysampler.inputs.shown import shown
from pysampler.labels.read import Labels
from pysampler.labels.values import IntArray

FloatArray = npt.NDArray[np.float64]
Scheme = Literal["inverse", "sqrt", "effective", "power", "progressive"]
Targets = Mapping[Any, float] | Sequence[float]

DEFAULT_BETA = 0.9999
_PARAMETERS = {"effective": "beta", "power": "alpha", "progressive": "progress"}
SCHEMES = ("inverse", "sqrt", *_PARAMETERS)
_SUM_TOLERANCE = 1e-6


def weights_of_classes(labels: Labels, scheme: str, parameter: float | None, targets: Targets | None) -> FloatArray:
    """Returns float64 of shape (C,): zero for classes without items."""
    counts = labels.counts.astype(np.float64)
    filled = counts > 0
    if targets is not None:
        if scheme != "inverse":
            raise ValueError(f"give either scheme or targets, but got scheme={shown(scheme)} and targets")
        return np.divide(_shares(labels, targets), counts, out=np.zeros_like(counts), where=filled)
    if filled.sum() == 1:
        name = labels.classes[int(filled.argmax())]
        warnings.warn(f"only class {name!r} has items, so the weights balance nothing", UserWarning, stacklevel=3)
    weights = np.zeros_like(counts)
    weights[filled] = _scheme_weights(counts[filled], scheme, parameter)
    if not np.isfinite(weights).all() or not (weights[filled] > 0).all():
        raise ValueError(f"weights left the range of numbers with {_PARAMETERS[scheme]}={parameter}")
    return weights


def _scheme_weights(counts: FloatArray, scheme: str, parameter: float | None) -> FloatArray:
    """Returns the weights of an item of classes that have ``counts`` items, none of them zero."""
    if scheme == "inverse":
        return 1.0 / counts
    if scheme == "sqrt":
        return 1.0 / np.sqrt(counts)
    assert parameter is not None
    if scheme == "power":
        with np.errstate(over="ignore", under="ignore"):
            powers: FloatArray = np.power(counts, parameter - 1.0)
        return powers
    if scheme == "progressive":
        return (1.0 - parameter) / float(counts.sum()) + parameter / (len(counts) * counts)
    if parameter == 0.0:
        return np.ones_like(counts)
    return (1.0 - parameter) / -np.expm1(counts * math.log(parameter))


def scheme_parameter(scheme: str, beta: float | None, alpha: float | None, progress: float | None) -> float | None:
    """Returns the scheme's parameter, checked."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(map(repr, SCHEMES))}, but got scheme={shown(scheme)}")
    given = {"beta": beta, "alpha": alpha, "progress": progress}
    name = _PARAMETERS.get(scheme)
    for other, value in given.items():
        if value is not None and other != name:
            owner = next(key for key, parameter in _PARAMETERS.items() if parameter == other)
            raise ValueError(
                f"{other} belongs to scheme {owner!r}, but got {other}={shown(value)} with scheme={scheme!r}"
            )
    if name is None:
        return None
    value = DEFAULT_BETA if name == "beta" and beta is None else given[name]
    if value is None:
        raise ValueError(f"scheme {scheme!r} needs {name}=")
    real_number(value, name)
    inside = {"beta": 0 <= value < 1, "alpha": math.isfinite(value), "progress": 0 <= value <= 1}[name]
    if not inside:
        limits = {"beta": "in [0, 1)", "alpha": "finite", "progress": "in [0, 1]"}[name]
        raise ValueError(f"{name} must be {limits}, but got {name}={value}")
    return float(value)


def _shares(labels: Labels, targets: Targets) -> FloatArray:
    """Returns the target shares in class order, float64 of shape (C,)."""
    if labels.offsets is not None:
        raise ValueError(
            "targets need exactly one label per item: with several, the shares of classes hang together; use a scheme"
        )
    shares = _target_shares(labels, targets)
    negative = np.flatnonzero(~((shares >= 0) & (shares < math.inf)))
    if len(negative):
        first = int(negative[0])
        raise ValueError(f"targets must be finite and >= 0, but that of {labels.classes[first]!r} is {shares[first]}")
    if abs(shares.sum() - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"targets must sum to one, but they sum to {shares.sum():.9g}; divide them by it")
    hopeless = np.flatnonzero((shares > 0) & (labels.counts == 0))
    if len(hopeless):
        first = int(hopeless[0])
        raise ValueError(
            f"targets ask for a share of {shares[first]} of class {labels.classes[first]!r}, which has no items"
        )
    return shares


def _target_shares(labels: Labels, targets: Targets) -> FloatArray:
    if isinstance(targets, Mapping):
        return in_class_order(labels.classes, labels.counts, targets, "targets")
    try:
        shares = np.asarray(without_tensors(targets, "targets"), dtype=np.float64)
    except OverflowError:
        raise ValueError("targets must be finite, but one is beyond the range of floats") from None
    if shares.shape != (len(labels.classes),):
        raise ValueError(
            f"targets must have one share per class, {len(labels.classes)}, but their shape is {shares.shape}"
        )
    return shares


def in_class_order(classes: Sequence[Any], counts: IntArray, values: Mapping[Any, float], argument: str) -> FloatArray:
    """Returns the values of classes by name as float64 of shape (C,): zero for classes without items that have none.

    Raises:
        ValueError: A name that is no class; a class that has items but no value. ``argument`` is what messages call it.
        TypeError: A value that is no number.
    """
    index = {name: number for number, name in enumerate(classes)}
    known = ", ".join(map(repr, classes[:8])) + (", ..." if len(classes) > 8 else "")
    unknown = [name for name in values if name not in index]
    if unknown:
        raise ValueError(f"{argument} name {unknown[0]!r}, which is none of the classes: {known}")
    missing = [name for name in classes if name not in values and counts[index[name]] > 0]
    if missing:
        raise ValueError(
            f"{argument} must name every class that has items, but {missing[0]!r} is missing; 0 means never"
        )
    ordered = np.zeros(len(classes))
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            check_dense(value, f"{argument}[{name!r}]")
        try:
            ordered[index[name]] = value
        except OverflowError:
            raise ValueError(f"{argument} must be finite, but that of {name!r} is beyond the range of floats") from None
        except (TypeError, ValueError, RuntimeError):  # RuntimeError: tensors without data
            raise TypeError(f"{argument} must be numbers, but that of {name!r} is {shown(value)}") from None
    return ordered
