"""A faster torch.multinomial."""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import problem as cuda_problem
from pysampler.cuda.generator import refuse_capture
from pysampler.inputs.numbers import check_positions, positive_count
from pysampler.inputs.weights import MAX_ITEMS, readable, to_tensor
from pysampler.keys import key_from_generator
from pysampler.sources.alias_table import AliasTable


def multinomial(
    weights: Any,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: torch.Generator | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Draws ``num_samples`` indices from each row of ``weights``: torch.multinomial, without its limit of 2^24 columns.

    With replacement, an alias table is built for each row and used once; keep an ``AliasTable`` to draw again from the
    same weights. Without, the law is that of successive sampling: each draw takes one of the items left, in
    proportion to their weights.

    Args:
        weights: Shape (N,) or (rows, N), 1 <= N < 2^32, finite and >= 0, rows need not sum to one. Tensor, array or
            sequence.
        num_samples: Draws of each row, >= 1.
        replacement: Whether an item may be drawn again.
        generator: Where the 64-bit key of this call comes from; by default torch's global generator for the device of
            ``weights``. Advances it once.
        out: An int64 tensor to write to; resized if need be.

    Returns:
        int64 tensor of shape (num_samples,) or (rows, num_samples), on the device of ``weights``. A function of the
        weights and the key: threads and processor change nothing.

    Cost: 6 to 9 ns per weight (table) and 1.4 to 8 ns per draw on one thread; without replacement about 3 ns per
    weight and 15 ns per draw. Interruptible by Ctrl-C. Of weights on a GPU, one row with replacement is drawn there,
    after waiting once for the table; matrices and draws without replacement are computed on the CPU and copied back.

    Raises:
        ValueError: Wrong shape; a row that is all zero or has a negative, NaN or infinite entry; more draws without
            replacement than positive weights. Nothing is drawn then.
        TypeError: Not numbers, or a Dataset.
        RuntimeError: Weights on a GPU while a CUDA graph is captured.
    """
    tensor = to_tensor(weights, to_cpu=False)
    if tensor.is_cuda:
        refuse_capture("multinomial, which has to look at its weights")
    if tensor.ndim not in (1, 2):
        raise ValueError(f"weights must have 1 or 2 dimensions, but their shape is {tuple(tensor.shape)}")
    count = positive_count(num_samples, "num_samples")
    columns = tensor.shape[-1]
    rows = tensor.shape[0] if tensor.ndim == 2 else 1
    if not 1 <= columns <= MAX_ITEMS:
        raise ValueError(f"weights must have between 1 and 2^32 - 1 columns, but their shape is {tuple(tensor.shape)}")
    if not isinstance(replacement, (bool, int)):
        raise TypeError(f"replacement must be a bool, but got {replacement!r}")
    if not replacement and count > columns:
        raise ValueError(f"cannot draw num_samples={count} > {columns} items without replacement")
    check_positions(rows * max(count, columns), 0, 1)
    shape = (rows, count) if tensor.ndim == 2 else (count,)
    _check_out(out, tensor.device)

    def take_key() -> int:  # once the rows have been found to be sound
        return key_from_generator(generator, tensor.device if tensor.is_cuda else None)

    on_gpu = tensor.is_cuda and tensor.ndim == 1 and bool(replacement) and cuda_problem() is None
    indices = _direct_output(out, shape, tensor.device if on_gpu else torch.device("cpu"))
    if on_gpu:
        AliasTable(tensor).draw(count, seed=take_key(), out=indices)
    elif rows > 0:
        source = readable(tensor.cpu())
        _core.multinomial_into(
            indices.data_ptr(),
            source.data_ptr(),
            rows,
            columns,
            source.dtype == torch.float64,
            tensor.ndim == 2,
            count,
            bool(replacement),
            take_key,
            torch.get_num_threads(),
        )
    if out is None:
        return indices.to(tensor.device)
    if out.data_ptr() != indices.data_ptr():
        out.resize_(shape).copy_(indices)
    return out


def _check_out(out: torch.Tensor | None, device: torch.device) -> None:
    if out is None:
        return
    if not isinstance(out, torch.Tensor) or out.dtype != torch.int64:
        raise TypeError(f"out must be an int64 tensor, but got {getattr(out, 'dtype', type(out).__name__)}")
    if out.device != device:
        raise ValueError(f"out must be on the device of weights, {device}, but is on {out.device}")


def _direct_output(out: torch.Tensor | None, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Returns ``out`` itself if it can be written to as it is, else a new tensor on ``device``."""
    if out is not None and out.device == device and out.shape == shape and out.is_contiguous():
        return out
    return torch.empty(shape, dtype=torch.int64, device=device)
