"""Arrays and tensors in files. Nothing in a file is ever run: no pickled objects."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pysampler.inputs.memory import check_dense
from pysampler.plan.column_files import choose_column

_MOST_EXPANDED = 2**26  # entries that need not have memory of their own


def npy_array(place: Path, wanted: str | None) -> tuple[Any, str]:
    """Reads the array of a ``.npy`` file.

    Raises:
        ValueError: See ``read_source``.
    """
    if wanted is not None:
        raise ValueError(f"{place} holds one array: it has no column {wanted!r}")
    _check_readable(place)
    try:
        array = np.load(place, allow_pickle=False)
    except Exception as error:  # NumPy also takes zip archives and pickles, and raises what these do
        raise ValueError(f"{place} cannot be read as an array of numbers or strings: {error}") from error
    if not isinstance(array, np.ndarray) or array.size == 0:
        raise ValueError(f"{place} must hold an array of at least one item, but it holds {_kind_of(array)}")
    if array.dtype.kind not in "biufUSO" or array.dtype.itemsize == 0:
        raise ValueError(f"{place} must hold numbers or strings, but its dtype is {array.dtype}")
    return array, ""


def pt_values(place: Path, wanted: str | None) -> tuple[Any, str]:
    """Reads a tensor or a list, or the wanted one of a dictionary of these, with ``torch.load(weights_only=True)``.

    Returns:
        The values and the name of the dictionary's entry, or "".

    Raises:
        ValueError: See ``read_source``.
    """
    _check_readable(place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever an unpickler meets in a file that holds something else
        raise ValueError(
            f"{place} cannot be read: it is damaged, or holds more than tensors, numbers, strings, lists and "
            f"dictionaries, which is not loaded since it could run code ({type(error).__name__})"
        ) from error
    name = ""
    if isinstance(values, Mapping):
        name = choose_column([str(key) for key in values], wanted, place)
        values = next(value for key, value in values.items() if str(key) == name)
    elif wanted is not None:
        raise ValueError(f"{place} holds {_kind_of(values)}: it has no column {wanted!r}")
    if not isinstance(values, (torch.Tensor, list, tuple)) or (isinstance(values, torch.Tensor) and values.ndim == 0):
        raise ValueError(f"{place} must hold a tensor or a list, one value per item, but it holds {_kind_of(values)}")
    if isinstance(values, torch.Tensor):
        _check_tensor(values, place)
        values = values.detach()
    if len(values) == 0:
        raise ValueError(f"{place} must hold at least one item, but it holds none")
    return values, name


def _check_tensor(tensor: torch.Tensor, place: Path) -> None:
    """Raises ValueError for what has no plain numbers, or claims many from few bytes: 2^40 views of a zero."""
    try:
        check_dense(tensor, "the tensor")
    except TypeError as error:
        raise ValueError(f"{place} cannot be used: {error}") from None
    if tensor.numel() > _MOST_EXPANDED and tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"{place} holds an expanded tensor: {tensor.numel()} entries that share memory")


def _check_readable(place: Path) -> None:
    """Raises OSError unless the file can be opened: what goes wrong afterwards is due to what it holds."""
    with place.open("rb"):
        pass


def _kind_of(values: Any) -> str:
    shape = tuple(getattr(values, "shape", ()))
    return f"a {type(values).__name__}{f' of shape {shape}' if hasattr(values, 'shape') else ''}"
