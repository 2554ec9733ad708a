"""Table files: what is saved comes back, and any reader can read it. Damage: test_damaged_files.py."""

from __future__ import annotations

import os
import pickle
import stat
import struct
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import oracle
import pytest
import torch
from families import FAMILIES, hashed_integers
from optional import require
from table_bytes import assemble, parts

from pysampler import AliasTable

WEIGHTS = hashed_integers(40)
ways = pytest.mark.parametrize(("mmap", "validate"), [(True, True), (True, False), (False, True), (False, False)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a table."""
    path = tmp_path / "weights.table"
    AliasTable(WEIGHTS).save(path)
    return path


# ---- what is saved comes back -------------------------------------------------------------------


@ways
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_saved_comes_back(tmp_path: Path, family: str, mmap: bool, validate: bool) -> None:
    for items in (1, 2, 5003):
        table = AliasTable(FAMILIES[family](items))
        table.save(tmp_path / "table")
        again = AliasTable.load(tmp_path / "table", mmap=mmap, validate=validate)
        assert len(again) == items
        assert again.fingerprint == table.fingerprint
        assert again.nbytes == table.nbytes
        assert np.array_equal(oracle.entries_of(again), oracle.entries_of(table))
        assert torch.equal(again.draw(100, seed=1), table.draw(100, seed=1))
        assert torch.equal(again.probabilities(), table.probabilities())


def test_paths_may_be_strings_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = AliasTable(WEIGHTS)
    monkeypatch.chdir(tmp_path)
    table.save("one")
    table.save(str(tmp_path / "two"))
    again = AliasTable.load("one")
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(again)).fingerprint == table.fingerprint
    assert AliasTable.load(str(tmp_path / "two")).fingerprint == table.fingerprint


def test_the_format_can_be_read_by_hand(path: Path) -> None:
    table = AliasTable(WEIGHTS)
    header, data = parts(path)
    assert header == {
        "__metadata__": {"format": "pysampler.alias_table", "version": "1", "fingerprint": table.fingerprint},
        "entries": {"dtype": "U32", "shape": [40, 2], "data_offsets": [0, 320]},
    }
    assert np.array_equal(np.frombuffer(data, dtype="<u8"), oracle.entries_of(table))
    assert (path.stat().st_size - 320) % 64 == 0


def test_the_safetensors_package_reads_the_format(path: Path) -> None:
    safetensors = require("safetensors")
    with safetensors.safe_open(str(path), framework="numpy") as file:
        entries = file.get_tensor("entries")
        assert file.metadata()["fingerprint"] == AliasTable(WEIGHTS).fingerprint
    assert entries.dtype == np.uint32
    assert np.array_equal(entries.reshape(-1), oracle.entries_of(AliasTable(WEIGHTS)).view(np.uint32))


def test_saving_is_deterministic_and_leaves_no_other_file(path: Path) -> None:
    first = path.read_bytes()
    AliasTable.load(path).save(path)  # onto itself, while it is mapped
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_saved_files_have_the_permissions_of_new_files(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    AliasTable(WEIGHTS).save(tmp_path / "table")
    assert stat.S_IMODE((tmp_path / "table").stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_saving_respects_the_umask_and_leaves_it_alone(
    tmp_path: Path, mask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            # Whoever sets it, if only for a moment, does so for all threads.
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask was set"))
            AliasTable(WEIGHTS).save(tmp_path / "table")
    finally:
        assert os.umask(before) == mask
    assert stat.S_IMODE((tmp_path / "table").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("length", [246, 247, 254, 255])
def test_a_name_as_long_as_the_system_allows_can_be_saved(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("n" * length)
    AliasTable(WEIGHTS).save(path)
    assert AliasTable.load(path).fingerprint == AliasTable(WEIGHTS).fingerprint
    assert os.listdir(tmp_path) == [path.name]


def test_a_mapped_table_outlives_its_file_being_overwritten_or_removed(path: Path) -> None:
    table = AliasTable(WEIGHTS)
    mapped = AliasTable.load(path)
    AliasTable(np.ones(7)).save(path)
    assert torch.equal(mapped.draw(1000, seed=1), table.draw(1000, seed=1))
    assert len(AliasTable.load(path)) == 7
    path.unlink()
    assert torch.equal(mapped.draw(1000, seed=2), table.draw(1000, seed=2))


def test_an_unmapped_table_has_no_tie_to_its_file(path: Path) -> None:
    table = AliasTable.load(path, mmap=False)
    raw = bytearray(path.read_bytes())
    raw[-64:] = bytes(64)
    path.write_bytes(raw)
    assert table.draw(1000, seed=1).tolist() == AliasTable(WEIGHTS).draw(1000, seed=1).tolist()
    assert pickle.loads(pickle.dumps(table)).fingerprint == table.fingerprint


def test_loading_a_trusted_file_reads_nothing_of_its_data(tmp_path: Path) -> None:
    """34 GB that exist in name only: whoever read them would take minutes."""
    table = AliasTable.load(sparse_file(tmp_path, 2**32 - 1), validate=False)
    assert len(table) == 2**32 - 1
    assert table.draw(100, seed=0).tolist() == [0] * 100  # empty slots lead to item 0


def sparse_file(folder: Path, items: int) -> Path:
    """A file of ``items`` empty slots that takes no space."""
    header = {
        "__metadata__": {"format": "pysampler.alias_table", "version": "1", "fingerprint": "0" * 32},
        "entries": {"dtype": "U32", "shape": [items, 2], "data_offsets": [0, 8 * items]},
    }
    path = folder / f"{items}.table"
    path.write_bytes(assemble(header, b""))
    os.truncate(path, path.stat().st_size + 8 * items)
    return path


@pytest.mark.parametrize("items", [2**31 - 1, 2**31 + 9, 2**32 - 1])
@pytest.mark.parametrize("step", [1, 3])
def test_draws_are_right_up_to_the_largest_table(tmp_path: Path, items: int, step: int) -> None:
    """Only the slots that are drawn from are written. Indices beyond 2^31 must not turn negative."""
    path = sparse_file(tmp_path, items)
    data_start = path.stat().st_size - 8 * items
    words = oracle.word(5, 1, np.arange(0, 200 * step, step, dtype=np.uint64))
    points = oracle.scaled(words, items)
    slots, fractions = points >> 32, points & oracle.MASK32
    takes_slot = np.arange(200) % 2 == 0
    with path.open("r+b") as file:
        for slot, fraction, own in zip(slots.tolist(), fractions.tolist(), takes_slot.tolist(), strict=True):
            file.seek(data_start + 8 * slot)
            file.write(struct.pack("<II", fraction + own, items - 1 - slot))
    table = AliasTable.load(path, validate=False)
    expected = np.where(takes_slot, slots, items - 1 - slots).astype(np.int64)
    assert int(expected.max()) > items * 0.9
    assert table.draw(200, seed=5, epoch=1, step=step).tolist() == expected.tolist()
    if step == 1:
        out = torch.empty(200, dtype=torch.int64)
        assert table._core.draw_evaluated(out.data_ptr(), 200, 5, 1, 0, 1, 1, False, "partitioned") == "partitioned"
        assert out.tolist() == expected.tolist()


# ---- pickling -----------------------------------------------------------------------------------


def test_a_mapped_table_is_pickled_as_its_path(tmp_path: Path) -> None:
    table = AliasTable(hashed_integers(100_000))
    table.save(tmp_path / "table")
    mapped = AliasTable.load(tmp_path / "table")
    pickled = pickle.dumps(mapped)
    assert len(pickled) < 1000
    assert torch.equal(pickle.loads(pickled).draw(100, seed=1), table.draw(100, seed=1))
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(AliasTable.draw, (mapped, 100), {"seed": 1}).tolist() == table.draw(100, seed=1).tolist()
    assert len(pickle.dumps(table)) > 800_000


def test_unpickling_notices_that_the_file_has_changed(path: Path) -> None:
    pickled = pickle.dumps(AliasTable.load(path))
    AliasTable(WEIGHTS[::-1]).save(path)
    with pytest.raises(ValueError, match="changed"):
        pickle.loads(pickled)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickled)


# ---- paths --------------------------------------------------------------------------------------


@ways
def test_what_is_no_readable_file_is_an_error(tmp_path: Path, mmap: bool, validate: bool) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    for name in ("missing", "missing/table", "file/table", "."):
        with pytest.raises(OSError, match=name.split("/", maxsplit=1)[0]):
            AliasTable.load(tmp_path / name, mmap=mmap, validate=validate)
    for device in ("/dev/null", "/dev/zero"):
        with pytest.raises(ValueError, match="table file"):
            AliasTable.load(device, mmap=mmap, validate=validate)


def test_saving_where_nothing_can_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    for name in ("missing/table", "file/table", "folder"):
        with pytest.raises(OSError, match=name.split("/", maxsplit=1)[0]):
            AliasTable(WEIGHTS).save(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"x"
