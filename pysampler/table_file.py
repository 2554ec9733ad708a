"""Table files: safetensors with one tensor.

The safetensors format is 8 bytes of header length (little-endian), a JSON header, then the data. Ours holds one tensor
"entries", dtype U32, shape (N, 2), of (threshold, alias) pairs, and in ``__metadata__`` the strings ``format``,
``version`` and ``fingerprint``. The header is padded with spaces so that the data starts at a multiple of 64. Any
safetensors reader opens it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import struct
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch

from pysampler import _core
from pysampler.weights import MAX_ITEMS

FORMAT = "pysampler.alias_table"
VERSION = "1"
ALIGNMENT = 64
_MAX_HEADER_BYTES = 1 << 16


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
    """Writes a table file. See ``AliasTable.save``."""
    header = {
        "__metadata__": {"format": FORMAT, "version": VERSION, "fingerprint": fingerprint},
        "entries": {"dtype": "U32", "shape": [len(table), 2], "data_offsets": [0, 8 * len(table)]},
    }
    write_safetensors(path, header, [memoryview(table)])


def write_safetensors(path: str | os.PathLike[str], header: dict[str, Any], parts: list[memoryview]) -> None:
    """Writes to a temporary file beside ``path`` and renames it, so that readers see the old or the new file whole."""
    require_little_endian()
    target = os.path.abspath(os.fspath(path))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    descriptor, temporary = tempfile.mkstemp(prefix=os.path.basename(target) + ".", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


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
    if validate:
        low, high = table.fingerprint(threads)
        if f"{high:016x}{low:016x}" != header.fingerprint:
            raise ValueError(f"{name} is damaged: its contents do not match its fingerprint")
    return table, TableFile(name, header.fingerprint, mapped)


def _read_header(file: BinaryIO, name: str) -> _Header:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    if not 2 <= length <= _MAX_HEADER_BYTES or 8 + length > size:
        raise ValueError(f"{name} is no table file: it has no safetensors header")
    try:
        header = json.loads(file.read(length), object_pairs_hook=without_repetition)
        metadata, entries = header["__metadata__"], header["entries"]
        kind, version, fingerprint = metadata["format"], metadata["version"], metadata["fingerprint"]
        shape, offsets, dtype = entries["shape"], entries["data_offsets"], entries["dtype"]
    except (ValueError, KeyError, TypeError, RecursionError):
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
    if dtype != "U32" or shape != [items, 2] or offsets != [0, 8 * items] or (8 + length) % ALIGNMENT != 0:
        raise ValueError(f"{name} is damaged: its header contradicts itself")
    if size != 8 + length + 8 * items:
        raise ValueError(f"{name} is truncated or damaged: {size} bytes, expected {8 + length + 8 * items}")
    return _Header(items, fingerprint, 8 + length)


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object in which no name comes twice: readers disagree on which one would count."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name comes twice")
    return result


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def require_little_endian() -> None:
    """Raises RuntimeError on other machines, for files hold their numbers as memory does."""
    if sys.byteorder != "little":
        raise RuntimeError("table files are supported on little-endian machines only")
