"""The draw in Triton: interpreted on the CPU, compiled for GPUs, chosen where pysampler has no compiled kernels."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from optional import require

from pysampler import AliasTable, operators, stream_state
from pysampler.cuda import availability
from pysampler.cuda import draws as cuda_draws
from pysampler.cuda import marks as cuda_marks
from pysampler.cuda import table as cuda_table
from pysampler.cuda.table import CudaEntries

require("triton")


def in_a_process(code: str, **environment: str) -> None:
    """Triton decides between interpreter and compiler when its kernels are defined."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_interpreted_draws_are_the_cpus_bit_for_bit() -> None:
    in_a_process(
        """
import itertools, os, torch
from pysampler import AliasTable
from pysampler.cuda import triton_draws
dtypes = (torch.int64, torch.int32)
case = 0
for items in (1, 2, 7, 1000):
    weights = torch.rand(items, generator=torch.Generator().manual_seed(items)) + (torch.arange(items) % 3 == 0)
    table = AliasTable(weights)
    for count, seed, epoch, start, step in itertools.product(
        (1, 17, 1500), (0, 2**64 - 1), (0, 2**48 - 1), (0, 5, 2**31 - 3, 2**62 + 9), (1, 3)
    ):
        case += 1  # each by one of the types, in turn over all the others: an interpreted draw takes long
        for dtype in dtypes if "PYSAMPLER_LONG" in os.environ else (dtypes[case.bit_count() % 2],):
            out = torch.empty(count, dtype=dtype)
            triton_draws.draw_into(table.as_tensor(), out, (count, seed, epoch, start, step))
            expected = table.draw(count, seed=seed, epoch=epoch, start=start, step=step, dtype=dtype)
            assert torch.equal(out, expected), (items, count, seed, epoch, start, step)
""",
        TRITON_INTERPRET="1",
    )


def test_interpreted_draws_from_a_state_move_it_on() -> None:
    in_a_process(
        """
import torch
from pysampler import AliasTable, stream_state
from pysampler.cuda import triton_draws
table = AliasTable(torch.arange(1, 100))
for step in (1, 5):
    state = stream_state(seed=2**64 - 5, epoch=3, position=11)
    out = torch.empty(70, dtype=torch.int64)
    triton_draws.draw_from_state(table.as_tensor(), state, out, 70, step)
    assert torch.equal(out, table.draw(70, seed=2**64 - 5, epoch=3, start=11, step=step))
    assert state.tolist() == [-5, 3, 11 + 70 * step]
triton_draws.prepare(torch.device("cpu"))  # every kernel, with every kind of argument
""",
        TRITON_INTERPRET="1",
    )


@pytest.mark.parametrize("capability", [80, 90])
def test_the_kernels_compile_for_a_gpu_that_is_not_here(capability: int) -> None:
    in_a_process(
        f"""
import itertools
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from pysampler.cuda import triton_draws
for kernel in (triton_draws._draw_consecutive, triton_draws._draw_strided):
    for whole, out, from_state in itertools.product(("i32", "u64"), ("*i64", "*i32"), (False, True)):
        types = dict(table="*i64", items="i32", seed=whole, epoch="i64", start="i64", step="i32", out=out, count="i64")
        types |= dict(state="*i64", from_state="constexpr", blocks="constexpr")
        source = ASTSource(fn=kernel, signature=types, constexprs=dict(from_state=from_state, blocks=512))
        compiled = triton.compile(source, target=GPUTarget("cuda", {capability}, 32))
        assert len(compiled.asm["cubin"]) > 1000
"""
    )


class InterpretedKernels:
    """Stands in for the module of Triton kernels, whose interpreter cannot be switched on in this process."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def draw_into(self, entries: torch.Tensor, out: torch.Tensor, wanted: tuple[int, ...]) -> None:
        self.called.append("draw_into")
        count, key, epoch, start, step = wanted
        out.copy_(host.draw(count, seed=key, epoch=epoch, start=start, step=step))

    def draw_from_state(self, entries: torch.Tensor, state: torch.Tensor, out: torch.Tensor, n: int, step: int) -> None:
        self.called.append("draw_from_state")
        key, epoch, start = state.tolist()
        out.copy_(host.draw(n, seed=key, epoch=epoch, start=start, step=step))


host = AliasTable(torch.arange(1, 50))


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> InterpretedKernels:
    kernels = InterpretedKernels()

    @contextlib.contextmanager
    def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
        yield 77

    for module in (availability, cuda_draws, cuda_table):
        monkeypatch.setattr(module, "draws_by_triton", lambda: True)
    monkeypatch.setattr(cuda_draws, "queue_on", queue_on)
    monkeypatch.setattr(cuda_table, "require", lambda device: torch.device("cpu"))
    monkeypatch.setattr(operators, "require", lambda device: None)
    monkeypatch.setitem(sys.modules, "pysampler.cuda.triton_draws", kernels)  # type: ignore[arg-type]
    monkeypatch.setattr(importlib.import_module("pysampler.cuda"), "triton_draws", kernels, raising=False)
    return kernels


def test_triton_draws_where_there_are_no_compiled_kernels(chosen: InterpretedKernels) -> None:
    table = host.to("cuda")
    assert torch.equal(table.draw(30, seed=4, start=2), host.draw(30, seed=4, start=2))
    state = stream_state(seed=4, position=2)
    drawn: Any = operators._draw_on_cuda(table.as_tensor(), state, 30)
    assert torch.equal(drawn, host.draw(30, seed=4, start=2))
    assert chosen.called == ["draw_into", "draw_from_state"]


def test_tables_are_built_on_the_cpu_then(chosen: InterpretedKernels) -> None:
    built = CudaEntries.build(torch.arange(1, 50, dtype=torch.float32))
    assert torch.equal(built.entries, host.as_tensor())


def test_what_triton_does_not_do_says_what_it_needs(chosen: InterpretedKernels) -> None:
    with pytest.raises(RuntimeError, match="marking on a GPU needs pysampler's compiled CUDA kernels, which are "):
        cuda_marks.CudaMarks(100, "cuda")


def test_triton_is_chosen_only_without_compiled_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    choose = availability.draws_by_triton.__wrapped__
    monkeypatch.setattr(availability, "import_problem", lambda: None)
    assert not choose()
    monkeypatch.setattr(availability, "import_problem", lambda: "not built: there is no nvcc")
    assert choose()
    monkeypatch.setattr(availability.importlib.util, "find_spec", lambda name: None)
    assert not choose()
