"""Checks of whole-number arguments, one place for each."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import torch

from pysampler.inputs.memory import check_dense
from pysampler.inputs.shown import shown

MAX_EPOCH = 2**48 - 1
MAX_POSITION = 2**63 - 1
MAX_COUNT = 2**60 - 1  # of int64 that an address space could hold


def whole_number(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Returns ``value`` as an int.

    Raises:
        TypeError: Not an integer; bool counts as none.
        ValueError: Outside [least, most].
    """
    if type(value) is int and value >= least and (most is None or value <= most):
        return value
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, but got {name}={value}")
    if isinstance(value, torch.Tensor):
        check_dense(value, name)
    try:
        number = operator.index(value)
    except (TypeError, RuntimeError):  # RuntimeError: tensors without data
        raise TypeError(f"{name} must be an integer, but got {name}={shown(value)}") from None
    if number < least or (most is not None and number > most):
        limits = f">= {least}" if most is None else f"in [{least}, {most}]"
        raise ValueError(f"{name} must be {limits}, but got {name}={shown(number)}")
    return number


def real_number(value: Any, name: str) -> float:
    """Returns ``value`` as a float.

    Raises:
        TypeError: No real number: text that spells one is none, nor is a complex one.
        ValueError: NaN, infinite, or an int beyond the range of floats.
    """
    if isinstance(value, torch.Tensor):
        check_dense(value, name)
    try:
        if not is_real(value):
            raise TypeError
        number = float(without_gradient(value))
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: tensors of several numbers, or without data
        raise TypeError(f"{name} must be a number, but got {name}={shown(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, but got {name}={shown(value)[:40]}")
    return number


def is_real(value: Any) -> bool:
    """Whether something that ``float`` may take is a number: it also reads text, and drops imaginary parts."""
    if isinstance(value, torch.Tensor):
        return not value.is_complex()
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biuf"
    return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")


def without_gradient(value: Any) -> Any:
    """Returns a number without its gradient, of which torch would warn."""
    return value.detach() if isinstance(value, torch.Tensor) else value


def positive_count(value: Any, name: str, most: int = MAX_COUNT) -> int:
    """Returns ``value`` as an int. ValueError in torch's words unless it is a positive integer (and no bool)."""
    try:
        return whole_number(value, name, 1, most)
    except (TypeError, ValueError):
        raise ValueError(f"{name} should be a positive integer value, but got {name}={shown(value, str)}") from None


def drop_last_flag(value: Any) -> bool:
    """Returns ``value``. ValueError in torch's words unless it is a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"drop_last should be a boolean value, but got drop_last={shown(value, str)}")
    return value


def epoch_number(value: Any) -> int:
    """Returns ``value`` as an epoch: an int in [0, 2^48)."""
    return whole_number(value, "epoch", 0, MAX_EPOCH)


def check_positions(count: int, start: int, step: int) -> None:
    """Raises ValueError if the last of ``count`` positions lies beyond 2^63 - 1."""
    if count > 0 and start + (count - 1) * step > MAX_POSITION:
        raise ValueError(
            f"positions must stay below 2^63, but start={start} and step={step} lead to "
            f"{start + (count - 1) * step} for {count} draws"
        )
