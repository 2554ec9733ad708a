"""Files of class tables: safetensors like those of alias tables (``pysampler.safetensors_file``), with more tensors.

"entries", dtype U32, shape (C, 2): (threshold, alias) of the table over the classes; "ranges", U32, (C, 2): (size,
begin) of every class's members; "members", U32, (M,): the items, class after class, left out where every class's items
follow one another; "names", U8: the names of the classes as a JSON list. ``__metadata__`` holds the strings ``format``,
``version``, ``fingerprint`` and ``items``. The tensors follow one another in this order.
"""

from __future__ import annotations

import json
import mmap
import os
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from pysampler.inputs.weights import MAX_ITEMS
from pysampler.labels.read import MAX_CLASSES
from pysampler.safetensors_file import StoredTensor, read_header, require_little_endian, write_safetensors

FORMAT = "pysampler.class_table"
VERSION = "1"
_KIND = "file of a class table"


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
    metadata = {"format": FORMAT, "version": VERSION, "fingerprint": fingerprint, "items": str(parts.items)}
    write_safetensors(path, metadata, tensors)


def read_class_table(path: str | os.PathLike[str], mapped: bool) -> tuple[ClassTableParts, str]:
    """Reads or maps a file; returns what it holds and its fingerprint. Sizes are checked, contents are not."""
    require_little_endian()
    name = os.path.abspath(os.fspath(path))
    with open(name, "rb") as file:
        header, start = _checked_header(file, name)
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped else file.read()
    data = memoryview(whole)[start:] if mapped else memoryview(whole)
    try:
        return _parts(header, data)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} is damaged: its header contradicts itself or its size ({error})") from None


def _are_plain(classes: tuple[Any, ...]) -> bool:
    return all(type(name) in (str, int) for name in classes)


def _checked_header(file: BinaryIO, name: str) -> tuple[dict[str, Any], int]:
    header, start, _ = read_header(file, name, _KIND)
    try:
        kind, version = header["__metadata__"]["format"], header["__metadata__"]["version"]
    except (KeyError, TypeError):
        raise ValueError(f"{name} is no {_KIND}: its header is not that of a {FORMAT}") from None
    if kind != FORMAT:
        raise ValueError(f"{name} is no {_KIND}: its format is {kind!r}, not {FORMAT!r}")
    if version != VERSION:
        raise ValueError(f"{name} has version {version!r}; this pysampler reads version {VERSION}")
    return header, start


def _parts(header: dict[str, Any], data: memoryview) -> tuple[ClassTableParts, str]:
    metadata = header["__metadata__"]
    fingerprint, items = metadata["fingerprint"], metadata["items"]
    if not isinstance(fingerprint, str) or re.fullmatch("[0-9a-f]{32}", fingerprint) is None:
        raise ValueError(f"fingerprint {fingerprint!r}")
    if not isinstance(items, str) or re.fullmatch("[1-9][0-9]{0,9}", items) is None or int(items) > MAX_ITEMS:
        raise ValueError(f"items {items!r}")
    wanted = ["__metadata__", "entries", "ranges", *(["members"] if "members" in header else []), "names"]
    if sorted(header) != sorted(wanted) or len(metadata) != 4:
        raise ValueError(f"tensors {sorted(header)}")
    classes = header["entries"]["shape"][0]
    if type(classes) is not int or not 1 <= classes <= MAX_CLASSES:
        raise ValueError(f"{classes!r} classes")
    found, end = {}, 0
    for name in wanted[1:]:
        tensor = header[name]
        length = classes if name in ("entries", "ranges") else tensor["shape"][0]
        if type(length) is not int or not 1 <= length <= MAX_ITEMS:
            raise ValueError(f"{name} of {length!r}")
        shape, width, dtype = ([length, 2], 8, "U32") if name in ("entries", "ranges") else ([length], 4, "U32")
        if name == "names":
            width, dtype = 1, "U8"
        begin, end = end, end + width * length
        if tensor != {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}:
            raise ValueError(f"{name} is described as {tensor!r}")
        found[name] = data[begin:end]
    if len(data) != end:
        raise ValueError(f"{len(data)} bytes of data, expected {end}")
    names = json.loads(bytes(found["names"]))
    if not isinstance(names, list) or len(names) != classes or not _are_plain(tuple(names)):
        raise ValueError("names that are not one per class")
    parts = ClassTableParts(int(items), found["entries"], found["ranges"], found.get("members"), tuple(names))
    return parts, fingerprint
