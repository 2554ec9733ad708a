"""torch.ops.pysampler.draw_dynamic: draws by weights that change, for torch.compile and CUDA graphs.

    pysampler::draw_dynamic(Tensor table, Tensor(a!) state, SymInt n, SymInt step=1, SymInt strata=0, *,
                            ScalarType? dtype=None) -> Tensor

As ``torch.ops.pysampler.draw``, from a dynamic table: ``table`` is what ``DynamicTable.as_tensor()`` returns, on the
CPU a copy, on a GPU the table's own memory. There each replay of a captured graph draws by the weights that the table
has then, so one captured step serves a whole training with updates between replays. With ``strata`` = k > 0 the draw at
position p is from share p mod k of k equal shares of the total.

While no weight is positive, draws are -1 on a GPU, which nobody waits for, and a ValueError on the CPU.
"""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import require_compiled
from pysampler.cuda.dynamic import draw_packed_into
from pysampler.inputs.memory import address_of, address_of_output
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.output import output_for
from pysampler.keys import stream_range
from pysampler.operators import check_devices, check_state, library, numbers_of

library.define(
    "draw_dynamic(Tensor table, Tensor(a!) state, SymInt n, SymInt step=1, SymInt strata=0, *, "
    "ScalarType? dtype=None) -> Tensor"
)


def _draw_on_cpu(
    table: torch.Tensor,
    state: torch.Tensor,
    n: int,
    step: int = 1,
    strata: int = 0,
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    _check(table, state, strata)
    numbers, (seed, epoch, position) = numbers_of(state)
    wanted = stream_range(n, seed, epoch, position, step)
    result = _output(table, wanted.draws, dtype)
    if wanted.draws > 0:
        wide = result if result.dtype == torch.int64 else torch.empty(wanted.draws, dtype=torch.int64, device="cpu")
        where = address_of(table, "table"), table.numel(), address_of_output(wide)
        _core.draw_packed_into(*where, *wanted, torch.get_num_threads(), strata)
        if wide[0] < 0:
            raise ValueError("there is nothing to draw: no weight is positive")
        if wide is not result:
            result.copy_(wide)
    numbers[2] = (position + wanted.draws * wanted.step) % 2**63
    return result


def _draw_on_cuda(
    table: torch.Tensor,
    state: torch.Tensor,
    n: int,
    step: int = 1,
    strata: int = 0,
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    require_compiled(table.device, "drawing by weights that change")
    _check(table, state, strata)
    wanted = stream_range(n, 0, 0, 0, step)
    result = _output(table, wanted.draws, dtype)
    if wanted.draws > 0:
        draw_packed_into(table, result, wanted, strata, state)
    return result


def _draw_of_nothing(
    table: torch.Tensor,
    state: torch.Tensor,
    n: Any,
    step: Any = 1,
    strata: Any = 0,
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """What torch.compile sees: the shape, without data."""
    check_devices(table, state)
    return table.new_empty((n,), dtype=dtype or torch.int64)


def _output(table: torch.Tensor, draws: int, dtype: torch.dtype | None) -> torch.Tensor:
    # How many items there are is in the table, at which the host does not look: at most two to a word.
    return output_for(draws, 2 * table.numel(), table.device, dtype, None)


def _check(table: torch.Tensor, state: torch.Tensor, strata: int) -> None:
    if table.dtype != torch.int64 or table.ndim != 1 or not table.is_contiguous() or table.numel() < 32:
        raise ValueError(
            "table must be what DynamicTable.as_tensor() returns, a contiguous int64 tensor, but it is "
            f"{table.dtype} of shape {tuple(table.shape)}"
        )
    check_state(state)
    check_devices(table, state)
    whole_number(strata, "strata", 0, 2**54)


library.impl("draw_dynamic", _draw_on_cpu, "CPU")
library.impl("draw_dynamic", _draw_on_cuda, "CUDA")
torch.library.register_fake("pysampler::draw_dynamic", _draw_of_nothing, lib=library)
