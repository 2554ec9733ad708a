"""Files of class tables: safetensors like those of alias tables (``pysampler.safetensors_file``), with more tensors.

"entries", dtype U32, shape (C, 2): (threshold, alias) of the table over the classes; "ranges", U32, (C, 2): (size,
begin) of every class's members; "members", U32, (M,): the items, class after class, left out where every class's items
follow one another; "names", U8: the names of the classes as a JSON list. ``__metadata__`` holds the strings ``format``,
``version``, ``fingerprint`` (of entries, ranges and members), ``items`` and ``names_checksum`` (BLAKE2b of "names", 16
bytes in hex; files written before pysampler knew it lack it). The tensors follow one another in this order.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from pysampler.inputs.weights import MAX_ITEMS
from pysampler.labels.read import MAX_CLASSES
from pysampler.safetensors_file import (
    ExpectedTensor,
    FileFormat,
    StoredTensor,
    read_safetensors,
    write_safetensors,
)

FORMAT = FileFormat(
    name="pysampler.class_table",
    version="1",
    kind="file of a class table",
    metadata={"fingerprint": "[0-9a-f]{32}", "items": "[1-9][0-9]{0,9}"},
    optional_metadata={"names_checksum": "[0-9a-f]{32}"},
    tensors=(
        ExpectedTensor("entries", "U32", ("classes", 2)),
        ExpectedTensor("ranges", "U32", ("classes", 2)),
        ExpectedTensor("members", "U32", ("members",), optional=True),
        ExpectedTensor("names", "U8", ("bytes of names",)),
    ),
    limits={"classes": MAX_CLASSES, "members": MAX_ITEMS, "bytes of names": MAX_ITEMS},
)


@dataclass(frozen=True)
class ClassTableParts:
    """What a file holds.

    Attributes:
        items: N.
        entries: The alias table over the classes, 8 bytes each.
        ranges: 8 bytes per class.
        members: 4 bytes each, or None.
        classes: The names.
    """

    items: int
    entries: memoryview
    ranges: memoryview
    members: memoryview | None
    classes: tuple[Any, ...]


def write_class_table(path: str | os.PathLike[str], parts: ClassTableParts, fingerprint: str) -> None:
    """Writes a file. See ``ClassTable.save``."""
    if not _are_plain(parts.classes):
        raise ValueError("only tables whose classes are called by strings and integers can be saved")
    names = json.dumps(list(parts.classes)).encode()
    classes = len(parts.classes)
    tensors = {
        "entries": StoredTensor("U32", [classes, 2], parts.entries),
        "ranges": StoredTensor("U32", [classes, 2], parts.ranges),
    }
    if parts.members is not None:
        tensors["members"] = StoredTensor("U32", [parts.members.nbytes // 4], parts.members)
    tensors["names"] = StoredTensor("U8", [len(names)], names)
    metadata = {
        "format": FORMAT.name,
        "version": FORMAT.version,
        "fingerprint": fingerprint,
        "items": str(parts.items),
        "names_checksum": _checksum(names),
    }
    write_safetensors(path, metadata, tensors)


def read_class_table(path: str | os.PathLike[str], mapped: bool) -> tuple[ClassTableParts, str]:
    """Reads or maps a file; returns what it holds and its fingerprint. Header, sizes and names are checked."""
    contents = read_safetensors(path, FORMAT, mapped)
    items = int(contents.metadata["items"])
    if items > MAX_ITEMS:
        raise ValueError(f"{contents.path} is damaged: its header says items '{items}'")
    encoded = bytes(contents.data["names"])
    if contents.metadata.get("names_checksum") not in (None, _checksum(encoded)):
        raise ValueError(f"{contents.path} is damaged: the names of its classes do not match their checksum")
    try:
        names = _names(encoded, contents.shapes["entries"][0])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{contents.path} is damaged: the names of its classes are wrong ({error})") from None
    data = contents.data
    parts = ClassTableParts(items, data["entries"], data["ranges"], data.get("members"), names)
    return parts, contents.metadata["fingerprint"]


def _names(encoded: bytes, classes: int) -> tuple[Any, ...]:
    names = json.loads(encoded)
    if not isinstance(names, list) or len(names) != classes or not _are_plain(tuple(names)):
        raise ValueError("they are not one string or integer per class")
    if len(set(names)) != classes:
        raise ValueError("two classes have the same name")
    return tuple(names)


def _are_plain(classes: tuple[Any, ...]) -> bool:
    return all(type(name) in (str, int) for name in classes)


def _checksum(names: bytes) -> str:
    return hashlib.blake2b(names, digest_size=16).hexdigest()
