"""How schemes and targets turn counts of classes into weights of classes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from pysampler.inputs.listed import by_label, listed
from pysampler.inputs.memory import check_dense, without_tensors
from pysampler.inputs.numbers import real_number
from pysampler.inputs.shown import shown
from pysampler.labels.read import Labels
from pysampler.labels.values import IntArray

FloatArray = npt.NDArray[np.float64]
Scheme = Literal["inverse", "sqrt", "effective", "power", "progressive"]
Targets = Mapping[Any, float] | Sequence[float]

SUM_TOLERANCE = 1e-6


def _effective(counts: FloatArray, beta: float) -> FloatArray:
    return np.ones_like(counts) if beta == 0.0 else (1.0 - beta) / -np.expm1(counts * math.log(beta))


def _power(counts: FloatArray, alpha: float) -> FloatArray:
    with np.errstate(over="ignore", under="ignore"):
        powers: FloatArray = np.power(counts, alpha - 1.0)
    return powers


@dataclass(frozen=True)
class _Parameter:
    name: str
    default: float | None
    limits: str
    allows: Callable[[float], bool]


# Scheme -> its parameter, and the weights of an item of classes that have ``counts`` items, none of them zero.
_SCHEMES: dict[str, tuple[_Parameter | None, Callable[[FloatArray, float], FloatArray]]] = {
    "inverse": (None, lambda counts, _: 1.0 / counts),
    "sqrt": (None, lambda counts, _: 1.0 / np.sqrt(counts)),
    "effective": (_Parameter("beta", 0.9999, "in [0, 1)", lambda beta: 0 <= beta < 1), _effective),
    "power": (_Parameter("alpha", None, "finite", math.isfinite), _power),
    "progressive": (
        _Parameter("progress", None, "in [0, 1]", lambda progress: 0 <= progress <= 1),
        lambda counts, progress: (1.0 - progress) / float(counts.sum()) + progress / (len(counts) * counts),
    ),
}
SCHEMES = tuple(_SCHEMES)


def weights_of_classes(labels: Labels, scheme: str, parameter: float, targets: Targets | None) -> FloatArray:
    """Returns float64 of shape (C,): zero for classes without items. ``parameter`` is that of ``scheme_parameter``."""
    counts = labels.counts.astype(np.float64)
    filled = counts > 0
    if targets is not None:
        if scheme != "inverse":
            raise ValueError(f"give either scheme or targets, but got scheme={shown(scheme)} and targets")
        return np.divide(_shares(labels, targets), counts, out=np.zeros_like(counts), where=filled)
    if not filled.any():
        return np.zeros_like(counts)
    if filled.sum() == 1:
        name = labels.classes[int(filled.argmax())]
        warnings.warn(f"only class {name!r} has items, so the weights balance nothing", UserWarning, stacklevel=3)
    weights = np.zeros_like(counts)
    own, formula = _SCHEMES[scheme]
    weights[filled] = formula(counts[filled], parameter)
    if not np.isfinite(weights).all() or not (weights[filled] > 0).all():
        raise ValueError(f"weights left the range of numbers with {own.name if own else scheme}={parameter}")
    return weights


def scheme_parameter(scheme: str, beta: float | None, alpha: float | None, progress: float | None) -> float:
    """Returns the scheme's parameter, checked; 0 if it has none."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(map(repr, SCHEMES))}, but got scheme={shown(scheme)}")
    own = _SCHEMES[scheme][0]
    given = {"beta": beta, "alpha": alpha, "progress": progress}
    for other, value in given.items():
        if value is not None and (own is None or other != own.name):
            owner = next(name for name, (parameter, _) in _SCHEMES.items() if parameter and parameter.name == other)
            raise ValueError(
                f"{other} belongs to scheme {owner!r}, but got {other}={shown(value)} with scheme={scheme!r}"
            )
    if own is None:
        return 0.0
    value = own.default if given[own.name] is None else given[own.name]
    if value is None:
        raise ValueError(f"scheme {scheme!r} needs {own.name}=")
    number = real_number(value, own.name)
    if not own.allows(number):
        raise ValueError(f"{own.name} must be {own.limits}, but got {own.name}={value}")
    return number


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
    if abs(shares.sum() - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"targets must sum to one, but they sum to {shares.sum():.9g}; divide them by it")
    hopeless = np.flatnonzero((shares > 0) & (labels.counts == 0))
    if len(hopeless):
        first = int(hopeless[0])
        raise ValueError(
            f"targets ask for a share of {shares[first]} of class {labels.classes[first]!r}, which has no items"
        )
    return shares


def _target_shares(labels: Labels, targets: Targets) -> FloatArray:
    named = by_label(targets, "targets")
    if named is not None:
        return in_class_order(labels.classes, labels.counts, named, "targets")
    entries = listed(targets, "targets", len(labels.classes), "a share for each class or a dict by name")
    try:
        shares = np.asarray(without_tensors(entries, "targets"), dtype=np.float64)
    except OverflowError:
        raise ValueError("targets must be finite, but one is beyond the range of floats") from None
    if shares.shape != (len(labels.classes),):
        shape = (len(targets), *shares.shape[1:]) if isinstance(targets, Sized) else shares.shape
        raise ValueError(f"targets must have one share per class, {len(labels.classes)}, but their shape is {shape}")
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
            + (", and complete_targets, or --rest of `pysampler plan`, shares what is left" * (argument == "targets"))
        )
    ordered = np.zeros(len(classes))
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            check_dense(value, f"{argument}[{name!r}]")
        try:
            ordered[index[name]] = value.detach() if isinstance(value, torch.Tensor) else value
        except OverflowError:
            raise ValueError(f"{argument} must be finite, but that of {name!r} is beyond the range of floats") from None
        except (TypeError, ValueError, RuntimeError):  # RuntimeError: tensors without data
            raise TypeError(f"{argument} must be numbers, but that of {name!r} is {shown(value)}") from None
    return ordered
