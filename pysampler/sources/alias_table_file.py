"""Table files: safetensors with one tensor.

It is called "entries", dtype U32, shape (N, 2), of (threshold, alias) pairs; in ``__metadata__`` are the strings
``format``, ``version`` and ``fingerprint``. See ``pysampler.safetensors_file``.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch

from pysampler import _core
from pysampler.inputs.weights import MAX_ITEMS
from pysampler.safetensors_file import StoredTensor, read_header, require_little_endian, write_safetensors

FORMAT = "pysampler.alias_table"
VERSION = "1"


@dataclass(frozen=True)
class TableFile:
    """Where a table was read from."""

    path: str
    fingerprint: str
    mapped: bool


@dataclass(frozen=True)
class _Header:
    items: int
    fingerprint: str
    data_start: int


def write_table_file(path: str | os.PathLike[str], table: _core.Table, fingerprint: str) -> None:
    """Replaces the file at once: readers see the old or the new one whole."""
    metadata = {"format": FORMAT, "version": VERSION, "fingerprint": fingerprint}
    write_safetensors(path, metadata, {"entries": StoredTensor("U32", [len(table), 2], table)})


def read_table_file(path: str | os.PathLike[str], mapped: bool, validate: bool) -> tuple[_core.Table, TableFile]:
    """Reads or maps a table file. See ``AliasTable.load``."""
    require_little_endian()
    name = os.path.abspath(os.fspath(path))
    threads = torch.get_num_threads()
    with open(name, "rb") as file:
        header = _read_header(file, name)
        data: Any
        if mapped:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            data = whole[header.data_start :]
        else:
            data = bytearray(8 * header.items)
            if file.readinto(data) != len(data):
                raise ValueError(f"{name} is truncated")
    if len(data) != 8 * header.items:
        raise ValueError(f"{name} changed while it was read")
    try:
        table = _core.Table.over(data, validate, threads)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if validate and table.fingerprint(threads) != header.fingerprint:
        raise ValueError(f"{name} is damaged: its contents do not match its fingerprint")
    return table, TableFile(name, header.fingerprint, mapped)


def _read_header(file: BinaryIO, name: str) -> _Header:
    header, data_start, size = read_header(file, name, "table file")
    try:
        metadata, entries = header["__metadata__"], header["entries"]
        kind, version, fingerprint = metadata["format"], metadata["version"], metadata["fingerprint"]
        shape, offsets, dtype = entries["shape"], entries["data_offsets"], entries["dtype"]
    except (KeyError, TypeError):
        raise ValueError(f"{name} is no table file: its header is not that of a {FORMAT}") from None
    if kind != FORMAT:
        raise ValueError(f"{name} is no table file: its format is {kind!r}, not {FORMAT!r}")
    if version != VERSION:
        raise ValueError(f"{name} has version {version!r}; this pysampler reads version {VERSION}")
    items = shape[0] if isinstance(shape, list) and shape else None
    if type(items) is not int or not 1 <= items <= MAX_ITEMS:
        raise ValueError(f"{name} is damaged: its shape is {shape!r}")
    if (len(header), len(metadata), len(entries)) != (2, 3, 3):
        raise ValueError(f"{name} is damaged: its header says more than a {FORMAT} has to say")
    if not isinstance(fingerprint, str) or re.fullmatch("[0-9a-f]{32}", fingerprint) is None:
        raise ValueError(f"{name} is damaged: its fingerprint is {fingerprint!r}")
    if dtype != "U32" or shape != [items, 2] or offsets != [0, 8 * items]:
        raise ValueError(f"{name} is damaged: its header contradicts itself")
    if size != data_start + 8 * items:
        raise ValueError(f"{name} is truncated or damaged: {size} bytes, expected {data_start + 8 * items}")
    return _Header(items, fingerprint, data_start)
