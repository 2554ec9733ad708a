"""Damaged and hostile table files: always a ValueError that names the file, never a crash or another table."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from families import hashed_integers
from processes import in_child
from table_bytes import assemble, parts

from pysampler import AliasTable

WEIGHTS = hashed_integers(40)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a table."""
    path = tmp_path / "weights.table"
    AliasTable(WEIGHTS).save(path)
    return path


def accepted_ways(path: Path, raw: bytes, validate: bool = True) -> list[str]:
    """The ways of loading these bytes that do not raise ValueError with the file's name. Other errors pass through."""
    with path.open("r+b") as file:  # faster than a new file each time
        file.write(raw)
        file.truncate()
    accepted = []
    for mmap in (True, False):
        try:
            AliasTable.load(path, mmap=mmap, validate=validate)
        except ValueError as error:
            if path.name in str(error):
                continue
        accepted.append(f"mmap={mmap}: {raw[:250]!r}")
    return accepted


def refused(path: Path, raw: bytes) -> bool:
    return not accepted_ways(path, raw)


def all_refused(path: Path, files: Callable[[], Iterator[bytes]], validate: bool = True) -> int:
    """Loads each file in a child process. Returns how many were tried; asserts that each is refused."""

    def work() -> tuple[int, list[str]]:
        accepted = [accepted_ways(path, raw, validate) for raw in files()]
        return len(accepted), oracle.flat(accepted)

    tried, accepted = in_child(work)
    assert not accepted, f"{len(accepted)} of {2 * tried} loads succeeded, the first {accepted[0]}"
    return int(tried)


@pytest.mark.parametrize("validate", [True, False])
def test_a_file_of_any_other_length_is_refused(path: Path, validate: bool) -> None:
    raw = path.read_bytes()

    def files() -> Iterator[bytes]:
        yield from (raw[:length] for length in range(len(raw)))
        yield from (raw + bytes(extra) for extra in (1, 7, 8, 64, 4096))

    assert all_refused(path, files, validate) == len(raw) + 5


def test_a_header_with_any_bit_flipped_is_refused(path: Path) -> None:
    raw = path.read_bytes()
    header_bits = 8 * (len(raw) - 320)

    def files() -> Iterator[bytes]:
        for bit in range(header_bits):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            yield bytes(flipped)

    assert all_refused(path, files) == header_bits > 1500


def test_data_with_any_bit_flipped_are_refused(path: Path) -> None:
    raw = path.read_bytes()

    def files() -> Iterator[bytes]:
        for bit in range(8 * (len(raw) - 320), 8 * len(raw)):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            yield bytes(flipped)

    assert all_refused(path, files) == 320 * 8


def test_exchanged_slots_are_noticed(path: Path) -> None:
    raw = path.read_bytes()
    assert refused(path, raw[:-16] + raw[-8:] + raw[-16:-8])


