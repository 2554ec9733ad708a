"""Where datasets keep their labels, so that they can be read without loading a single item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from pysampler.labels.values import LabelValues, concatenate, label_values

# torchvision's classes, by what they call it: MNIST and CIFAR targets, SVHN and STL10 labels, OxfordIIITPet _labels,
# ImageFolder samples and imgs, StanfordCars _samples.
_LABEL_ATTRIBUTES = ("targets", "labels", "_labels")
_PAIR_ATTRIBUTES = ("samples", "imgs", "_samples")
_FILE = re.compile(r"\.[A-Za-z]\w{1,4}$")
_COLUMNS = ("label", "labels")


def is_dataset(source: Any) -> bool:
    """Whether ``source`` is a dataset rather than a container of labels."""
    if isinstance(source, (Dataset, Mapping)) or _is_table(source):
        return True
    if hasattr(source, "__array__") or not hasattr(source, "__getitem__"):
        return False
    return any(hasattr(source, name) for name in _LABEL_ATTRIBUTES + _PAIR_ATTRIBUTES)


def dataset_labels(dataset: Any, column: str | None = None) -> LabelValues:
    """Returns the labels of a dataset in its own order. ``target_transform`` is not applied. No item is loaded.

    Raises:
        ValueError: Labels that are not as many as the items; parts with different classes; several or no columns.
        TypeError: A dataset that keeps its labels in no known place.
    """
    if isinstance(dataset, Subset):
        indices = np.asarray(dataset.indices)
        if indices.dtype.kind not in "iu" and indices.size:
            way_out = "; a mask becomes indices with numpy.flatnonzero(mask)" if indices.dtype.kind == "b" else ""
            raise ValueError(f"the indices of a Subset must be whole numbers, but are {indices.dtype}{way_out}")
        indices = indices.astype(np.int64)
        return dataset_labels(dataset.dataset, column).take(indices)
    if isinstance(dataset, ConcatDataset):
        return concatenate([dataset_labels(part, column) for part in dataset.datasets])
    if isinstance(dataset, Mapping):
        raise TypeError(f"labels of which part? Pass one of the datasets: {', '.join(map(repr, dataset))}")
    if _is_table(dataset):
        return _table_labels(dataset, column)
    if column is not None:
        raise TypeError(f"column={column!r} is for tables with named columns, but got {type(dataset).__name__}")
    values = _kept_labels(dataset)
    if values is None:
        raise TypeError(
            f"{type(dataset).__name__} keeps its labels in no place that is known (targets, labels, samples, imgs), "
            "and loading every item for its label may take long; pass the labels themselves, or "
            "get_labels=lambda dataset: [dataset[i][1] for i in range(len(dataset))]"
        )
    try:
        items = len(dataset)
    except TypeError:
        return values
    if len(values) != items:
        raise ValueError(f"there must be one label per item, but {len(values)} labels for {items} items")
    return values


def _kept_labels(dataset: Any) -> LabelValues | None:
    if isinstance(dataset, TensorDataset):
        if len(dataset.tensors) == 1:
            raise TypeError(
                "a TensorDataset of a single tensor holds inputs and no labels: pass the labels themselves, or "
                "dataset.tensors[0] if that is what they are"
            )
        return label_values(dataset.tensors[-1])
    names = _class_names(dataset)
    for attribute in _LABEL_ATTRIBUTES:
        kept = getattr(dataset, attribute, None)
        if kept is not None and not callable(kept):
            return _named(_no_paths(label_values(kept), attribute), names)
    for attribute in _PAIR_ATTRIBUTES:
        pairs = getattr(dataset, attribute, None)
        if isinstance(pairs, (list, tuple)) and all(isinstance(pair, (list, tuple)) for pair in pairs):
            return _named(label_values([pair[1] for pair in pairs]), names)
    return None


def _no_paths(values: LabelValues, attribute: str) -> LabelValues:
    """Raises TypeError if labels are names of files, all different: of annotations, as in VOC."""
    flat = values.flat
    distinct = isinstance(flat, list) and len(flat) > 1 and len(set(flat)) == len(flat)
    if distinct and all(isinstance(name, str) and _FILE.search(name) for name in flat):
        raise TypeError(
            f"the {attribute} of this dataset are names of files, such as {flat[0]!r}, and no classes: read the "
            "classes from these files and pass them"
        )
    return values


def _class_names(dataset: Any) -> tuple[Any, ...] | None:
    """Names of the class indices, by the convention of ImageFolder and its kin."""
    names = getattr(dataset, "classes", None)
    if isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def _named(values: LabelValues, names: tuple[Any, ...] | None) -> LabelValues:
    if names is None or isinstance(values.flat, list):
        return values
    return LabelValues(values.flat, values.offsets, names)


def _is_table(dataset: Any) -> bool:
    """Whether it looks like a Hugging Face dataset: named, typed columns."""
    return hasattr(dataset, "column_names") and isinstance(getattr(dataset, "features", None), Mapping)


def _table_labels(table: Any, column: str | None) -> LabelValues:
    columns = list(table.column_names)
    if column is None:
        found = [name for name in columns if _feature_names(table.features[name]) is not None]
        found = found if len(found) == 1 else [name for name in _COLUMNS if name in columns]
        if len(found) != 1:
            raise ValueError(f"which column holds the labels? Give column=, one of {columns}")
        column = found[0]
    if column not in columns:
        raise ValueError(f"column must be one of {columns}, but got column={column!r}")
    feature = table.features[column]
    # with_format(None): plain Python values, and with select_columns no other column (no image) is decoded.
    values = list(table.select_columns([column]).with_format(None)[column])
    inner = getattr(feature, "feature", None)
    if _feature_names(inner) is not None:
        return _named(label_values([set(value) for value in values]), _feature_names(inner))
    return _named(label_values(values), _feature_names(feature))


def _feature_names(feature: Any) -> tuple[str, ...] | None:
    names = getattr(feature, "names", None)
    return tuple(names) if names else None
