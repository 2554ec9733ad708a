"""torch.ops.pysampler.multinomial, softmax_weights: draws from rows, for torch.compile and CUDA graphs.

    pysampler::multinomial(Tensor weights, Tensor(a!) state, SymInt num_samples, bool replacement=False) -> Tensor
    pysampler::softmax_weights(Tensor logits) -> Tensor

Draws from each row of float32 or float64 weights of shape (N,) or (rows, N): with the state ``stream_state(key)``, what
``pysampler.multinomial`` gives for that key. It moves the state on by rows * num_samples or, for several draws without
replacement, by rows * N; so each replay of a captured graph draws on.

On a GPU nothing is looked at by the host: the draws of a row that is no distribution, and those beyond its positive
weights without replacement, are -1 there. On the CPU they are a ValueError.

``softmax_weights`` makes weights of float32 or float64 logits of the same shapes: float64, e^(logit - largest of its
row), computed alike on every processor and device, where torch's softmax may differ in its last bits, and draws with
it. Logits of -inf and those more than 708 below the largest weigh nothing.
"""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import require_compiled
from pysampler.cuda.rows import RowsOnGpu, softmax_into
from pysampler.inputs.memory import address_of
from pysampler.inputs.numbers import MAX_COUNT, check_positions, whole_number
from pysampler.operators import check_devices, check_state, library, numbers_of

library.define("softmax_weights(Tensor logits) -> Tensor")
library.define("multinomial(Tensor weights, Tensor(a!) state, SymInt num_samples, bool replacement=False) -> Tensor")


def _rows_on_cpu(
    weights: torch.Tensor, state: torch.Tensor, num_samples: int, replacement: bool = False
) -> torch.Tensor:
    matrix, draws = _check_rows(weights, state, num_samples, replacement)
    numbers, (seed, epoch, position) = numbers_of(state)
    used = _positions_used(matrix, draws, replacement)
    check_positions(used, position, 1)
    out = torch.empty((*weights.shape[:-1], draws), dtype=torch.int64, device="cpu")
    if len(matrix):
        _core.multinomial_into(
            address_of(out),
            True,
            address_of(matrix, "weights"),
            matrix.shape[0],
            matrix.shape[1],
            matrix.dtype == torch.float64,
            weights.ndim == 2,
            draws,
            replacement,
            lambda: (seed % 2**64, epoch, position),
            torch.get_num_threads(),
        )
    numbers[2] = (position + used) % 2**63
    return out


def _rows_on_cuda(
    weights: torch.Tensor, state: torch.Tensor, num_samples: int, replacement: bool = False
) -> torch.Tensor:
    matrix, draws = _check_rows(weights, state, num_samples, replacement)
    require_compiled(weights.device, "drawing from rows")
    out = torch.empty((*weights.shape[:-1], draws), dtype=torch.int64, device=weights.device)
    if len(matrix):
        rows = RowsOnGpu(matrix, draws, replacement)
        rows.prepare()
        rows.draw_into(out.view(len(matrix), draws), 0, state)
    return out


def _rows_of_nothing(weights: torch.Tensor, state: torch.Tensor, num_samples: Any, replacement: bool = False) -> Any:
    check_devices(weights, state, "weights")
    return weights.new_empty((*weights.shape[:-1], num_samples), dtype=torch.int64)


def _check_rows(
    weights: torch.Tensor, state: torch.Tensor, num_samples: int, replacement: bool
) -> tuple[torch.Tensor, int]:
    """Returns the weights as a matrix, and how many draws are wanted of each row."""
    matrix = _as_matrix(weights, "weights")
    check_state(state)
    check_devices(weights, state, "weights")
    draws, columns = whole_number(num_samples, "num_samples", 1, MAX_COUNT), weights.shape[-1]
    if not replacement and draws > columns:
        raise ValueError(f"cannot draw num_samples={draws} > {columns} items without replacement")
    return matrix, draws


def _as_matrix(rows: torch.Tensor, name: str) -> torch.Tensor:
    if rows.dtype not in (torch.float32, torch.float64) or rows.ndim not in (1, 2) or not rows.shape[-1]:
        raise ValueError(
            f"{name} must be float32 or float64 of shape (N,) or (rows, N), N >= 1, but are {rows.dtype} of shape "
            f"{tuple(rows.shape)}"
        )
    return rows.detach().contiguous().view(-1, rows.shape[-1])


def _positions_used(matrix: torch.Tensor, draws: int, replacement: bool) -> int:
    rows, columns = matrix.shape
    return rows * (columns if _core.multinomial_way(columns, draws, replacement) == "race" else draws)


def _softmax_on_cpu(logits: torch.Tensor) -> torch.Tensor:
    matrix = _as_matrix(logits, "logits")
    out = torch.empty(logits.shape, dtype=torch.float64, device="cpu")
    if len(matrix):
        rows, columns = matrix.shape
        is_float64, threads = matrix.dtype == torch.float64, torch.get_num_threads()
        _core.softmax_into(address_of(out), address_of(matrix, "logits"), rows, columns, is_float64, threads)
    return out


def _softmax_on_cuda(logits: torch.Tensor) -> torch.Tensor:
    matrix = _as_matrix(logits, "logits")
    require_compiled(logits.device, "drawing from rows")
    out = torch.empty(logits.shape, dtype=torch.float64, device=logits.device)
    if len(matrix):
        softmax_into(out, matrix)
    return out


def _softmax_of_nothing(logits: torch.Tensor) -> torch.Tensor:
    return logits.new_empty(logits.shape, dtype=torch.float64)


library.impl("softmax_weights", _softmax_on_cpu, "CPU")
library.impl("softmax_weights", _softmax_on_cuda, "CUDA")
torch.library.register_fake("pysampler::softmax_weights", _softmax_of_nothing, lib=library)
library.impl("multinomial", _rows_on_cpu, "CPU")
library.impl("multinomial", _rows_on_cuda, "CUDA")
torch.library.register_fake("pysampler::multinomial", _rows_of_nothing, lib=library)
