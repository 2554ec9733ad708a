"""Labels: the classes of every item, numbered once and counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pysampler.inputs.listed import listed
from pysampler.labels.datasets import dataset_labels, is_dataset
from pysampler.labels.values import IntArray, LabelValues, label_values

MAX_CLASSES = 2**24
_LEAST_JUDGED = 10  # items
_LONE = 0.9
_FAR = 10


@dataclass(frozen=True, eq=False, repr=False)
class Labels:
    """Which classes each item belongs to. Made by ``read_labels``.

    Attributes:
        codes: int64 array of class indices in [0, C). Shape (N,) if every item has exactly one label; else those of
            item 0, then of item 1, and so on.
        offsets: None if every item has exactly one label, else int64 of shape (N + 1,): item i has
            ``codes[offsets[i]:offsets[i + 1]]``, each class at most once, possibly none.
        classes: What each class is called, C entries in the order of the indices.
    """

    codes: IntArray
    offsets: IntArray | None
    classes: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.codes) if self.offsets is None else len(self.offsets) - 1

    def __repr__(self) -> str:
        counts = [f"{name!r}: {count}" for name, count in zip(self.classes, self.counts[:8].tolist(), strict=False)]
        return f"Labels({len(self)} items; {', '.join(counts)}{', ...' if len(self.classes) > 8 else ''})"

    @cached_property
    def counts(self) -> IntArray:
        """int64 of shape (C,): how many items each class has. An item with several labels counts for each. O(N)."""
        return np.bincount(self.codes, minlength=len(self.classes))

    def take(self, indices: IntArray) -> Labels:
        """Returns the labels of the items ``indices``, an int64 array, in that order; the classes stay. O(indices).

        Raises:
            ValueError: An index outside [0, N).
        """
        taken = LabelValues(self.codes, self.offsets).take(indices)
        return Labels(np.asarray(taken.flat), taken.offsets, self.classes)


def read_labels(
    source: Any,
    *,
    column: str | None = None,
    get_labels: Callable[[Any], Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> Labels:
    """Reads the labels of a dataset or a container.

    Whole numbers are class indices: classes are 0, 1, ... up to the largest, so that class weights fit a model with
    as many outputs. Names are numbered in sorted order, never by frequency.

    Args:
        source: One label per item: a sequence, a NumPy array, a tensor, a pandas Series or Categorical, of whole
            numbers, booleans or names. Or a one-hot or multi-hot matrix of shape (N, C): array, tensor, DataFrame
            (columns name the classes) or nested lists of numbers. Or a set of labels per item (lists, if of names).
            Or a dataset that keeps its labels: an attribute ``targets``, ``labels``, ``samples`` or ``imgs``
            (torchvision's datasets, ImageFolder), Subset and ConcatDataset of these in their own order,
            TensorDataset (the last tensor), a Hugging Face dataset. Its ``classes`` name the indices if it has them.
            ``Labels`` are returned as they are.
        column: The column of labels in a Hugging Face dataset or a DataFrame; may be left out if there is one of
            class labels, or one called "label" or "labels".
        get_labels: Called with ``source`` once; returns its labels in any of these forms. For datasets that keep them
            elsewhere, or when reading every item is acceptable.
        classes: All classes in the wanted order, empty ones included. Labels are looked up in it; whole numbers index
            it if it holds names.

    Cost: O(N), 8 bytes per label; about 0.2 us per name. No item of a dataset is loaded, ``target_transform`` is not
    applied.

    Raises:
        ValueError: No items; missing, NaN, fractional, negative or unknown labels; a matrix of other than zeros and
            ones; more or fewer labels than items; indices of 2^24 and more without ``classes``.
        TypeError: Nothing that holds labels; labels of types that cannot be ordered.

    Example:
        >>> read_labels(["Siamese", "Birman", "Siamese"])
        Labels(3 items; 'Birman': 1, 'Siamese': 2)
    """
    labels = number_labels(source, column=column, get_labels=get_labels, classes=classes)
    if labels is not source:
        _warn_of_lone_items(labels, classes is None and get_labels is None and _is_flat(source))
    return labels


def number_labels(
    source: Any,
    *,
    column: str | None = None,
    get_labels: Callable[[Any], Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> Labels:
    """Does what ``read_labels`` does, without a word on what is read: for who has more to say about it."""
    if isinstance(source, Labels):
        if column is not None or get_labels is not None or classes is not None:
            raise TypeError("these labels are read already: column, get_labels and classes have no effect on them")
        return source
    if isinstance(classes, Mapping):
        raise TypeError(
            "classes must be all classes, in the order of their indices, but got a dict: of names and their indices "
            "pass sorted(classes, key=classes.get)"
        )
    if classes is not None:
        classes = listed(classes, "classes", MAX_CLASSES, "all classes, in the order of their indices")
    values = _found(source, column, get_labels)
    if len(values) == 0:
        raise ValueError("labels must have at least one item, but they are empty")
    if len(values.flat) == 0 and not values.names and classes is None:
        raise ValueError(f"labels must have at least one class, but none of the {len(values)} items has any label")
    number = _numbered if isinstance(values.flat, list) else _indexed
    return number(values, values.flat, classes)  # type: ignore[arg-type]  # told apart above


def _warn_of_lone_items(labels: Labels, in_a_list: bool) -> None:
    """Warns if nearly every class has one item: then these are ids, inputs or names of files rather than labels.

    Args:
        labels: What was read.
        in_a_list: Whether of a mere list or array, which so few and so large numbers make look like counts of classes.
    """
    filled = int(np.count_nonzero(labels.counts))
    last = labels.classes[-1] if labels.classes else None
    counts = in_a_list and labels.offsets is None and 1 < len(labels) == filled and type(last) is int
    if counts and not labels.counts[0] and len(labels.classes) > _FAR * len(labels):
        warnings.warn(
            f"{len(labels)} items have labels that all differ, up to {last}: are these counts of the items of classes? "
            "Then pass the label of every item, or, of counts, take 1 / torch.tensor(counts) as weights of classes",
            UserWarning,
            stacklevel=3,
        )
        return
    if len(labels) >= _LEAST_JUDGED and filled > _LONE * len(labels):
        warnings.warn(
            f"{filled} classes for {len(labels)} items: nearly every class has a single item, so weights would be the "
            "same for all; are these labels, or names, ids or inputs of the items?",
            UserWarning,
            stacklevel=3,
        )


def _is_flat(source: Any) -> bool:
    """Whether labels came as a mere list or 1-d array of them: no dataset, no matrix, no sets."""
    if is_dataset(source):
        return False
    if hasattr(source, "ndim"):
        return bool(source.ndim == 1)
    return not isinstance(source[0], set | frozenset | list | tuple)


def _found(source: Any, column: str | None, get_labels: Callable[[Any], Any] | None) -> LabelValues:
    if get_labels is not None:
        if column is not None:
            raise TypeError("give either column or get_labels, not both")
        values = label_values(get_labels(source))
        if hasattr(source, "__len__") and len(source) != len(values):
            raise ValueError(
                f"there must be one label per item, but get_labels returned {len(values)} for {len(source)} items"
            )
        return values
    if is_dataset(source):
        return dataset_labels(source, column)
    if column is not None:
        if not hasattr(source, "columns"):
            raise TypeError(f"column={column!r} is for tables with named columns, but got {type(source).__name__}")
        if column not in source.columns:
            raise ValueError(f"column must be one of {list(source.columns)}, but got column={column!r}")
        source = source[column]
    return label_values(source)


def _numbered(values: LabelValues, flat: list[Any], classes: Sequence[Any] | None) -> Labels:
    if classes is None:
        found = set(flat)
        try:
            classes = sorted(found)
        except TypeError as error:
            kinds = " and ".join(sorted({type(name).__name__ for name in found}))
            raise TypeError(
                f"labels of types {kinds} have no common order; make them all names, or "
                "give their order: read_labels(..., classes=)"
            ) from error
    index = _index_of(classes)
    try:
        codes = np.fromiter(map(index.__getitem__, flat), np.int64, len(flat))
    except KeyError:
        _raise_unknown(flat, index)
    return Labels(codes, values.offsets, tuple(classes))


def _indexed(values: LabelValues, flat: IntArray, classes: Sequence[Any] | None) -> Labels:
    names = values.names
    bound = MAX_CLASSES if names is None else len(names)
    by_value = classes is not None and all(isinstance(name, (int, np.integer)) for name in classes)
    if names is None and classes is not None and not by_value:
        names, bound = tuple(classes), len(classes)
        _index_of(classes)
    if names is None and classes is not None:
        return _looked_up(values, flat, classes)
    wrong = np.flatnonzero((flat < 0) | (flat >= bound))
    if len(wrong):
        first = int(wrong[0])
        ids = (
            "; if they are ids of classes, list these: read_labels(..., classes=)"
            if names is None and flat[first] > 0
            else ""
        )
        raise ValueError(
            f"labels must be class indices in [0, {bound}), but {_place(values, first)} is {flat[first]} "
            f"({len(wrong)} of {len(flat)} are invalid){ids}"
        )
    if names is None:
        names = tuple(range(int(flat.max(initial=-1)) + 1))
    labels = Labels(flat, values.offsets, names)
    if classes is None or tuple(classes) == names:
        return labels
    return _numbered(values, [names[code] for code in flat.tolist()], classes)


def _looked_up(values: LabelValues, flat: IntArray, classes: Sequence[Any]) -> Labels:
    """Whole numbers that are ids of classes rather than indices."""
    index = _index_of(classes)
    ids, inverse = np.unique(flat, return_inverse=True)
    if not all(label in index for label in ids.tolist()):
        _raise_unknown(flat.tolist(), index)
    codes = np.array([index[label] for label in ids.tolist()], np.int64)[inverse]
    return Labels(codes, values.offsets, tuple(classes))


def _index_of(classes: Sequence[Any]) -> dict[Any, int]:
    index = {name: number for number, name in enumerate(classes)}
    if len(index) != len(classes):
        repeated = next(name for number, name in enumerate(classes) if index[name] != number)
        raise ValueError(f"classes must be distinct, but {repeated!r} comes twice")
    return index


def _raise_unknown(flat: list[Any], index: dict[Any, int]) -> None:
    wrong = [place for place, label in enumerate(flat) if label not in index]
    raise ValueError(
        f"every label must be one of the classes {list(index)[:8]}{'...' if len(index) > 8 else ''}, but label number "
        f"{wrong[0]} is {flat[wrong[0]]!r} ({len(wrong)} of {len(flat)} are unknown)"
    )


def _place(values: LabelValues, position: int) -> str:
    if values.offsets is None:
        return f"labels[{position}]"
    return f"a label of item {int(np.searchsorted(values.offsets, position, side='right')) - 1}"
