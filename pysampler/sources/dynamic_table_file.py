"""Files of dynamic tables: safetensors with one tensor.

It is called "weights", F32 or F64, of shape (N,); in ``__metadata__`` are the strings ``format``, ``version``,
``items``, ``scale``, ``capacity`` and ``fingerprint``. See ``pysampler.safetensors_file``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from pysampler.inputs.weights import MAX_ITEMS
from pysampler.safetensors_file import (
    ExpectedTensor,
    FileFormat,
    StoredTensor,
    read_safetensors,
    write_safetensors,
)

FORMAT = FileFormat(
    name="pysampler.dynamic_table",
    version="1",
    kind="dynamic table file",
    metadata={
        "items": "0|[1-9][0-9]{0,9}",
        "scale": "-?[0-9]{1,5}",
        "capacity": "0|[1-9][0-9]{0,9}",
        "fingerprint": "[0-9a-f]{32}",
    },
    tensors=(ExpectedTensor("weights", "F32|F64", ("items",)),),
    sizes=lambda metadata: {"items": min(int(metadata["items"]), MAX_ITEMS)},
)
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
        "format": FORMAT.name,
        "version": FORMAT.version,
        "items": str(len(parts.weights)),
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
    contents = read_safetensors(path, FORMAT)
    dtype, data = _DTYPES[contents.dtypes["weights"]], contents.data["weights"]
    weights = torch.frombuffer(data, dtype=dtype) if len(data) else torch.empty(0, dtype=dtype, device="cpu")
    said = contents.metadata
    return DynamicTableParts(weights, int(said["scale"]), int(said["capacity"]), said["fingerprint"])
