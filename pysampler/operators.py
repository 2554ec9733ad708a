"""torch.ops.pysampler.draw: draws as a torch operator, for torch.compile and CUDA graphs.

    pysampler::draw(Tensor table, Tensor(a!) state, SymInt n, SymInt step=1, *, ScalarType? dtype=None) -> Tensor

Draws n indices from ``table`` (``AliasTable.as_tensor()``) at the positions that ``state`` says, and moves the state on
by n * step. Seed, epoch and position are data in a tensor (``stream_state``), not numbers in the graph: nothing is
compiled again when they change, and each replay of a captured graph goes on where the last one ended. For
``torch.compile(..., mode="reduce-overhead")`` the state must be a buffer of a module: of code that changes other
inputs, torch makes no graph.

On a GPU the state is not looked at by the host: an epoch is taken modulo 2^48, positions modulo 2^64, without an error.
"""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import require
from pysampler.cuda.draws import draw_from_state
from pysampler.inputs.memory import address_of, address_of_output, as_array, check_memory
from pysampler.inputs.numbers import MAX_EPOCH, epoch_number, whole_number
from pysampler.inputs.output import output_for
from pysampler.keys import seed_key, stream_range

_SCHEMA = "draw(Tensor table, Tensor(a!) state, SymInt n, SymInt step=1, *, ScalarType? dtype=None) -> Tensor"
_Library: Any = torch.library.Library  # torch gives it no types
library = _Library("pysampler", "FRAGMENT")
library.define(_SCHEMA)


def stream_state(
    seed: int, *, epoch: int = 0, position: int = 0, device: torch.device | str | None = None
) -> torch.Tensor:
    """Returns where a stream is to begin, for ``torch.ops.pysampler.draw``: int64 [seed, epoch, position].

    Seeds from 2^63 on are stored as negative numbers. To go on elsewhere, write to the tensor: ``state[1] = epoch``.

    Args:
        seed: In [-2^63, 2^64), taken modulo 2^64.
        epoch: In [0, 2^48).
        position: Of the next draw, in [0, 2^63).
        device: That of the table; the CPU by default.

    Raises:
        ValueError, TypeError: An argument out of range, or no integer.
    """
    key = seed_key(seed)
    first = whole_number(position, "position", 0, 2**63 - 1)
    numbers = [key - 2**64 if key >= 2**63 else key, epoch_number(epoch), first]
    return torch.tensor(numbers, dtype=torch.int64, device=device or "cpu")


def _draw_on_cpu(
    table: torch.Tensor, state: torch.Tensor, n: int, step: int = 1, *, dtype: torch.dtype | None = None
) -> torch.Tensor:
    _check(table, state)
    numbers, (seed, epoch, position) = numbers_of(state)
    wanted = stream_range(n, seed, epoch, position, step)
    result = output_for(wanted.draws, table.numel(), table.device, dtype, None)
    if _core.is_packed(address_of(table, "table"), table.numel()):
        raise ValueError("table is that of a DynamicTable: draw from it by torch.ops.pysampler.draw_dynamic")
    if wanted.draws > 0:
        core = _core.Table.over(as_array(table, "table").data, False, torch.get_num_threads())
        core.draw_into(address_of_output(result), *wanted, torch.get_num_threads(), result.dtype is torch.int32)
    numbers[2] = (position + wanted.draws * wanted.step) % 2**63
    return result


def _draw_on_cuda(
    table: torch.Tensor, state: torch.Tensor, n: int, step: int = 1, *, dtype: torch.dtype | None = None
) -> torch.Tensor:
    require(table.device)  # the table may have come there as a buffer of a module does
    _check(table, state)
    # Seed, epoch and position are the device's to know: to look would be to wait.
    wanted = stream_range(n, 0, 0, 0, step)
    result = output_for(wanted.draws, table.numel(), table.device, dtype, None)
    if wanted.draws > 0:
        draw_from_state(table, state, result, wanted.step)
    return result


def _draw_of_nothing(
    table: torch.Tensor, state: torch.Tensor, n: Any, step: Any = 1, *, dtype: torch.dtype | None = None
) -> torch.Tensor:
    """What torch.compile sees: the shape, without data."""
    check_devices(table, state)
    return table.new_empty((n,), dtype=dtype or torch.int64)


def numbers_of(state: torch.Tensor) -> tuple[Any, list[int]]:
    """Returns a state's numbers as an array over its memory, and as ints."""
    array = state.detach().numpy()
    numbers: list[int] = array.tolist()
    if not 0 <= numbers[1] <= MAX_EPOCH or numbers[2] < 0:
        raise ValueError(f"state must be [seed, epoch in [0, 2^48), position >= 0], but is {numbers}")
    return array, numbers


def _check(table: torch.Tensor, state: torch.Tensor) -> None:
    if table.dtype != torch.int64 or table.ndim != 1 or not table.is_contiguous() or not 1 <= table.numel() < 2**32:
        raise ValueError(
            "table must be what AliasTable.as_tensor() returns, a contiguous int64 tensor of shape (N,), but it is "
            f"{table.dtype} of shape {tuple(table.shape)}"
        )
    check_state(state)
    check_devices(table, state)


def check_state(state: torch.Tensor) -> None:
    """Raises ValueError unless this is what ``stream_state`` returns."""
    if state.dtype != torch.int64 or state.shape != (3,) or not state.is_contiguous() or state.is_neg():
        raise ValueError(
            "state must be what pysampler.stream_state returns, a contiguous int64 tensor of shape (3,), but it is "
            f"{state.dtype} of shape {tuple(state.shape)}"
        )
    check_memory(state, "state")


def check_devices(drawn_from: torch.Tensor, state: torch.Tensor, name: str = "table") -> None:
    """Raises ValueError unless both are on one device."""
    if drawn_from.device != state.device:
        raise ValueError(f"{name} and state must be on one device, but are on {drawn_from.device} and {state.device}")


library.impl("draw", _draw_on_cpu, "CPU")
library.impl("draw", _draw_on_cuda, "CUDA")
torch.library.register_fake("pysampler::draw", _draw_of_nothing, lib=library)
