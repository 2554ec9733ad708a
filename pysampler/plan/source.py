"""What `pysampler plan` reads: labels or weights from a folder of images or a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from pysampler.labels.image_folder import list_images
from pysampler.plan.column_files import csv_column, parquet_column
from pysampler.plan.tensor_files import npy_array, pt_values

Kind = Literal["labels", "weights"]

_TABLES = {".csv": csv_column, ".tsv": csv_column, ".parquet": parquet_column}
_ARRAYS = {".npy": npy_array, ".pt": pt_values, ".pth": pt_values}


@dataclass(frozen=True)
class Source:
    """What was read.

    Attributes:
        kind: Whether the values are labels or weights.
        values: One per item, in a form that ``plan_labels`` or ``plan_weights`` takes.
        description: What it is, in words.
        notes: What a reader of the plan ought to know about how it was read.
    """

    kind: Kind
    values: Any
    description: str
    notes: tuple[str, ...] = ()


def read_source(
    path: str | os.PathLike[str], *, column: str | None = None, kind: Kind | None = None, missing: bool = False
) -> Source:
    """Reads labels or weights, one per item.

    Args:
        path: A folder of images, as ``pysampler.labels.image_folder.list_images`` reads it; or a file: ``.csv`` and
            ``.tsv`` (separated by commas, semicolons or tabs; with or without a header), ``.parquet`` (needs pyarrow),
            ``.npy`` (no pickled objects), ``.pt`` or ``.pth`` (tensors, lists and dictionaries; nothing that runs
            code).
        column: Name of the column of a table, or of the entry of a dictionary; a CSV column also by its number from 0.
            May be left out if there is only one, or one with a usual name such as "label" or "weight".
        kind: What the values are. By default numbers with fractions, and columns called "weight" or so, are weights;
            everything else is labels.
        missing: Whether values may be missing, for ``plan_labels(..., missing=)`` to take care of.

    Cost: of a CSV file of two columns, 3 us and 300 bytes per row.

    Raises:
        ValueError: A file of another type, empty, damaged, or with values missing; an unknown column.
        OSError: It cannot be read.
        ImportError: A parquet file, and pyarrow is missing.
    """
    place = Path(path)
    if place.is_dir():
        return _folder(place, column, kind)
    if not place.exists():
        raise ValueError(f"{place} does not exist")
    suffix = place.suffix.lower()
    if suffix not in (*_TABLES, *_ARRAYS):
        raise ValueError(
            f"SOURCE must be a folder of images or a file {', '.join((*_TABLES, *_ARRAYS))}, but got {place}"
        )
    if place.is_file() and place.stat().st_size == 0:
        raise ValueError(f"{place} is empty")
    values, name = _TABLES[suffix](place, column, missing) if suffix in _TABLES else _ARRAYS[suffix](place, column)
    guessed = _kind(values, name)
    notes = []
    if kind is None and guessed == "labels" and _fractions(values) is not None:
        notes.append("Whole numbers were read as labels; if they are weights, say --as weights.")
    where = f", column {name!r}" if name else ""
    return Source(kind or guessed, values, f"{kind or guessed} of {place}{where}", tuple(notes))


def _folder(place: Path, column: str | None, kind: Kind | None) -> Source:
    if column is not None or kind == "weights":
        raise ValueError(f"{place} is a folder: it has no columns, and tells labels only")
    images = list_images(place)
    if images.layout == "a folder per class" and len(set(images.labels)) == 1:
        raise ValueError(
            f"all {len(images.labels)} images of {place} lie in its folder {images.labels[0]!r}, which would be the "
            f"only class; if their names tell the class, give {place / images.labels[0]}"
        )
    notes = [f"No images in the folder {name!r}." for name in images.empty_folders[:3]]
    if images.hidden:
        first = str(images.hidden[0].relative_to(place))
        notes.append(
            f"Hidden images were left out ({len(images.hidden)}, such as {first!r}). "
            "torchvision's ImageFolder takes them, and a hidden folder for a class: its indices then differ."
        )
    return Source("labels", list(images.labels), f"images of {place}, {images.layout}", tuple(notes))


def _kind(values: Any, name: str) -> Kind:
    if "weight" in name.lower():
        return "weights"
    numbers = _fractions(values)
    if numbers is None or numbers.ndim != 1:
        return "labels"
    whole = np.isnan(numbers) | (numbers == np.trunc(numbers))
    return "labels" if whole.all() else "weights"


def _fractions(values: Any) -> npt.NDArray[Any] | None:
    """Returns the values as an array if they are floating-point numbers, whole or not."""
    if isinstance(values, torch.Tensor):
        return values.double().numpy() if values.is_floating_point() else None
    array = np.asarray(values) if isinstance(values, np.ndarray) or _are_numbers(values) else np.empty(0, np.int64)
    return array if array.dtype.kind == "f" else None


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)
