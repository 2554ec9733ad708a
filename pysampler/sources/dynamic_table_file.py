"""Files of dynamic tables: safetensors with one tensor.

It is called "weights", F32 or F64, of shape (N,); in ``__metadata__`` are the strings ``format``, ``version``,
``scale``, ``capacity`` and ``fingerprint``. See ``pysampler.safetensors_file``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch

from pysampler.safetensors_file import StoredTensor, read_header, require_little_endian, write_safetensors

FORMAT = "pysampler.dynamic_table"
VERSION = "1"
_KIND = "dynamic table file"
_DTYPES = {"F32": torch.float32, "F64": torch.float64}


@dataclass(frozen=True)
class DynamicTableParts:
    """What makes a dynamic table."""

    weights: torch.Tensor
    scale: int
    capacity: int
    fingerprint: str


def write_dynamic_table(path: str | os.PathLike[str], parts: DynamicTableParts) -> None:
    """Replaces the file at once: readers see the old or the new one whole."""
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "scale": str(parts.scale),
        "capacity": str(parts.capacity),
        "fingerprint": parts.fingerprint,
    }
    dtype = "F64" if parts.weights.dtype == torch.float64 else "F32"
    stored = StoredTensor(dtype, [len(parts.weights)], parts.weights.numpy().data)
    write_safetensors(path, metadata, {"weights": stored})


def read_dynamic_table(path: str | os.PathLike[str]) -> DynamicTableParts:
    """Reads such a file. Whether the weights belong to scale and fingerprint is seen when a table is made of them.

    Raises:
        ValueError: Not such a file, truncated, or its header contradicts itself.
    """
    require_little_endian()
    name = os.path.abspath(os.fspath(path))
    with open(name, "rb") as file:
        header, start, size = read_header(file, name, _KIND)
        if not isinstance(header.get("__metadata__"), dict) or header["__metadata__"].get("format") != FORMAT:
            raise ValueError(f"{name} is no {_KIND}: its format is not {FORMAT!r}")
        if header["__metadata__"].get("version") != VERSION:
            raise ValueError(f"{name} has another version than {VERSION}, which this pysampler reads")
        try:
            dtype, items, scale, capacity, fingerprint = _described(header)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"{name} is damaged: {error}") from None
        weights = torch.empty(items, dtype=dtype, device="cpu")
        if size != start + items * dtype.itemsize:
            raise ValueError(f"{name} is truncated or damaged: {size} bytes")
        if items > 0 and file.readinto(weights.numpy().data.cast("B")) != items * dtype.itemsize:
            raise ValueError(f"{name} changed while it was read")
    return DynamicTableParts(weights, scale, capacity, fingerprint)


def _described(header: dict[str, Any]) -> tuple[torch.dtype, int, int, int, str]:
    metadata, tensor = header["__metadata__"], header["weights"]
    dtype, items = _DTYPES[tensor["dtype"]], tensor["shape"][0]
    if type(items) is not int or not 0 <= items < 2**32 or tensor["shape"] != [items]:
        raise ValueError(f"its shape is {tensor['shape']!r}")
    if tensor["data_offsets"] != [0, items * dtype.itemsize] or len(header) != 2 or len(metadata) != 5:
        raise ValueError("its header contradicts itself")
    return dtype, items, int(metadata["scale"]), int(metadata["capacity"]), metadata["fingerprint"]
