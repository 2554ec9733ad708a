"""Labels of which some are missing: items without one are named, left out, or given a class of their own."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from pysampler.labels.read import Labels, number_labels
from pysampler.labels.values import is_missing

Missing = Literal["error", "drop", "class"]
NO_LABEL = "no label"


def read_where_missing(source: Any, missing: Missing) -> tuple[Labels, int]:
    """Reads labels as ``read_labels`` does, and takes care of items that have none: None, NaN, NA, or an empty set.

    Args:
        source: Whatever ``read_labels`` reads.
        missing: "error"; "drop", and the items that have labels are all there are; or "class", and those that have none
            get a class of their own, the last, called "no label".

    Returns:
        The labels, and how many items had none.

    Raises:
        ValueError: Items without labels and "error", another word, or no item with a label; see ``read_labels``.
        TypeError: See ``read_labels``.
    """
    if missing not in ("error", "drop", "class"):
        raise ValueError(f"missing must be 'error', 'drop' or 'class', but got missing={missing!r}")
    absent = _absent(source)
    if absent is not None and absent.all():
        raise ValueError(f"every item needs a label, but none of the {len(absent)} has one")
    labels = number_labels(source if absent is None else _others(source, absent))
    own = np.ones(len(labels), np.int64) if labels.offsets is None else np.diff(labels.offsets)
    lengths = own if absent is None else np.zeros(len(absent), np.int64)
    if absent is not None:
        lengths[~absent] = own
    bare = lengths == 0
    count = int(bare.sum())
    if count and missing == "error":
        raise ValueError(
            f"every item needs a label, but item {bare.argmax()} has none ({count} of {len(bare)} have none); the "
            "option missing leaves such items out ('drop') or gives them a class of their own ('class')"
        )
    if count == 0:
        return labels, 0
    return (labels.take(np.flatnonzero(own)) if missing == "drop" else _with_own_class(labels, lengths)), count


def _with_own_class(labels: Labels, lengths: npt.NDArray[np.int64]) -> Labels:
    """Inserts one label of another class for each item whose length, of the labels it has, is zero."""
    filled = np.maximum(lengths, 1)
    codes = np.full(filled.sum(), len(labels.classes), np.int64)
    codes[np.repeat(lengths > 0, filled)] = labels.codes
    offsets = None if (filled == 1).all() else np.concatenate([[0], np.cumsum(filled)])
    return Labels(codes, offsets, (*labels.classes, NO_LABEL))


def _absent(source: Any) -> npt.NDArray[np.bool_] | None:
    """Returns which entries are missing, or None if the container can have no missing ones, or has none."""
    if isinstance(source, torch.Tensor):
        absent = torch.isnan(source).numpy() if source.ndim == 1 and source.is_floating_point() else None
    elif hasattr(source, "isna") and getattr(source, "ndim", 0) == 1:
        absent = np.asarray(source.isna())
    elif isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype.kind == "f":
        absent = np.isnan(source)
    elif isinstance(source, (list, tuple)) or (isinstance(source, np.ndarray) and source.dtype.kind == "O"):
        absent = np.fromiter(map(is_missing, source), np.bool_, len(source))
    else:
        return None
    return absent if absent is not None and absent.any() else None


def _others(source: Any, absent: npt.NDArray[np.bool_]) -> Any:
    if isinstance(source, (list, tuple)):
        return [value for value, out in zip(source, absent.tolist(), strict=True) if not out]
    return source[torch.from_numpy(~absent)] if isinstance(source, torch.Tensor) else source[~absent]
