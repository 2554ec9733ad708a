"""Label values in one form, whatever container they come in: whole numbers or names, one or several per item."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pysampler.inputs.memory import as_array
from pysampler.labels.doubts import JOINT_CLASSES, doubt_columns, doubt_pairs, doubt_tuples, refuse_counts, refuse_items

IntArray = npt.NDArray[np.int64]

PATH = re.compile(r"\.[A-Za-z]\w{1,4}$|[/\\]")  # names of files
_FEW = 10  # pairs, too few to tell labels from ids by their numbers


@dataclass(frozen=True, eq=False)
class LabelValues:
    """Labels as they were found, before classes are numbered.

    Attributes:
        flat: int64 array of whole numbers, or a list of names; the labels of all items, one item after the other.
        offsets: None if every item has exactly one label, else int64 of shape (N + 1,): item i has
            ``flat[offsets[i]:offsets[i + 1]]``.
        names: What the whole numbers stand for, if known: ``names[flat[j]]``.
    """

    flat: IntArray | list[Any]
    offsets: IntArray | None = None
    names: tuple[Any, ...] | None = None

    def __len__(self) -> int:
        return len(self.flat) if self.offsets is None else len(self.offsets) - 1

    def take(self, indices: IntArray) -> LabelValues:
        """Returns the labels of the items ``indices``, in that order.

        Raises:
            ValueError: An index outside [0, N).
        """
        wrong = np.flatnonzero((indices < 0) | (indices >= len(self)))
        if len(wrong):
            raise ValueError(
                f"indices must be in [0, {len(self)}), but indices[{wrong[0]}] is {indices[wrong[0]]} "
                f"({len(wrong)} of {len(indices)} are invalid)"
            )
        if self.offsets is None:
            return LabelValues(_pick(self.flat, indices), None, self.names)
        begins, lengths = self.offsets[indices], np.diff(self.offsets)[indices]
        offsets = _offsets(lengths)
        picked = np.repeat(begins - offsets[:-1], lengths) + np.arange(offsets[-1])
        return LabelValues(_pick(self.flat, picked), offsets, self.names)


def concatenate(parts: Sequence[LabelValues]) -> LabelValues:
    """Returns the labels of all parts, one part after the other.

    Raises:
        ValueError: Parts that do not speak of the same classes: different names, or names beside bare numbers.
    """
    filled = [part for part in parts if len(part)] or list(parts[:1])
    if not filled:
        raise ValueError("labels must have at least one item, but there are no parts")
    first = filled[0]
    for number, part in enumerate(filled):
        if isinstance(part.flat, list) != isinstance(first.flat, list) or part.names != first.names:
            raise ValueError(
                "the parts of a concatenation must name their classes alike, but part 0 has "
                f"{_kind(first)} and part {number} has {_kind(part)}; pass the labels of the whole instead"
            )
    flat: IntArray | list[Any]
    if isinstance(first.flat, list):
        flat = list(itertools.chain.from_iterable(part.flat for part in filled))
    else:
        flat = np.concatenate([np.asarray(part.flat) for part in filled])
    if all(part.offsets is None for part in filled):
        return LabelValues(flat, None, first.names)
    lengths = [np.ones(len(p), np.int64) if p.offsets is None else np.diff(p.offsets) for p in filled]
    return LabelValues(flat, _offsets(np.concatenate(lengths)), first.names)


def label_values(source: Any) -> LabelValues:
    """Reads labels from a container; see ``pysampler.read_labels`` for what is understood.

    Raises:
        ValueError: NaN, missing or fractional labels, a matrix that is not of zeros and ones, empty labels.
        TypeError: No container of labels.
    """
    if isinstance(source, torch.Tensor):
        return _from_array(as_array(source, "labels"))
    if hasattr(source, "iloc") or (hasattr(source, "categories") and hasattr(source, "codes")):
        return _from_pandas(source)
    if hasattr(source, "__array__"):
        masked = np.flatnonzero(np.ma.getmaskarray(source) if isinstance(source, np.ma.MaskedArray) else [])
        if len(masked):
            raise ValueError(_missing(int(masked[0]), "masked", len(masked), source.size))
        return _from_array(np.asarray(source))
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
        return _from_sequence(list(source))
    raise TypeError(
        "labels must be a sequence, an array, a tensor, a pandas object or a dataset that keeps its labels, "
        f"but got {type(source).__name__}"
    )


def _from_pandas(source: Any) -> LabelValues:
    if getattr(source, "ndim", 1) == 2:
        if source.shape[1] != 1:
            values = source.to_numpy()
            if values.dtype.kind not in "biuf":
                raise ValueError(
                    f"a table of labels must hold zeros and ones, but its columns are {list(source.columns)}; "
                    f"pass the column of labels, as in table['label'], or {JOINT_CLASSES} (table.agg(' '.join, axis=1))"
                )
            matrix = _from_matrix(values, tuple(source.columns.tolist()))
            if matrix.offsets is not None:
                doubt_columns(list(source.columns))
            return matrix
        source = source.iloc[:, 0]
    refuse_counts(source)
    missing = np.flatnonzero(np.asarray(source.isna()))
    if len(missing):
        raise ValueError(_missing(int(missing[0]), None, len(missing), len(source)))
    categorical = source.cat if hasattr(source, "cat") else source
    if hasattr(categorical, "categories"):
        codes = np.asarray(categorical.codes, dtype=np.int64)
        return LabelValues(codes, None, tuple(categorical.categories.tolist()))
    return _from_array(source.to_numpy())


def _from_array(array: npt.NDArray[Any]) -> LabelValues:
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _from_matrix(array, None)
    if array.ndim != 1:
        raise ValueError(
            f"labels must be 1-d, or a one-hot or multi-hot matrix of numbers, but their shape is {array.shape}; "
            f"{JOINT_CLASSES}"
        )
    if array.dtype.kind in "biuf":
        return LabelValues(_whole(array))
    return _from_sequence(array.tolist())


def _whole(array: npt.NDArray[Any]) -> IntArray:
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        wrong = np.flatnonzero(~(np.abs(array) < 2.0**53) | (array != np.trunc(array)))
        if len(wrong):
            first = int(wrong[0])
            if np.isnan(array[first]):
                raise ValueError(_missing(first, array[first], len(wrong), len(array)))
            raise ValueError(
                f"labels must be whole numbers, but labels[{first}] is {array[first]} "
                f"({len(wrong)} of {len(array)} are invalid)"
            )
    if array.dtype == np.uint64 and array.max(initial=0) >= 2**63:
        raise ValueError(f"labels must be below 2^63, but labels[{array.argmax()}] is {array.max()}")
    return array.astype(np.int64)


def _from_matrix(matrix: npt.NDArray[Any], names: tuple[Any, ...] | None) -> LabelValues:
    if matrix.shape[1] == 1:
        raise ValueError(
            f"labels of shape {matrix.shape} are a column: pass labels[:, 0] for one class index per item (of a list, "
            "[row[0] for row in labels])"
        )
    hot = matrix == 1
    wrong = np.argwhere(~hot & (matrix != 0))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"a matrix of labels must hold zeros and ones, but labels[{row}, {column}] is {matrix[row, column]} "
            f"({len(wrong)} of {matrix.size} are invalid); for scores use .argmax(1), for class indices of an item a "
            f"set per item, {JOINT_CLASSES}"
        )
    rows, columns = np.nonzero(hot)
    names = tuple(range(matrix.shape[1])) if names is None else names
    lengths = np.bincount(rows, minlength=len(matrix))
    return LabelValues(columns, None if (lengths == 1).all() else _offsets(lengths), names)


def _from_sequence(values: list[Any]) -> LabelValues:
    kinds = set(map(type, values))
    if any(issubclass(kind, (torch.Tensor, np.ndarray)) for kind in kinds):
        if not all(issubclass(kind, (torch.Tensor, np.ndarray)) for kind in kinds):
            raise TypeError(f"labels mix {_words(kinds)}; give all of them in one way")
        arrays = [as_array(value, "labels") if isinstance(value, torch.Tensor) else value for value in values]
        if len({array.shape for array in arrays}) != 1:
            raise ValueError(
                "the arrays of a list of labels are read as rows of a one-hot or multi-hot matrix, but their shapes "
                "differ; give the class indices of an item as a set: [set(row.tolist()) for row in labels]"
            )
        _doubt_sets(arrays)
        return _from_array(np.array(arrays))
    if all(issubclass(kind, (int, float, np.number, np.bool_)) for kind in kinds):
        array = np.asarray(values)
        if array.dtype.kind == "O":
            raise ValueError("labels must be below 2^63; give larger ids as strings")
        return _from_array(array)
    labels = _labels_of_pairs(values)
    if labels is not None:
        return _from_sequence(labels)
    refuse_items(values)
    if all(issubclass(kind, (set, frozenset, list, tuple)) for kind in kinds):
        return _from_collections(values, any(issubclass(kind, (list, tuple)) for kind in kinds))
    if kinds <= {str, bytes}:
        return LabelValues(values)
    odd = next((index for index, value in enumerate(values) if type(value).__hash__ is None), None)
    if odd is not None:
        raise TypeError(f"labels must be numbers or names, but labels[{odd}] is a {type(values[odd]).__name__}")
    missing = [index for index, value in enumerate(values) if is_missing(value)]
    if missing:
        raise ValueError(_missing(missing[0], values[missing[0]], len(missing), len(values)))
    return LabelValues([value.item() if isinstance(value, np.generic) else value for value in values])


def _doubt_sets(arrays: list[npt.NDArray[Any]]) -> None:
    """Warns of rows that are all [0, 1]: of one class, or each the sorted set of both, as np.unique gives it."""
    first = arrays[0]
    if first.shape == (2,) and first.tolist() == [0, 1] and all(each.tolist() == [0, 1] for each in arrays):
        warnings.warn(
            f"the {len(arrays)} rows [0, 1] are read as one-hot: every item is of class 1. If they are the class "
            "indices of items that have both classes, give sets: [set(row.tolist()) for row in labels]",
            UserWarning,
            stacklevel=5,
        )


def _labels_of_pairs(values: list[Any]) -> list[Any] | None:
    """Returns the second entries if these are (item, label) pairs, as a dataset gives them: an image or path first."""
    if not values or not all(isinstance(value, (list, tuple)) and len(value) == 2 for value in values):
        return None
    if not all(_is_number(label) or isinstance(label, str) for _, label in values):
        return None
    if any(_is_number(item) for item, _ in values):
        return None  # two labels of an item, or a row of a matrix
    if all(isinstance(item, str) and isinstance(label, str) for item, label in values):
        return _labels_of_named_pairs(values)
    if any(isinstance(item, str) and not _is_number(label) for item, label in values):
        return None
    doubt_pairs(values)
    return [label for _, label in values]


def _labels_of_named_pairs(values: list[Any]) -> list[Any] | None:
    """The same for two strings each, which may be two labels of an item: unless the first are paths, or all differ."""
    items, labels = [item for item, _ in values], [label for _, label in values]
    paths = all(PATH.search(item) for item in items) and not any(PATH.search(label) for label in labels)
    ids = (
        len(values) >= _FEW
        and len(set(items)) == len(items)
        and len(set(labels)) <= len(labels) // 2
        and not set(items) & set(labels)
    )
    return labels if paths or ids else None


def _is_number(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value.ndim == 0
    return isinstance(value, (int, float, np.number, np.bool_))


def _from_collections(values: list[Collection[Any]], ordered: bool) -> LabelValues:
    """Label sets; but lists and tuples of numbers are rows of a matrix."""
    if ordered and all(isinstance(entry, (int, float, np.number)) for value in values for entry in value):
        if len(set(map(len, values))) != 1:
            raise ValueError(
                "nested lists of numbers are read as rows of a one-hot or multi-hot matrix, but their lengths "
                "differ; give the class indices of an item as a set"
            )
        return _from_matrix(np.asarray(values), None)
    if all(isinstance(value, tuple) and len(value) == len(values[0]) > 1 for value in values):
        doubt_tuples(values)
    try:
        distinct = [list(dict.fromkeys(value)) for value in values]
    except TypeError as error:
        raise TypeError(f"an item's labels must be numbers or names: {error}") from error
    flat = _from_sequence(list(itertools.chain.from_iterable(distinct)))
    if flat.offsets is not None:
        raise TypeError("an item's labels must be numbers or names, but they are nested more deeply")
    lengths = np.fromiter(map(len, distinct), np.int64, len(distinct))
    return LabelValues(flat.flat, None if (lengths == 1).all() else _offsets(lengths), flat.names)


def _pick(flat: IntArray | list[Any], indices: IntArray) -> IntArray | list[Any]:
    return [flat[index] for index in indices.tolist()] if isinstance(flat, list) else flat[indices]


def _offsets(lengths: IntArray) -> IntArray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def is_missing(value: Any) -> bool:
    """Whether an entry stands for a label that is not there: None, NaN, or pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def _missing(index: int, value: Any, count: int, total: int) -> str:
    return (
        f"every item needs a label, but labels[{index}] is missing ({value}; {count} of {total} are); "
        "leave such items out, or give them a class of their own"
    )


def _kind(values: LabelValues) -> str:
    if values.names is not None:
        return f"classes {', '.join(map(repr, values.names[:4]))}{', ...' if len(values.names) > 4 else ''}"
    return "names as labels" if isinstance(values.flat, list) else "class indices"


def _words(kinds: set[type]) -> str:
    return " and ".join(sorted(kind.__name__ for kind in kinds))
