"""Files of class tables: what is read is what was written, and no damage goes unnoticed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from table_bytes import assemble, parts

from pysampler import AliasTable, ClassTable

CATS = ["Siamese"] * 160 + ["Birman"] * 10
TABLES = {
    "sorted": lambda: ClassTable(CATS, [1 / 10, 1 / 160]),
    "mixed": lambda: ClassTable(CATS[::-1] + CATS, [2.0, 1.0]),
    "several labels": lambda: ClassTable([{0, 1}, {1}, set(), {2, 0}], [1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("validate", [True, False])
def test_what_is_read_is_what_was_written(kind: str, mmap: bool, validate: bool, tmp_path: Path) -> None:
    table = TABLES[kind]()
    table.save(tmp_path / "t")
    again = ClassTable.load(tmp_path / "t", mmap=mmap, validate=validate)
    assert again.fingerprint == table.fingerprint
    assert again.classes == table.classes
    assert torch.equal(again.draw(1000, seed=1), table.draw(1000, seed=1))
    assert again.with_class_weights([1.0] * len(table.classes)).contiguous == table.contiguous
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "t").read_bytes()


def test_a_mapped_table_travels_by_path(tmp_path: Path) -> None:
    TABLES["mixed"]().save(tmp_path / "t")
    table = ClassTable.load(tmp_path / "t")
    small = pickle.dumps(table)
    assert len(small) < 300
    assert pickle.loads(small).fingerprint == table.fingerprint
    reweighted = pickle.loads(pickle.dumps(table.with_class_weights([1.0, 1.0])))
    assert reweighted.class_probabilities().tolist() == pytest.approx([20 / 340, 320 / 340], abs=1e-8)
    TABLES["sorted"]().save(tmp_path / "t")
    with pytest.raises(ValueError, match="has changed"):
        pickle.loads(small)


def test_names_that_json_would_change_are_not_saved(tmp_path: Path) -> None:
    for labels in ([(0, 1), (1, 2)], [1.5, 2.5], [True, False]):
        table = ClassTable.__new__(ClassTable)
        original = ClassTable([0, 1], [1.0, 1.0])
        members = type(original._members).around(original._members.core, tuple(labels))
        table._set(members, original._core)
        with pytest.raises(ValueError, match="strings and integers"):
            table.save(tmp_path / "t")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", TABLES)
def test_every_flipped_byte_of_the_data_is_noticed(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    TABLES[kind]().save(path)
    raw = path.read_bytes()
    header, data = parts(path)
    names_begin = header["names"]["data_offsets"][0]
    for place in range(0, names_begin, 3):
        damaged = bytearray(raw)
        damaged[len(raw) - len(data) + place] ^= 0x81
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged|without items"):
            ClassTable.load(path)


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("validate", [True, False])
def test_every_flipped_bit_of_the_names_is_noticed(kind: str, validate: bool, tmp_path: Path) -> None:
    path = tmp_path / "t"
    TABLES[kind]().save(path)
    raw = path.read_bytes()
    begin, end = parts(path)[0]["names"]["data_offsets"]
    for bit in range(8 * (end - begin)):
        damaged = bytearray(raw)
        damaged[len(raw) - (end - begin) + bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="names of its classes do not match their checksum"):
            ClassTable.load(path, validate=validate)


def test_a_file_from_before_the_names_had_a_checksum_loads_unless_two_names_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t"
    table = ClassTable(["1", "2", "2"], [1.0, 2.0])
    table.save(path)
    header, data = parts(path)
    del header["__metadata__"]["names_checksum"]
    path.write_bytes(assemble(header, data))
    assert ClassTable.load(path).classes == ("1", "2")
    assert ClassTable.load(path).fingerprint == table.fingerprint
    path.write_bytes(assemble(header, data.replace(b'"2"', b'"1"')))
    with pytest.raises(ValueError, match="two classes have the same name"):
        ClassTable.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["__metadata__"].update(format="pysampler.alias_table"), "its format is"),
        (lambda h: h["__metadata__"].update(version="2"), "version '2'"),
        (lambda h: h["__metadata__"].update(fingerprint="x"), "fingerprint 'x'"),
        (lambda h: h["__metadata__"].update(fingerprint="0" * 32), "do not match its fingerprint"),
        (lambda h: h["__metadata__"].update(names_checksum="x"), "names_checksum 'x'"),
        (lambda h: h["__metadata__"].update(names_checksum="0" * 32), "do not match their checksum"),
        (lambda h: h["__metadata__"].update(items="-1"), "items '-1'"),
        (lambda h: h["__metadata__"].update(items="9999999999"), "items"),
        (lambda h: h["__metadata__"].update(items="339"), "outside of the items"),
        (lambda h: h["__metadata__"].update(more="x"), "tensors"),
        (lambda h: h.pop("names"), "tensors"),
        (lambda h: h.pop("members"), "described as"),
        (lambda h: h["entries"].update(shape=[1, 2]), "described as"),
        (lambda h: h["entries"].update(shape=[True, 2]), "classes of True"),
        (lambda h: h["entries"].update(shape=[]), "damaged"),
        (lambda h: h["members"].update(shape=[2**40]), "members of"),
        (lambda h: h["members"].update(dtype="I32"), "described as"),
        (lambda h: h["ranges"].update(data_offsets=[0, 16]), "described as"),
        (lambda h: h.update(names=7), "damaged"),
    ],
)
def test_wrong_headers_are_named(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    TABLES["mixed"]().save(path)
    header, data = parts(path)
    change(header)
    path.write_bytes(assemble(header, data))
    with pytest.raises(ValueError, match=message):
        ClassTable.load(path)


def test_truncated_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t"
    TABLES["mixed"]().save(path)
    raw = path.read_bytes()
    for kept in (*range(0, len(raw), 61), len(raw) - 1):
        path.write_bytes(raw[:kept])
        with pytest.raises(ValueError, match=r"is no file of a class table|damaged"):
            ClassTable.load(path)
    path.write_bytes(raw + b"x")
    with pytest.raises(ValueError, match="expected"):
        ClassTable.load(path)
    header, data = parts(path)
    del header["__metadata__"]["names_checksum"]
    for names in (b"[1]", b'["a", 2.5]', b"{}", b"\xff\xff"):
        own = json.loads(json.dumps(header))
        begin = own["names"]["data_offsets"][0]
        own["names"].update(shape=[len(names)], data_offsets=[begin, begin + len(names)])
        path.write_bytes(assemble(own, data[:begin] + names))
        with pytest.raises(ValueError, match="damaged"):
            ClassTable.load(path)
    AliasTable([1.0, 2.0]).save(path)
    with pytest.raises(ValueError, match=r"its format is 'pysampler\.alias_table'"):
        ClassTable.load(path)
    path.write_bytes(assemble("{}", b""))
    with pytest.raises(ValueError, match="its header is not that"):
        ClassTable.load(path)
    TABLES["mixed"]().save(path)
    with pytest.raises(ValueError, match="no table file"):
        AliasTable.load(path)