def hostile_headers(path: Path) -> Iterator[bytes]:
    """Headers that lie, and some that are not even headers."""
    header, data = parts(path)
    metadata, entries = header["__metadata__"], header["entries"]

    def changed(**fields: Any) -> bytes:
        return assemble({"__metadata__": metadata, "entries": {**entries, **fields}}, data)

    for shape in (
        [], [40], [40, 3], [2, 40], [80], [39, 2], [41, 2], [0, 2], [-40, 2], [2**32, 2], [2**63, 2], [2**64 + 40, 2],
        [40.0, 2], ["40", 2], [True, 2], [None, 2], [[40], 2], {"0": 40}, "40,2", 40, None, [40, 2, 1],
    ):  # fmt: skip
        yield changed(shape=shape)
    for offsets in ([], [0], [8, 328], [0, 319], [0, 321], [0, -320], [-8, 312], [0, 2**64 + 320], [320, 0], None, "0"):
        yield changed(data_offsets=offsets)
    for dtype in ("U64", "I32", "F32", "u32", "", None, 1, ["U32"]):
        yield changed(dtype=dtype)
    for field in ("format", "version", "fingerprint"):
        values: tuple[Any, ...] = ("", "2", None, 1, [], {}, "0" * 32)
        for value in values:
            yield assemble({**header, "__metadata__": {**metadata, field: value}}, data)
        yield assemble({**header, "__metadata__": {k: v for k, v in metadata.items() if k != field}}, data)
    for field in ("dtype", "shape", "data_offsets"):
        yield assemble({**header, "entries": {k: v for k, v in entries.items() if k != field}}, data)
    for text in (
        "", "{}", "[]", "null", "0", '"entries"', "{", "[" * 60_000, '{"a":' * 10_000, "\x00" * 100, b"\xff\xfe{}",
        b"\xff" * 100, '{"__metadata__": [], "entries": []}', '{"__metadata__": 1, "entries": 2}',
        json.dumps(header)[:-1], json.dumps(header) + "x", json.dumps([header]),
        json.dumps(header).replace("40", "1" * 5000), json.dumps(header).replace("40", "Infinity"),
        json.dumps(header).replace("40", "4e1"), json.dumps(header).replace("40", "NaN"),
    ):  # fmt: skip
        yield assemble(text, data)
    raw = path.read_bytes()
    for length in (0, 1, 7, 2**16 + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1, len(raw), len(raw) - 8):
        yield struct.pack("<Q", length) + raw[8:]
    text = json.dumps(header).encode()
    yield struct.pack("<Q", len(text)) + text + data  # not padded: the data would not be aligned


@pytest.mark.parametrize("validate", [True, False])
def test_hostile_headers_are_refused(path: Path, validate: bool) -> None:
    # Without validation a wrong fingerprint goes unnoticed, as long as it looks like one.
    files = [raw for raw in hostile_headers(path) if validate or b'"fingerprint": "0000' not in raw]
    assert all_refused(path, lambda: iter(files), validate) > 80


@pytest.mark.parametrize("repeated", ["shape", "entries"])
def test_a_header_that_says_something_twice_is_refused(path: Path, repeated: str) -> None:
    """Readers disagree on which of the two counts."""
    header, data = parts(path)
    text = json.dumps(header)
    before = {"shape": '"shape": [7, 2], "shape"', "entries": '"entries": {"dtype": "U8"}, "entries"'}[repeated]
    assert refused(path, assemble(text.replace(f'"{repeated}"', before), data))


def test_a_header_with_a_second_tensor_is_refused(path: Path) -> None:
    header, data = parts(path)
    other = {"dtype": "U32", "shape": [40, 2], "data_offsets": [0, 320]}
    assert refused(path, assemble({**header, "other": other}, data))


@pytest.mark.parametrize("alias", [40, 41, 2**31, 2**32 - 1])
@pytest.mark.parametrize("slot", [0, 17, 39])
def test_an_alias_out_of_range_is_refused_even_with_a_fitting_fingerprint(path: Path, slot: int, alias: int) -> None:
    header, data = parts(path)
    entries = np.frombuffer(data, dtype=np.uint64).copy()
    entries[slot] = int(entries[slot]) & oracle.MASK32 | alias << 32
    header["__metadata__"]["fingerprint"] = oracle.fingerprint(entries)
    path.write_bytes(assemble(header, entries.tobytes()))
    for mmap in (True, False):
        with pytest.raises(ValueError, match="alias"):
            AliasTable.load(path, mmap=mmap)


def test_a_different_table_with_its_own_fingerprint_is_accepted(path: Path) -> None:
    """What makes the refusals above mean something: the same way of writing, without the damage."""
    header, data = parts(path)
    entries = np.frombuffer(data, dtype=np.uint64).copy()
    entries[3] = 5 << 32
    header["__metadata__"]["fingerprint"] = oracle.fingerprint(entries)
    assert not refused(path, assemble(header, entries.tobytes()))


@pytest.mark.parametrize(("field", "word"), [("version", "version '2'"), ("format", "format is '2'")])
def test_files_of_another_version_or_format_are_named(path: Path, field: str, word: str) -> None:
    header, data = parts(path)
    header["__metadata__"][field] = "2"
    path.write_bytes(assemble(header, data))
    with pytest.raises(ValueError, match=word):
        AliasTable.load(path)
