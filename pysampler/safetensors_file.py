"""The safetensors format, as far as pysampler's own files need it.

8 bytes of header length (little-endian), a JSON header, then the data. The header is padded with spaces so that the
data starts at a multiple of 64. Any safetensors reader opens it.

What a kind of file holds is described by a ``FileFormat``; reading compares the whole header with that description.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import secrets
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from typing_extensions import Buffer

_ALIGNMENT = 64
_MAX_HEADER_BYTES = 1 << 16
_ITEM_BYTES = {"U8": 1, "U16": 2, "U32": 4, "U64": 8, "F32": 4, "F64": 8}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor to be written.

    Attributes:
        dtype: As safetensors spells it, for instance "U32".
        shape: Its shape.
        data: Its bytes, contiguous and little-endian.
    """

    dtype: str
    shape: list[int]
    data: Buffer


@dataclass(frozen=True)
class ExpectedTensor:
    """A tensor that a kind of file has.

    Attributes:
        name: What it is called.
        dtype: "U8", "U16", "U32", "U64", "F32" or "F64"; several, separated by "|", if a file may have any of them.
        shape: Numbers, and symbols that stand for one number throughout a file.
        optional: Whether it may be left out.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    optional: bool = False


@dataclass(frozen=True)
class FileFormat:
    """What a kind of file holds.

    Attributes:
        name: Under ``format`` in the metadata: "pysampler.alias_table".
        version: Under ``version`` in the metadata.
        kind: What errors call such a file: "table file".
        metadata: The other metadata: from key to a regular expression that the whole value matches.
        tensors: In the order in which their data follow one another.
        limits: The largest value of every symbol that is not given by ``sizes``; the least is 1.
        optional_metadata: Like ``metadata``, but these keys may be left out.
        sizes: From metadata that have been checked to the values of symbols.
    """

    name: str
    version: str
    kind: str
    metadata: Mapping[str, str]
    tensors: tuple[ExpectedTensor, ...]
    limits: Mapping[str, int] = field(default_factory=dict)
    optional_metadata: Mapping[str, str] = field(default_factory=dict)
    sizes: Callable[[Mapping[str, str]], dict[str, int]] = lambda metadata: {}


@dataclass(frozen=True)
class FileContents:
    """What a file says and holds.

    Attributes:
        path: Absolute.
        metadata: The strings of its header.
        dtypes: From the names of the tensors that it has to their dtypes.
        shapes: The same to their shapes.
        data: The same to their bytes; writable, unless they are mapped.
    """

    path: str
    metadata: Mapping[str, str]
    dtypes: Mapping[str, str]
    shapes: Mapping[str, list[int]]
    data: Mapping[str, memoryview]


def write_safetensors(
    path: str | os.PathLike[str], metadata: Mapping[str, str], tensors: Mapping[str, StoredTensor]
) -> None:
    """Writes to a temporary file beside ``path`` and renames it, so that readers see the old or the new file whole."""
    _require_little_endian()
    target = os.path.abspath(os.fspath(path))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + memoryview(tensor.data).nbytes
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    # Of the name of the target nothing, for that may be as long as names can be.
    temporary = os.path.join(os.path.dirname(target), f".pysampler-{secrets.token_hex(8)}.tmp")
    # The system takes the umask away from the permissions; asking for the umask would change it for other threads.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor in tensors.values():
                file.write(memoryview(tensor.data))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_safetensors(path: str | os.PathLike[str], expected: FileFormat, mapped: bool = False) -> FileContents:
    """Reads or maps a file that ``write_safetensors`` wrote. Its header and size are checked, its data are not.

    Raises:
        ValueError: A file of another format or version, truncated, or with a header that is not as ``expected``.
        OSError: It cannot be read.
        RuntimeError: The machine is big-endian.
    """
    _require_little_endian()
    name = os.path.abspath(os.fspath(path))
    with open(name, "rb") as file:
        header, data_start, size = _read_header(file, name, expected.kind)
        metadata = _checked_metadata(header, name, expected)
        entries = _checked_tensors(header, name, expected, expected.sizes(metadata))
        nbytes = max(entry["data_offsets"][1] for entry in entries.values())
        if size != data_start + nbytes:
            raise ValueError(f"{name} is truncated or damaged: {size} bytes, expected {data_start + nbytes}")
        if mapped:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[data_start:]
        else:
            data = memoryview(bytearray(nbytes))
            if file.readinto(data) != nbytes:
                raise ValueError(f"{name} is truncated")
    if len(data) != nbytes:
        raise ValueError(f"{name} changed while it was read")
    return FileContents(
        name,
        metadata,
        {tensor: entry["dtype"] for tensor, entry in entries.items()},
        {tensor: entry["shape"] for tensor, entry in entries.items()},
        {tensor: data[slice(*entry["data_offsets"])] for tensor, entry in entries.items()},
    )


def _read_header(file: BinaryIO, name: str, kind: str) -> tuple[dict[str, Any], int, int]:
    """Returns a file's JSON object, where its data start, and its size in bytes."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    if not 2 <= length <= _MAX_HEADER_BYTES or 8 + length > size:
        raise ValueError(f"{name} is no {kind}: it has no safetensors header")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError(f"{name} is no {kind}: its header is no JSON object without repetitions")
    if (8 + length) % _ALIGNMENT != 0:
        raise ValueError(f"{name} is damaged: its data start at {8 + length}, not at a multiple of {_ALIGNMENT}")
    return header, 8 + length, size


