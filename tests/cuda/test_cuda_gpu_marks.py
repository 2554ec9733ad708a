"""Marks on a GPU: those of a plain loop. Skipped, with the reason, without a GPU.

What the kernels do is also tested without one: tests/cpp/test_cuda_marks.cpp runs their bodies on the CPU.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from pysampler import AliasTable
from pysampler.cuda import availability
from pysampler.cuda.marks import CudaMarks

NO_CUDA = availability.problem()
pytestmark = pytest.mark.skipif(NO_CUDA is not None, reason=f"no GPU to test with: {NO_CUDA}")


def assert_marked(marks: CudaMarks, indices: torch.Tensor) -> None:
    times = np.bincount(indices.cpu().numpy().ravel(), minlength=marks.items)
    bits = np.unpackbits(marks.words.cpu().numpy().view(np.uint8), bitorder="little")[: marks.items]
    assert np.array_equal(bits, times > 0)
    assert marks.unique() == np.count_nonzero(times)
    if marks.counts is not None:
        assert np.array_equal(marks.counts.view(torch.int16).cpu().numpy().view(np.uint16), np.minimum(times, 65535))


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("items", [1, 2, 63, 64, 65, 100_003])
def test_marks_and_counts_are_those_of_a_plain_count(items: int, dtype: torch.dtype, counts: bool) -> None:
    generator = torch.Generator("cuda").manual_seed(items)
    marks = CudaMarks(items, counts=counts)
    parts = [
        torch.randint(items, (count,), dtype=dtype, device="cuda", generator=generator)
        for count in (0, 1, 999, 300_000)
    ]
    for part in parts:
        marks.mark(part)
    assert_marked(marks, torch.cat(parts))


def test_draws_are_marked_where_they_are_drawn() -> None:
    table = AliasTable(torch.rand(1_000_000)).to("cuda")
    drawn = table.draw(5_000_000, seed=1)
    marks = CudaMarks(len(table), counts=True)
    marks.mark(drawn.view(5000, 1000).t())  # any shape and strides
    assert_marked(marks, drawn)


def test_one_item_drawn_by_all_threads_is_counted_as_often_as_it_came() -> None:
    marks = CudaMarks(7, counts=True)
    total = 0
    for more in (60_000, 6_000, 3_000_000):  # below what is counted, a little beyond it, far beyond
        marks.mark(torch.full((more,), 3, device="cuda"))
        total += more
        assert_marked(marks, torch.full((total,), 3))
        assert marks.counts is not None
        assert marks.counts.view(torch.int16)[[2, 4]].tolist() == [0, 0]  # nothing carried into the neighbours


def test_counting_one_item_takes_no_longer_for_being_one() -> None:
    """By no clock: counting beyond the most that is counted ends, which k^2 / 2 steps of 50 million would not."""
    marks = CudaMarks(3, counts=True)
    marks.mark(torch.ones(50_000_000, dtype=torch.int32, device="cuda"))
    assert marks.counts is not None
    assert marks.counts.view(torch.int16).tolist() == [0, -1, 0]


@pytest.mark.parametrize("wrong", [-1, 100, 2**40, -(2**63)])
def test_the_first_wrong_index_is_named_and_nothing_is_marked(wrong: int) -> None:
    marks = CudaMarks(100, counts=True)
    indices = torch.randint(100, (1_000_000,), device="cuda")
    indices[[700_001, 700_002, 999_999]] = wrong
    with pytest.raises(IndexError) as found:
        marks.mark(indices)
    assert str(found.value) == f"indices must lie in [0, 100), but indices[700001] is {wrong}"
    assert_marked(marks, torch.empty(0, dtype=torch.int64))


def test_other_arguments_are_refused_with_the_reason() -> None:
    marks = CudaMarks(100)
    with pytest.raises(TypeError, match="int64 or int32, but got torch"):
        marks.mark(torch.ones(3, device="cuda"))
    with pytest.raises(TypeError, match="but got list"):
        marks.mark([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="are on cpu"):
        marks.mark(torch.tensor([1]))
    with pytest.raises(ValueError, match="101 items"):
        marks.unique(CudaMarks(101))
    with pytest.raises(ValueError, match="items"):
        CudaMarks(0)


def test_a_union_counts_each_item_once() -> None:
    first, second = CudaMarks(1000), CudaMarks(1000)
    first.mark(torch.arange(0, 600, device="cuda"))
    second.mark(torch.arange(400, 900, device="cuda"))
    assert first.unique(second) == 900
    assert (first.unique(), second.unique()) == (600, 500)


def test_threads_mark_and_count_the_same_marks_at_once() -> None:
    marks = CudaMarks(100_000, counts=True)

    def work(number: int) -> bool:
        with torch.cuda.stream(torch.cuda.Stream()):
            marks.mark(torch.arange(number * 1000, (number + 1) * 1000, device="cuda"))
            assert marks.unique() >= 1000
            with pytest.raises(IndexError, match=r"but indices\[999\] is 100000"):
                marks.mark(torch.arange(99_001, 100_001, device="cuda"))
        return True

    torch.cuda.synchronize()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(50)))
    assert_marked(marks, torch.arange(50_000))
