"""Tables built on a GPU: the CPU's, bit for bit. Skipped, with the reason, without a GPU.

What the kernels do is also tested without one: tests/cpp/test_cuda_build.cpp runs their bodies on the CPU.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from families import FAMILIES, hashed_integers

from pysampler import AliasTable
from pysampler.cuda import availability
from pysampler.sources.alias_table import entries_of

NO_CUDA = availability.problem()
pytestmark = pytest.mark.skipif(NO_CUDA is not None, reason=f"no GPU to test with: {NO_CUDA}")


def assert_same_table(weights: torch.Tensor, host: torch.Tensor | None = None) -> None:
    """Builds from weights on a GPU there, and from ``host``, by default their copy, on the CPU."""
    table = AliasTable(weights)
    assert table.device == weights.device
    expected = torch.from_numpy(entries_of(AliasTable(weights.cpu() if host is None else host)._core).copy())
    assert torch.equal(table.as_tensor().cpu(), expected.view(torch.int64))


def enough_memory(gigabytes: int) -> None:
    free, _ = torch.cuda.mem_get_info()
    if free < gigabytes * 10**9:
        pytest.skip(f"needs {gigabytes} GB of GPU memory, {free / 1e9:.0f} are free")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [1, 2, 17, 1023, 1024, 1025, 65_536, 300_001])
def test_every_family_of_weights_gives_the_cpus_table(family: str, items: int) -> None:
    weights = torch.from_numpy(FAMILIES[family](items))
    assert_same_table(weights.cuda())
    narrow = weights.float()
    if bool(narrow.isfinite().all()) and bool((narrow > 0).any()):
        assert_same_table(narrow.cuda())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("items", [10_000_019, 200_000_033])
def test_large_tables_are_the_cpus(items: int, dtype: torch.dtype) -> None:
    enough_memory(items * 30 // 10**9 + 1)
    generator = torch.Generator("cuda").manual_seed(items)
    weights = torch.rand(items, dtype=dtype, device="cuda", generator=generator)
    assert_same_table(weights)
    weights[::3] *= 1e-12  # small ones
    weights[items // 2] = 1e6  # and one that fills thousands of slots
    assert_same_table(weights)


def test_weights_need_no_alignment() -> None:
    memory = torch.rand(5003, device="cuda")
    for first in range(5):
        assert_same_table(memory[first:])


def test_weights_that_require_gradients_or_are_strided_are_read_as_they_are() -> None:
    weights = torch.rand(3000, 2, device="cuda", requires_grad=True)
    assert_same_table(weights[:, 1], weights[:, 1].detach().cpu().contiguous())


def test_denormals_count_whatever_the_cpu_flushes() -> None:
    denormal = torch.full((1000,), 2.0**-149).cuda()
    torch.set_flush_denormal(True)
    try:
        assert_same_table(denormal)
    finally:
        torch.set_flush_denormal(False)


def test_a_table_is_the_same_every_time() -> None:
    weights = torch.from_numpy(hashed_integers(3_000_001)).cuda()
    first = AliasTable(weights).as_tensor()
    for _ in range(20):
        assert torch.equal(AliasTable(weights).as_tensor(), first)


def test_weights_are_read_after_what_is_queued_on_the_current_stream() -> None:
    weights = torch.zeros(100_000, device="cuda")
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        weights += torch.arange(100_000, device="cuda")
        assert_same_table(weights, torch.arange(100_000.0))


def test_many_streams_and_threads_build_at_once() -> None:
    def build(seed: int) -> bool:
        weights = torch.from_numpy(np.random.default_rng(seed).random(50_000 + seed))
        with torch.cuda.stream(torch.cuda.Stream()):
            assert_same_table(weights.cuda(), weights)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(build, range(40)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), -1.0, -1e-45, 0.0])
@pytest.mark.parametrize("items", [1, 1000, 3_000_000])
def test_bad_weights_are_named_as_on_the_cpu(items: int, bad: float, dtype: torch.dtype) -> None:
    weights = torch.zeros(items, dtype=dtype) if bad == 0 else torch.ones(items, dtype=dtype)
    weights[[items // 3, items // 2, items - 1]] = bad
    with pytest.raises(ValueError, match=r"^weights must") as expected:
        AliasTable(weights)
    with pytest.raises(ValueError, match=r"^weights must") as found:
        AliasTable(weights.cuda())
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("shape", [(0,), (3, 2), ()])
def test_weights_of_another_shape_are_refused_as_on_the_cpu(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="weights") as expected:
        AliasTable(torch.ones(shape))
    with pytest.raises(ValueError, match="weights") as found:
        AliasTable(torch.ones(shape, device="cuda"))
    assert str(found.value) == str(expected.value)


def test_a_table_cannot_be_built_while_a_graph_is_captured() -> None:
    weights = torch.ones(1000, device="cuda")
    AliasTable(weights)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), pytest.raises(RuntimeError, match="a CUDA graph cannot hold the construction"):
        AliasTable(weights)


def test_building_leaves_no_memory_behind_but_the_table() -> None:
    weights = torch.ones(1_000_000, device="cuda")
    AliasTable(weights)
    before = torch.cuda.memory_allocated()
    table = AliasTable(weights)
    assert table.nbytes <= torch.cuda.memory_allocated() - before < 1.01 * table.nbytes
