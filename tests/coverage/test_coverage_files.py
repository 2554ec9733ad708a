"""Trackers in checkpoints and files: they come back as they were, or a ValueError says why not."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from optional import require
from processes import in_child
from table_bytes import assemble, parts

from pysampler import AliasTable, CoverageTracker


def used_tracker(items: int = 70, **options: Any) -> CoverageTracker:
    tracker = CoverageTracker(items, **options)
    tracker.update([0, 3, 3, 69])
    tracker.new_epoch()
    tracker.update([1, 3])
    return tracker


def contents(tracker: CoverageTracker) -> list[Any]:
    return [value.tolist() if isinstance(value, torch.Tensor) else value for value in tracker.state_dict().values()]


OPTIONS = [{}, {"counts": True}, {"epochs": False}, {"counts": True, "epochs": False}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_saved_tracker_comes_back_and_goes_on(options: dict[str, bool], tmp_path: Path) -> None:
    tracker = used_tracker(**options)
    tracker.save(tmp_path / "coverage")
    loaded = CoverageTracker.load(tmp_path / "coverage", labels=["x"] * 70)
    assert contents(loaded) == contents(tracker)
    for each in (tracker, loaded):
        each.update([5, 5])
        each.new_epoch()
        each.update([69])
    assert contents(loaded) == contents(tracker)
    assert loaded.class_coverage().unique.tolist() == [tracker.unique] == [5]
    assert (loaded.epoch, loaded.draws, loaded.draws_this_epoch) == (2, 9, 1)
    loaded.save(tmp_path / "coverage")  # over the old one
    assert CoverageTracker.load(tmp_path / "coverage").epoch == 2
    assert [path.name for path in tmp_path.iterdir()] == ["coverage"]


def test_a_state_of_older_versions_whose_counts_are_uint16_loads() -> None:
    tracker = used_tracker(counts=True)
    state = tracker.state_dict()
    counts = state["counts"].numpy().view(np.uint16)
    counts[:2] = 40_000, 65_535  # more than int16 holds
    older = {**state, "counts": torch.from_numpy(counts.copy())}
    older.pop("checksum", None)  # which they did not have
    assert older["counts"].dtype == torch.uint16
    loaded = CoverageTracker(70, counts=True)
    loaded.load_state_dict(older)
    assert loaded.counts[:5].tolist() == [40_000, 65_535, 0, 3, 0]
    assert loaded.draws == tracker.draws
    assert torch.equal(loaded.state_dict()["counts"], state["counts"])  # what is written now, of the same bits


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_state_survives_torch_save_and_is_a_copy(options: dict[str, bool], tmp_path: Path) -> None:
    tracker = used_tracker(**options)
    torch.save(tracker.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    other = CoverageTracker(70, **options)
    other.update([50])  # is forgotten
    other.load_state_dict(state)
    assert contents(other) == contents(tracker)
    state["seen"].zero_()
    tracker.state_dict()["seen"].zero_()
    assert contents(other) == contents(tracker)
    assert tracker.unique == 4


def test_a_state_that_knows_more_fits_a_tracker_that_keeps_less() -> None:
    state = used_tracker(counts=True).state_dict()
    tracker = CoverageTracker(70, epochs=False)
    tracker.load_state_dict(state)
    assert tracker.unique == 4
    assert tracker.unseen_items()[:3].tolist() == [2, 4, 5]


def test_any_safetensors_reader_opens_the_file(tmp_path: Path) -> None:
    used_tracker(counts=True).save(tmp_path / "coverage")
    tensors = require("safetensors.numpy").load_file(tmp_path / "coverage")
    assert tensors["counts"].tolist() == used_tracker(counts=True).counts.tolist()
    marked = np.unpackbits(tensors["seen"].view(np.uint8), bitorder="little")
    assert np.flatnonzero(marked).tolist() == [0, 1, 3, 69]
    marked = np.unpackbits(tensors["seen_this_epoch"].view(np.uint8), bitorder="little")
    assert np.flatnonzero(marked).tolist() == [1, 3]


def changed(**entries: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda state: {**state, **entries}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(version=2), "version 2"),
        (changed(version=None), "version None"),
        (changed(num_items=69), "beyond the last"),
        (changed(num_items=71), r"counts must have shape \(71,\)"),
        (changed(num_items=71, counts=None, checksum=None), "num_items=70, but the other 71"),
        (changed(num_items=200), r"seen must have shape \(4,\)"),
        (changed(num_items=0), "at least 1"),
        (changed(draws=-1), "draws must be"),
        (changed(draws=1), "draws in all"),
        (changed(epoch=-1), "epoch must be"),
        (changed(seen=torch.zeros(2)), "seen must be a tensor of torch.int64"),
        (changed(seen=[0, 0]), "seen must be a tensor of torch.int64, but is list"),
        (changed(seen=torch.zeros(3, dtype=torch.int64)), "shape"),
        (changed(seen=torch.zeros(2, dtype=torch.int64)), "lacks items of this epoch"),
        (changed(seen=torch.tensor([-1, -1])), "beyond the last"),
        (changed(seen_this_epoch=None, checksum=None), "keeps epochs"),
        (changed(seen_this_epoch=torch.zeros(1, 2, dtype=torch.int64)), "shape"),
        (changed(counts=None, checksum=None), "keeps counts"),
        (changed(counts=torch.zeros(70, dtype=torch.int16)), "counts and seen do not belong together"),
        (changed(counts=torch.ones(70, dtype=torch.int16)), "counts and seen do not belong together"),
        (changed(draws=10**6), "the state is damaged: its checksum is [0-9a-f]{32}, expected '[0-9a-f]{32}'"),
        (changed(epoch=7), "the state is damaged"),
        (changed(checksum="0" * 32), "the state is damaged"),
        (changed(checksum=7), "the state is damaged: .* expected 7"),
        (changed(counts=torch.zeros(70, dtype=torch.int32)), "counts must be a tensor of torch.int16"),
        (changed(counts=torch.zeros(69, dtype=torch.int16)), "counts must have shape"),
        (lambda state: {key: value for key, value in state.items() if key != "counts"}, "'counts' is missing"),
        (lambda state: {}, "'version' is missing"),
        (lambda state: [], "no state of a CoverageTracker"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change: Any, message: str) -> None:
    tracker = used_tracker(counts=True)
    before = contents(tracker)
    with pytest.raises(ValueError, match=message):
        tracker.load_state_dict(change(tracker.state_dict()))
    assert contents(tracker) == before


def test_any_bit_of_a_state_and_of_a_pickle_counts() -> None:
    """Unless it is of an older version, which wrote no checksum."""
    tracker = used_tracker(counts=True)
    for name in ("seen", "seen_this_epoch", "counts"):
        for bit in (0, 3, 7):
            state = tracker.state_dict()
            state[name].view(torch.uint8)[1] ^= 1 << bit
            with pytest.raises(ValueError, match=r"damaged|together"):
                tracker.load_state_dict(state)
    make, (state, labels, checksum) = tracker.__reduce__()
    state.counts[3] ^= 4
    with pytest.raises(ValueError, match="the state is damaged"):
        make(state, labels, checksum)
    older = tracker.state_dict()
    del older["checksum"]
    tracker.load_state_dict(older)
    assert contents(make(CoverageTracker(70)._state(), None)) == contents(CoverageTracker(70))


def test_counts_and_marks_are_compared_over_the_whole_length() -> None:
    tracker = CoverageTracker(2**22 + 100, counts=True)
    tracker.update(torch.arange(0, 2**22 + 100, 7))
    state = {**tracker.state_dict(), "checksum": None}
    tracker.load_state_dict(state)
    state["counts"][2**22 + 95] ^= 1
    with pytest.raises(ValueError, match="do not belong together"):
        tracker.load_state_dict(state)


def test_a_pickle_in_memory_that_must_not_be_written_to_is_copied() -> None:
    """As Ray's object store gives it."""
    buffers: list[Any] = []
    raw = pickle.dumps(used_tracker(counts=True), protocol=5, buffer_callback=buffers.append)
    frozen = [bytes(buffer.raw()) for buffer in buffers]
    assert len(frozen) == 3
    tracker = pickle.loads(raw, buffers=frozen)
    tracker.update(range(70))
    assert (tracker.unique, tracker.unique_this_epoch) == (70, 70)
    assert contents(pickle.loads(raw, buffers=frozen)) == contents(used_tracker(counts=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "the-coverage-file"
    used_tracker(counts=True).save(path)
    return path


def all_refused(path: Path, files: Callable[[], Iterator[bytes]]) -> int:
    """Loads each file in a child process. Returns how many were tried; asserts that each is refused by name."""

    def work() -> tuple[int, list[bytes]]:
        tried, accepted = 0, []
        for raw in files():
            path.write_bytes(raw)
            tried += 1
            try:
                CoverageTracker.load(path)
            except ValueError as error:
                if path.name in str(error):
                    continue
            accepted.append(raw[:300])
        return tried, accepted

    tried, accepted = in_child(work)
    assert not accepted, f"{len(accepted)} of {tried} were accepted, the first {accepted[0]!r}"
    return int(tried)


def test_a_file_of_any_other_length_or_with_any_bit_flipped_is_refused(path: Path) -> None:
    raw = path.read_bytes()

    def files() -> Iterator[bytes]:
        yield from (raw[:length] for length in range(len(raw)))
        yield from (raw + bytes(extra) for extra in (1, 8, 4096))
        for bit in range(8 * len(raw)):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            yield bytes(flipped)

    assert all_refused(path, files) == 9 * len(raw) + 3


def resealed(header: dict[str, Any], data: bytes) -> bytes:
    """A file whose checksum fits, computed from the description of the format."""
    names = ("num_items", "epoch", "draws", "draws_this_epoch")
    numbers = repr([int(header["__metadata__"][name]) for name in names]).encode()
    header["__metadata__"]["checksum"] = hashlib.blake2b(numbers + data, digest_size=16).hexdigest()
    return assemble(header, data)


def test_hostile_headers_are_refused(path: Path) -> None:
    header, data = parts(path)

    def files() -> Iterator[bytes]:
        for name in ("format", "version", "checksum", "num_items", "epoch", "draws", "draws_this_epoch"):
            for value in ("", "2", "-1", " 7", "1e3", "9" * 19, "x", None, 70, [], {}):
                if header["__metadata__"][name] != value:
                    yield assemble({**header, "__metadata__": {**header["__metadata__"], name: value}}, data)
            left = {key: value for key, value in header["__metadata__"].items() if key != name}
            yield assemble({**header, "__metadata__": left}, data)
        for tensor in ("seen", "seen_this_epoch", "counts"):
            yield assemble({key: value for key, value in header.items() if key != tensor}, data)
            for field, value in (
                ("dtype", "I64"), ("dtype", None), ("shape", [1]), ("shape", [2, 1]), ("shape", [2**62]), ("shape", []),
                ("data_offsets", [0, 0]), ("data_offsets", [-8, 8]), ("data_offsets", None), ("more", 1),
            ):  # fmt: skip
                yield assemble({**header, tensor: {**header[tensor], field: value}}, data)
            yield assemble({**header, tensor: None}, data)
        yield assemble({**header, "other": header["seen"]}, data)
        for text in ("", "{}", "[]", "null", "1", "{", '{"__metadata__": []}', '{"a":' * 5000, json.dumps([header])):
            yield assemble(text, data)
        for length in (0, 1, 2**16 + 1, 2**63, 2**64 - 1):
            yield struct.pack("<Q", length) + path.read_bytes()[8:]

    assert all_refused(path, files) > 100


def test_contents_that_no_tracker_has_are_refused_even_with_a_fitting_checksum(path: Path) -> None:
    header, data = parts(path)
    words = np.frombuffer(data[:32], np.uint64)

    def with_words(*changes: tuple[int, int]) -> bytes:
        new = words.copy()
        for place, value in changes:
            new[place] = value
        return new.tobytes() + data[32:]

    def files() -> Iterator[bytes]:
        yield resealed(header, with_words((1, 2**6 | int(words[1]))))  # item 70 of 70
        yield resealed(header, with_words((2, 2**5 | int(words[2]))))  # this epoch's 5 is not among all
        yield resealed({**header, "__metadata__": {**header["__metadata__"], "draws": "1"}}, data)
        yield resealed(header, with_words((0, 2**5 | int(words[0]))))  # item 5 is marked, and counted never

    assert all_refused(path, files) == 4
    counted = bytearray(data)
    counted[32 + 2 * 5] = 1
    path.write_bytes(
        resealed(header, with_words((0, 2**5 | int(words[0])))[:32] + bytes(counted[32:]))
    )  # without damage
    assert CoverageTracker.load(path).unique == 5


def test_other_files_are_told_apart(path: Path) -> None:
    AliasTable([1.0, 2.0]).save(path)
    with pytest.raises(ValueError, match="is no coverage file"):
        CoverageTracker.load(path)
    used_tracker().save(path)
    with pytest.raises(ValueError, match="is no table file"):
        AliasTable.load(path)
    with pytest.raises(FileNotFoundError):
        CoverageTracker.load(path.with_name("absent"))
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="no safetensors header"):
        CoverageTracker.load(path)
    used_tracker().save(path)
    with pytest.raises(ValueError, match="one entry per item"):
        CoverageTracker.load(path, labels=[1, 2])


def test_a_failed_save_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        used_tracker().save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
