"""The Python around the kernels for rows, where there is no GPU: the CPU stands in for the device and for its kernels.

What the kernels do is tested in tests/cpp/test_cuda_rows.cpp, and on a GPU in test_cuda_rows.py.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import pysampler
from pysampler import _core, multinomial, rows_operator, stream_state
from pysampler.cuda import rows as cuda_rows
from pysampler.cuda.rows import draw_rows

draw: Any = torch.ops.pysampler.multinomial


class StandInRows:
    """``pysampler._cuda.Rows`` on the CPU's memory."""

    def __init__(self, weights: int, rows: int, columns: int, is_float64: bool, way: str) -> None:
        self.arguments, self.way = (weights, rows, columns, is_float64), way
        self.table_entries = rows * columns if way == "tables" else 0
        self.scratch_bytes = 64
        self.looked = False

    def use(self, tables: int, scratch: int) -> None:
        assert scratch

    def check(self, is_matrix: bool, device: Any, stream: int) -> tuple[int, str]:
        self.looked = True
        try:
            self._draw(torch.empty(self.arguments[1], 1, dtype=torch.int64), 1, True, (0, 0, 0), is_matrix)
        except ValueError as error:
            text = str(error)
            return (int(text[8 : text.index("]")]) if is_matrix else 0), text
        return -1, ""

    def prepare(self, device: Any, stream: int) -> None:
        self.looked = True

    def draw_into(self, out: int, draws: int, seed: int, state: int, device: Any, stream: int) -> None:
        assert self.looked
        drawn = torch.empty(self.arguments[1], draws, dtype=torch.int64)
        self._draw(drawn, draws, True, self._start(seed, state), True)
        ctypes.memmove(out, drawn.data_ptr(), drawn.nbytes)

    def race_into(self, keys: int, seed: int, state: int, device: Any, stream: int) -> None:
        """Keys in whose order the CPU draws all items."""
        assert self.looked
        _, rows, columns, _ = self.arguments
        drawn = torch.empty(rows, columns, dtype=torch.int64)
        self._draw(drawn, columns, False, self._start(seed, state), True)
        ranks = torch.empty_like(drawn).scatter_(1, drawn, torch.arange(columns).expand(rows, columns))
        ctypes.memmove(keys, ranks.data_ptr(), ranks.nbytes)

    def _start(self, seed: int, state: int) -> tuple[int, int, int]:
        if not state:
            return seed, 0, 0
        key, epoch, position = (ctypes.c_int64 * 3).from_address(state)
        return key % 2**64, epoch, position

    def _draw(self, out: torch.Tensor, draws: int, replacement: bool, start: Any, is_matrix: bool) -> None:
        where = (out.data_ptr(), False, *self.arguments)
        _core.multinomial_into(*where, is_matrix, draws, replacement, lambda: start, 1)


class StandInKernels:
    Rows = StandInRows

    def advance_state(self, state: int, by: int, device: Any, stream: int) -> None:
        (ctypes.c_int64 * 3).from_address(state)[2] += by


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
        assert all(tensor.device == device for tensor in read)
        yield 77

    monkeypatch.setattr(pysampler, "_cuda", StandInKernels(), raising=False)
    monkeypatch.setattr(cuda_rows, "queue_on", queue_on)
    monkeypatch.setattr(rows_operator, "require_compiled", lambda device, what: device)


def matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(columns)) + 0.01


@pytest.mark.parametrize(
    ("rows", "columns", "draws", "replacement"),
    [(7, 10, 1, False), (7, 10, 3, True), (3, 2000, 5, True), (3, 100, 90, True), (4, 50, 20, False), (0, 5, 2, True)],
)
def test_each_way_gives_the_cpus_draws(rows: int, columns: int, draws: int, replacement: bool) -> None:
    weights = matrix(rows, columns)
    out = torch.empty(rows, draws, dtype=torch.int64)
    draw_rows(weights, draws, replacement, lambda: 5, out, True)
    assert torch.equal(out, draw(weights, stream_state(5), draws, replacement))
    ours, theirs = stream_state(5, epoch=1, position=9), stream_state(5, epoch=1, position=9)
    found = rows_operator._rows_on_cuda(weights, ours, draws, replacement)
    assert torch.equal(found, draw(weights, theirs, draws, replacement))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("few", [1, 5])
def test_the_first_bad_row_is_named_as_on_the_cpu_and_takes_no_key(replacement: bool, few: int) -> None:
    """Rows with too few positive weights are the torch part's to find, bad ones the kernels'."""
    weights = matrix(7, 10)
    weights[few, 1:] = 0
    weights[3, 2] = -1.0
    with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
        multinomial(weights, 3, replacement)

    def no_key() -> int:
        raise AssertionError("a key was taken")

    with pytest.raises(ValueError) as found:  # noqa: PT011
        draw_rows(weights, 3, replacement, no_key, torch.empty(7, 3, dtype=torch.int64), True)
    assert str(found.value) == str(expected.value)


def test_items_that_do_not_run_are_no_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def race_into(self: StandInRows, keys: int, *where: Any) -> None:
        wanted = torch.tensor([[4, 2, 0x7FF8 << 48], [7, 7, 1]])
        ctypes.memmove(keys, wanted.data_ptr(), wanted.nbytes)

    monkeypatch.setattr(StandInRows, "race_into", race_into)
    found = rows_operator._rows_on_cuda(matrix(2, 3), stream_state(0), 3, False)
    assert found.tolist() == [[1, 0, -1], [2, 0, 1]]  # ties by index
