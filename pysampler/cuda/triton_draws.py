"""The draw in Triton, for installs without nvcc: the same integers as csrc/cuda/draw_body.h, so the same draws.

Triton compiles for the GPU at hand when a kernel is first launched; CUDA builds of torch bring it along. Tables are
built on the CPU then. Reference: P. Tillet, H. T. Kung and D. Cox, "Triton: an intermediate language and compiler for
tiled neural network computations" (MAPL 2019).
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

_BLOCKS = 512  # Philox blocks of a program: it makes twice as many draws

# Arguments that change from call to call: Triton would compile anew for 1 and for multiples of 16.
_VARYING = ["items", "seed", "epoch", "start", "step", "count"]


@triton.jit
def _philox(block, epoch, seed):  # type: ignore[no-untyped-def]
    """Returns the two 64-bit words of Philox blocks, under tag 0: csrc/core/philox.h and stream.h."""
    c0, c1 = block & 0xFFFFFFFF, block >> 32
    c2, c3 = epoch & 0xFFFFFFFF, epoch >> 32
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    c2 += tl.zeros_like(block)
    c3 += tl.zeros_like(block)
    for _ in tl.static_range(10):
        p0 = c0 * 0xD2511F53
        p1 = c2 * 0xCD9E8D57
        c0 = (p1 >> 32) ^ c1 ^ k0
        c2 = (p0 >> 32) ^ c3 ^ k1
        c1 = p1 & 0xFFFFFFFF
        c3 = p0 & 0xFFFFFFFF
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0 | c1 << 32, c2 | c3 << 32


@triton.jit
def _draw(table, items, word, mask):  # type: ignore[no-untyped-def]
    """Returns the items that words point at: csrc/core/alias_table.h."""
    scaled = (word >> 32) * items + ((word & 0xFFFFFFFF) * items >> 32)
    slot, fraction = scaled >> 32, scaled & 0xFFFFFFFF
    entry = tl.load(table + slot, mask=mask, other=0).to(tl.uint64, bitcast=True)
    return tl.where(fraction < (entry & 0xFFFFFFFF), slot, entry >> 32)


@triton.jit
def _unsigned(number):  # type: ignore[no-untyped-def]
    """A number that is not negative, or an int64, modulo 2^64."""
    return number.to(tl.uint64)


@triton.jit
def _origin(state, seed, epoch, start, from_state: tl.constexpr):  # type: ignore[no-untyped-def]
    """Returns key, epoch and first position: of a state in memory, or as given."""
    if from_state:
        seed, epoch, start = tl.load(state), tl.load(state + 1), tl.load(state + 2)
    return _unsigned(seed), _unsigned(epoch) & 0xFFFFFFFFFFFF, _unsigned(start)


@triton.jit(do_not_specialize=_VARYING)
def _draw_consecutive(  # type: ignore[no-untyped-def]
    table, items, seed, epoch, start, step, out, count, state, from_state: tl.constexpr, blocks: tl.constexpr
):
    """Both halves of each Philox block are used: positions 8 apart."""
    key, of_epoch, first = _origin(state, seed, epoch, start, from_state)
    items, count = _unsigned(items), _unsigned(count)
    nth = tl.program_id(0).to(tl.uint64) * blocks + tl.arange(0, blocks).to(tl.uint64)
    block = ((first >> 4) * 8 + nth) & 0x7FFFFFFFFFFFFFFF
    low, high = _philox(block, of_epoch, key)
    i = (nth >> 3) * 16 + (nth & 7) - (first & 15)  # in the output; before its start it has wrapped around
    mask = i < count
    tl.store(out + i, _draw(table, items, low, mask).to(out.dtype.element_ty), mask=mask)
    i += 8
    mask = i < count
    tl.store(out + i, _draw(table, items, high, mask).to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=_VARYING)
def _draw_strided(  # type: ignore[no-untyped-def]
    table, items, seed, epoch, start, step, out, count, state, from_state: tl.constexpr, blocks: tl.constexpr
):
    """A Philox block for each draw."""
    key, of_epoch, first = _origin(state, seed, epoch, start, from_state)
    items, count = _unsigned(items), _unsigned(count)
    i = tl.program_id(0).to(tl.uint64) * (2 * blocks) + tl.arange(0, 2 * blocks).to(tl.uint64)
    position = first + i * _unsigned(step)
    low, high = _philox((position >> 4) * 8 + (position & 7), of_epoch, key)
    mask = i < count
    word = tl.where((position & 8) != 0, high, low)
    tl.store(out + i, _draw(table, items, word, mask).to(out.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["by"])
def _advance(state, by):  # type: ignore[no-untyped-def]
    tl.store(state + 2, (_unsigned(tl.load(state + 2)) + _unsigned(by)).to(tl.int64, bitcast=True))


def draw_into(entries: torch.Tensor, out: torch.Tensor, wanted: tuple[int, int, int, int, int]) -> None:
    """Queues the draws (count, key, epoch, start, step): as ``pysampler._cuda.draw_into``, of tensors."""
    count, key, epoch, start, step = wanted
    _launch(entries, out, count, step, (key, epoch, start), entries, False)


def draw_from_state(entries: torch.Tensor, state: torch.Tensor, out: torch.Tensor, count: int, step: int) -> None:
    """Queues draws from where ``state`` says and moves it on: as ``pysampler._cuda.draw_from_state``, of tensors."""
    _launch(entries, out, count, step, (0, 0, 0), state, True)
    _advance[(1,)](state, count * step)


def prepare(device: torch.device) -> None:
    """Compiles and loads all kernels, so that a CUDA graph may capture their first use."""
    entries = torch.full((1,), 0xFFFFFFFF, dtype=torch.int64, device=device)  # one full slot
    state = torch.zeros(3, dtype=torch.int64, device=device)
    for dtype in (torch.int64, torch.int32):
        out = torch.empty(1, dtype=dtype, device=device)
        for step in (1, 2):
            draw_from_state(entries, state, out, 1, step)
            for far in (0, 2**31, 2**63 - 1):  # Triton passes integers by as many bits as they need
                draw_into(entries, out, (1, 2**64 - 1 if far else 0, min(far, 2**48 - 1), far, step))


def _launch(
    entries: torch.Tensor,
    out: torch.Tensor,
    count: int,
    step: int,
    origin: tuple[int, int, int],
    state: torch.Tensor,
    from_state: bool,
) -> None:
    kernel: Any = _draw_consecutive if step == 1 else _draw_strided
    draws = count + 15 if step == 1 else count  # the first positions of the first group may not be wanted
    programs = (triton.cdiv(draws, 2 * _BLOCKS),)
    kernel[programs](entries, entries.numel(), *origin, step, out, count, state, from_state, blocks=_BLOCKS)
