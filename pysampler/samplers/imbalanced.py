"""ImbalancedDatasetSampler: class-balanced draws from a dataset in one call."""

from __future__ import annotations

from collections.abc import Callable, Set, Sized
from typing import Any

import numpy as np
import torch

from pysampler.inputs.memory import without_tensors
from pysampler.labels.class_weights import sample_weights
from pysampler.labels.read import Labels, read_labels
from pysampler.labels.values import IntArray
from pysampler.samplers.weighted_random import WeightedRandomSampler


class ImbalancedDatasetSampler(WeightedRandomSampler):
    """Draws the items of a dataset so that its classes come equally often: a ``WeightedRandomSampler``.

    The arguments are those of ufoym/imbalanced-dataset-sampler; ``seed`` and all else are as for
    ``WeightedRandomSampler``. For another mix, pass ``sample_weights(dataset, ...)`` to that class.

    Args:
        dataset: A dataset with a length. Its labels are its ``get_labels()`` if it has that, else read by
            ``read_labels``, unless given; no item is loaded.
        labels: Its labels, in any form that ``read_labels`` reads: one per item of the dataset, or, if ``indices`` are
            fewer or more, one per entry of these.
        indices: The items to draw from, in [0, len(dataset)); by default all. Classes are balanced among these. An item
            that comes twice counts twice.
        num_samples: Draws per epoch; by default the number of ``indices``.
        callback_get_label: Called with the dataset once; returns its labels.
        generator: As for ``WeightedRandomSampler``.
        seed: As for ``WeightedRandomSampler``.

    Cost: reading the labels, O(len(dataset)), and building a table. 16 bytes per item of the dataset.

    Raises:
        ValueError: No or wrong indices; labels of another length; see ``read_labels`` and ``WeightedRandomSampler``.
        TypeError: See ``read_labels``; both ``labels`` and ``callback_get_label``.

    Warns:
        UserWarning: Only one class has items: there is nothing to balance.

    Example:
        >>> dataset = torch.utils.data.TensorDataset(torch.zeros(5, 3), torch.tensor([0, 0, 0, 0, 1]))
        >>> ImbalancedDatasetSampler(dataset, seed=0).weights.tolist()
        [0.25, 0.25, 0.25, 0.25, 1.0]
    """

    def __init__(
        self,
        dataset: Any,
        labels: Any = None,
        indices: Any = None,
        num_samples: int | None = None,
        callback_get_label: Callable[[Any], Any] | None = None,
        *,
        generator: torch.Generator | None = None,
        seed: int | None = None,
    ) -> None:
        if labels is not None and callback_get_label is not None:
            raise TypeError("give either labels or callback_get_label, not both")
        if not isinstance(dataset, Sized):
            raise TypeError(f"the dataset must tell how many items it has, but {type(dataset).__name__} has no length")
        items = len(dataset)
        if items == 0:
            raise ValueError("the dataset must have at least one item, but it is empty")
        chosen = np.arange(items) if indices is None else _whole(indices)
        read = _labels_of(dataset, callback_get_label) if labels is None else read_labels(labels)
        per_entry = sample_weights(_of_entries(read, chosen, items))
        weights = np.bincount(chosen, per_entry.numpy(), minlength=items)
        super().__init__(
            torch.from_numpy(weights), len(chosen) if num_samples is None else num_samples, True, generator, seed=seed
        )


def _labels_of(dataset: Any, callback: Callable[[Any], Any] | None) -> Labels:
    """Reads the labels: from the callback, else ``dataset.get_labels()`` (ufoym's convention), else where they lie."""
    if callback is None and callable(getattr(dataset, "get_labels", None)):
        return read_labels(dataset.get_labels())
    if callback is not None:
        return read_labels(dataset, get_labels=callback)
    try:
        return read_labels(dataset)
    except TypeError as error:
        if "get_labels=" not in str(error):
            raise
        raise TypeError(
            f"{type(dataset).__name__} keeps its labels in no place that is known (get_labels(), targets, labels, "
            "samples, imgs), and loading every item for its label may take long; pass labels=, or "
            "callback_get_label=lambda dataset: [dataset[i][1] for i in range(len(dataset))]"
        ) from None


def _whole(indices: Any) -> IntArray:
    if isinstance(indices, Set):
        raise TypeError("indices must be in an order, but a set has none: pass sorted(indices)")
    chosen = np.asarray(without_tensors(indices, "indices"))
    if chosen.ndim != 1 or len(chosen) == 0:
        raise ValueError(f"indices must be 1-d, with at least one entry, but their shape is {chosen.shape}")
    if chosen.dtype.kind not in "iu":
        raise ValueError(f"indices must be whole numbers, but their dtype is {chosen.dtype}")
    return chosen.astype(np.int64)


def _of_entries(labels: Labels, chosen: IntArray, items: int) -> Labels:
    """Returns the labels of the chosen entries."""
    if len(labels) == items:
        return labels.take(chosen)
    if len(labels) == len(chosen):
        if chosen.min() < 0 or chosen.max() >= items:
            raise ValueError(f"indices must be in [0, {items}), but they reach from {chosen.min()} to {chosen.max()}")
        return labels
    raise ValueError(f"there must be one label per item, but {len(labels)} labels for {items} items")
