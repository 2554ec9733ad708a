"""Table files: safetensors with one tensor.

It is called "entries", dtype U32, shape (N, 2), of (threshold, alias) pairs; in ``__metadata__`` are the strings
``format``, ``version`` and ``fingerprint``. See ``pysampler.safetensors_file``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from pysampler import _core
from pysampler.inputs.weights import MAX_ITEMS
from pysampler.safetensors_file import (
    ExpectedTensor,
    FileFormat,
    StoredTensor,
    read_safetensors,
    write_safetensors,
)

FORMAT = FileFormat(
    name="pysampler.alias_table",
    version="1",
    kind="table file",
    metadata={"fingerprint": "[0-9a-f]{32}"},
    tensors=(ExpectedTensor("entries", "U32", ("items", 2)),),
    limits={"items": MAX_ITEMS},
)


@dataclass(frozen=True)
class TableFile:
    """Where a table was read from."""

    path: str
    fingerprint: str
    mapped: bool


def write_table_file(path: str | os.PathLike[str], table: _core.Table, fingerprint: str) -> None:
    """Replaces the file at once: readers see the old or the new one whole."""
    metadata = {"format": FORMAT.name, "version": FORMAT.version, "fingerprint": fingerprint}
    write_safetensors(path, metadata, {"entries": StoredTensor("U32", [len(table), 2], table)})


def read_table_file(path: str | os.PathLike[str], mapped: bool, validate: bool) -> tuple[_core.Table, TableFile]:
    """Reads or maps a table file. See ``AliasTable.load``."""
    contents = read_safetensors(path, FORMAT, mapped)
    name, fingerprint = contents.path, contents.metadata["fingerprint"]
    threads = torch.get_num_threads()
    try:
        table = _core.Table.over(contents.data["entries"], validate, threads)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if validate and table.fingerprint(threads) != fingerprint:
        raise ValueError(f"{name} is damaged: its contents do not match its fingerprint")
    return table, TableFile(name, fingerprint, mapped)
