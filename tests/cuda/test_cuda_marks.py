"""The Python around the kernels that mark, run where there is no GPU: the CPU stands in for the device and for them.

What the kernels do is tested in tests/cpp/test_cuda_marks.cpp, and on a GPU in tests/cuda/test_cuda_gpu_marks.py.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import pysampler
from pysampler.cuda import marks as cuda_marks
from pysampler.cuda.marks import CudaMarks


class StandInKernels:
    """What pysampler._cuda offers, on the CPU's memory."""

    def mark(
        self,
        indices: int,
        count: int,
        is_int64: bool,
        words: int,
        counts: int,
        items: int,
        scratch: int,
        device: int | None,
        stream: int,
    ) -> None:
        assert (device, stream) == (None, 77)
        ctypes.memset(scratch, 0xA5, 16)
        found = array_at(indices, count, np.int64 if is_int64 else np.int32)
        bits = array_at(words, -(-items // 64), np.uint64)
        for index in found.tolist():
            bits[index // 64] |= np.uint64(1 << index % 64)
            if counts != 0:
                array_at(counts, items, np.uint32)[index] += 1

    def count_bits(self, bitmap: int, other: int, words: int, scratch: int, device: int | None, stream: int) -> int:
        assert (device, stream) == (None, 77)
        ctypes.memset(scratch, 0xA5, 8)
        both = array_at(bitmap, words, np.uint64) | (0 if other == 0 else array_at(other, words, np.uint64))
        return int(np.unpackbits(both.view(np.uint8)).sum())


def array_at(address: int, count: int, dtype: Any) -> np.ndarray[Any, Any]:
    memory = (ctypes.c_char * (count * np.dtype(dtype).itemsize)).from_address(address)
    return np.frombuffer(memory, dtype)


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
        assert all(tensor.device == device for tensor in read)
        yield 77

    monkeypatch.setattr(pysampler, "_cuda", StandInKernels(), raising=False)
    monkeypatch.setattr(cuda_marks, "queue_on", queue_on)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(cuda_marks, "require_compiled", lambda device, what: torch.device("cpu"))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_indices_of_any_shape_and_stride_reach_the_kernel(dtype: torch.dtype) -> None:
    marks = CudaMarks(100, counts=True)
    marks.mark(torch.tensor([[1, 5, 99], [5, 64, 5]], dtype=dtype).t())
    marks.mark(torch.arange(0, 20, dtype=dtype)[::10])
    marks.mark(torch.empty(0, dtype=dtype))
    assert marks.counts is not None
    assert marks.counts.tolist() == [{0: 1, 1: 1, 5: 3, 10: 1, 64: 1, 99: 1}.get(item, 0) for item in range(100)]
    assert marks.words.tolist() == [1 << 0 | 1 << 1 | 1 << 5 | 1 << 10, 1 << 0 | 1 << 35]
    assert marks.unique() == 6


def test_without_counts_there_is_no_memory_for_them() -> None:
    marks = CudaMarks(65)
    marks.mark(torch.tensor([64]))
    assert marks.counts is None
    assert marks.words.tolist() == [0, 1]


def test_counts_beyond_what_is_counted_read_as_the_most_that_is() -> None:
    """As threads that count one item at the same time leave it; what a state holds stays of 16 bits."""
    marks = CudaMarks(4, counts=True)
    marks.mark(torch.tensor([0] * 65_534 + [1] * 65_535 + [2] * 70_000))
    assert marks.counts is not None
    assert marks.counts.dtype == torch.uint16
    assert marks.counts.tolist() == [65_534, 65_535, 65_535, 0]


def test_a_union_takes_both_bitmaps() -> None:
    first, second = CudaMarks(200), CudaMarks(200)
    first.mark(torch.arange(0, 60))
    second.mark(torch.arange(40, 100))
    assert first.unique(second) == 100
    with pytest.raises(ValueError, match="marks of 200 items on cpu cannot be united with marks of 201 items"):
        first.unique(CudaMarks(201))


@pytest.mark.parametrize("items", [0, -1, 1.5, True, "a"])
def test_a_wrong_number_of_items_is_refused(items: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^items must be"):
        CudaMarks(items)


@pytest.mark.parametrize("indices", [torch.ones(3), torch.ones(3, dtype=torch.bool), [1, 2], 3, None])
def test_what_are_no_indices_is_refused(indices: Any) -> None:
    marks = CudaMarks(5)
    with pytest.raises(TypeError, match=r"^indices must be a tensor of int64 or int32, but got "):
        marks.mark(indices)
    assert marks.unique() == 0


def test_indices_elsewhere_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^indices must be on cpu, as the marks are, but are on meta"):
        CudaMarks(5).mark(torch.empty(3, dtype=torch.int64, device="meta"))


def test_nothing_is_marked_inside_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = CudaMarks(5)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    for work in (lambda: marks.mark(torch.tensor([1])), marks.unique):
        with pytest.raises(RuntimeError, match="a CUDA graph cannot hold"):
            work()
    assert marks.words.tolist() == [0]
