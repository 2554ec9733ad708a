"""The safetensors format, as far as pysampler's own files need it.

8 bytes of header length (little-endian), a JSON header, then the data. The header is padded with spaces so that the
data starts at a multiple of 64. Any safetensors reader opens it.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from typing_extensions import Buffer

_ALIGNMENT = 64
_MAX_HEADER_BYTES = 1 << 16


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


def write_safetensors(
    path: str | os.PathLike[str], metadata: Mapping[str, str], tensors: Mapping[str, StoredTensor]
) -> None:
    """Writes to a temporary file beside ``path`` and renames it, so that readers see the old or the new file whole."""
    require_little_endian()
    target = os.path.abspath(os.fspath(path))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + memoryview(tensor.data).nbytes
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    descriptor, temporary = tempfile.mkstemp(prefix=os.path.basename(target) + ".", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for tensor in tensors.values():
                file.write(memoryview(tensor.data))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_header(file: BinaryIO, name: str, kind: str) -> tuple[dict[str, Any], int, int]:
    """Reads a header that ``write_safetensors`` may have written.

    Args:
        file: Opened, at its beginning.
        name: What errors call it.
        kind: What kind of file it should be, for errors: "table file".

    Returns:
        The JSON object, where the data starts, and the file's size in bytes.

    Raises:
        ValueError: No safetensors header, or none that is aligned.
    """
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


def require_little_endian() -> None:
    """Raises RuntimeError on a machine whose memory is not laid out as the files are."""
    if sys.byteorder != "little":
        raise RuntimeError("pysampler's files are supported on little-endian machines only")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no name comes twice: readers disagree on which one would count."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name comes twice")
    return result


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