def _checked_metadata(header: dict[str, Any], name: str, expected: FileFormat) -> dict[str, str]:
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or "format" not in metadata:
        raise ValueError(f"{name} is no {expected.kind}: its header is not that of a {expected.name}")
    if metadata["format"] != expected.name:
        raise ValueError(f"{name} is no {expected.kind}: its format is {metadata['format']!r}, not {expected.name!r}")
    if metadata.get("version") != expected.version:
        raise ValueError(
            f"{name} has version {metadata.get('version')!r}; this pysampler reads version {expected.version}"
        )
    needed = {"format", "version", *expected.metadata}
    tensors = {tensor.name for tensor in expected.tensors if not tensor.optional}
    if not (
        needed <= metadata.keys() <= needed | expected.optional_metadata.keys()
        and {"__metadata__"} | tensors <= header.keys() <= {"__metadata__"} | {each.name for each in expected.tensors}
    ):
        raise ValueError(
            f"{name} is damaged: its header says more or less than a {expected.name} has to say: "
            f"metadata {sorted(metadata)}, tensors {sorted(header.keys() - {'__metadata__'})}"
        )
    for key, pattern in {**expected.metadata, **expected.optional_metadata}.items():
        value = metadata.get(key, "")
        if key in metadata and (not isinstance(value, str) or re.fullmatch(pattern, value) is None):
            raise ValueError(f"{name} is damaged: its header says {key} {value!r}")
    return metadata


def _checked_tensors(
    header: dict[str, Any], name: str, expected: FileFormat, sizes: dict[str, int]
) -> dict[str, dict[str, Any]]:
    """Returns the header's entries of the tensors. ``sizes`` takes up the symbols as they are met."""
    entries: dict[str, dict[str, Any]] = {}
    end = 0
    for tensor in expected.tensors:
        if tensor.name not in header:
            continue
        entry = header[tensor.name]
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or len(shape) != len(tensor.shape):
            raise ValueError(f"{name} is damaged: {tensor.name} is described as {entry!r}")
        for size, symbol in zip(shape, tensor.shape, strict=True):
            if isinstance(symbol, str) and symbol not in sizes:
                if type(size) is not int or not 1 <= size <= expected.limits[symbol]:
                    raise ValueError(f"{name} is damaged: its header says {symbol} of {size!r} in {tensor.name}")
                sizes[symbol] = size
        wanted = [symbol if isinstance(symbol, int) else sizes[symbol] for symbol in tensor.shape]
        allowed = tensor.dtype.split("|")
        dtype = entry.get("dtype") if entry.get("dtype") in allowed else allowed[0]
        begin, nbytes = end, _ITEM_BYTES[dtype]
        for size in wanted:
            nbytes *= size
        end = begin + nbytes
        if entry != {"dtype": dtype, "shape": wanted, "data_offsets": [begin, end]}:
            raise ValueError(f"{name} is damaged: {tensor.name} is described as {entry!r}")
        entries[tensor.name] = {**entry, "shape": wanted, "data_offsets": [begin, end]}
    return entries


def _require_little_endian() -> None:
    if sys.byteorder != "little":
        raise RuntimeError("pysampler's files are supported on little-endian machines only")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no name comes twice: readers disagree on which one would count."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name comes twice")
    return result
