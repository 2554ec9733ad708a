"""From recorded batches to the arrays that figures draw. Needs numpy only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from pysampler.labels.read import Labels

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def class_codes(labels: npt.ArrayLike | Labels) -> IntArray:
    """Returns the class of every item as int64 of shape (N,).

    Raises:
        ValueError: ``Labels`` of which an item may have several; names.
    """
    if not isinstance(labels, Labels):
        codes = np.asarray(labels)
        if codes.dtype.kind not in "biuf" and codes.size:
            raise ValueError("labels must be integers, or of names what read_labels returns: pass read_labels(labels)")
        return codes.astype(np.int64)
    if labels.offsets is not None:
        raise ValueError("figures by class need exactly one label per item, but some have another number")
    return labels.codes


def class_counts_per_batch(
    batches: Iterable[npt.ArrayLike], labels: npt.ArrayLike | Labels, num_classes: int
) -> IntArray:
    """Counts the items of each class in each batch.

    Args:
        batches: Item indices, one array or list per batch, in the order of delivery.
        labels: The class of every item: integers in [0, num_classes), shape (N,), or what ``read_labels`` returned.
        num_classes: Number of classes.

    Returns:
        int64 array of shape (batches, num_classes).
    """
    of_item = class_codes(labels)
    rows = [np.bincount(of_item[np.asarray(batch, dtype=np.int64)], minlength=num_classes) for batch in batches]
    return np.asarray(rows, dtype=np.int64).reshape(len(rows), num_classes)


def draws_of_each_item(batches: Iterable[npt.ArrayLike], num_items: int) -> IntArray:
    """Counts how often each item was drawn: int64 array of shape (num_items,)."""
    counts = np.zeros(num_items, dtype=np.int64)
    for batch in batches:
        counts += np.bincount(np.asarray(batch, dtype=np.int64), minlength=num_items)
    return counts


def unique_items_seen(
    epochs: Iterable[Iterable[npt.ArrayLike]], labels: npt.ArrayLike | Labels, num_classes: int
) -> IntArray:
    """Counts the distinct items of each class seen after 0, 1, 2... epochs.

    Args:
        epochs: The batches of each epoch, each batch an array or list of item indices.
        labels: The class of every item: integers in [0, num_classes), shape (N,), or what ``read_labels`` returned.
        num_classes: Number of classes.

    Returns:
        int64 array of shape (epochs + 1, num_classes); row 0, before any epoch, is zero.
    """
    of_item = class_codes(labels)
    seen = np.zeros(len(of_item), dtype=bool)
    rows = [np.zeros(num_classes, dtype=np.int64)]
    for batches in epochs:
        for batch in batches:
            seen[np.asarray(batch, dtype=np.int64)] = True
        rows.append(np.bincount(of_item[seen], minlength=num_classes))
    return np.asarray(rows, dtype=np.int64)
