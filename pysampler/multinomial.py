"""A faster torch.multinomial."""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import draws_by_triton, require
from pysampler.cuda.availability import problem as cuda_problem
from pysampler.cuda.generator import refuse_capture
from pysampler.cuda.rows import draw_rows
from pysampler.inputs.memory import address_of, check_dense, is_aligned
from pysampler.inputs.numbers import check_positions, positive_count
from pysampler.inputs.output import new_like_indices, new_output
from pysampler.inputs.shown import shown
from pysampler.inputs.weights import MAX_ITEMS, readable, to_tensor
from pysampler.keys import key_from_generator, word_of_keys

_READ_AS_THEY_ARE = (torch.float32, torch.float64)


def multinomial(
    weights: Any = None,
    num_samples: int | None = None,
    replacement: bool = False,
    *,
    generator: torch.Generator | None = None,
    out: torch.Tensor | None = None,
    input: Any = None,
    logits: torch.Tensor | None = None,
) -> torch.Tensor:
    """Draws ``num_samples`` indices from each row of ``weights``: torch.multinomial without its limit of 2^24 columns.

    With replacement, the law is that of an ``AliasTable`` of the row, exactly; a table is made only where draws are
    many for the columns. Keep an ``AliasTable`` to draw again from the same weights. Without, the law is that of
    successive sampling: each draw takes one of the items left, in proportion to their weights. One draw is the same
    in both.

    Args:
        weights: Shape (N,) or (rows, N), 1 <= N < 2^32, finite and >= 0, rows need not sum to one. Tensor, array or
            sequence.
        num_samples: Draws of each row, >= 1.
        replacement: Whether an item may be drawn again.
        generator: Where the 64-bit key of this call comes from; by default torch's global generator for the device of
            ``weights``. Advances it once.
        out: An int64 tensor to write to; resized if need be.
        input: torch's name for ``weights``, for calls that pass them by keyword.
        logits: Instead of weights, their logarithms, up to a constant for each row: -inf weighs nothing. Float tensor
            of the same shapes. The exponentials are our own, the same bits on every processor and device.

    Returns:
        int64 tensor of shape (num_samples,) or (rows, num_samples), on the device of ``weights``. A function of the
        weights and the key: threads and processor change nothing.

    Cost, on one thread: some microseconds a call; with replacement 0.2 to 0.4 ns a weight and 0.1 to 0.7 us a draw
    while draws are few, 20 ns a row of ten weights, 6 to 9 ns a weight and 1.4 to 8 ns a draw where they are many;
    without, about 3 ns a weight and 15 ns a draw. Interruptible by Ctrl-C. Weights on a GPU are drawn
    from there, after waiting once to hear that all rows are sound, with the same indices for the same key
    (where pysampler was compiled without CUDA: on the CPU, and copied back). Inside torch.compile and CUDA graphs use
    ``torch.ops.pysampler.multinomial``, which waits for nothing.

    Raises:
        ValueError: Wrong shape; a row that is all zero or has a negative, NaN or infinite entry; more draws without
            replacement than positive weights. Nothing is drawn then.
            An ``out`` that cannot be resized or written to.
        TypeError: Not numbers, or a Dataset; weights given twice; another kind of ``out``.
        MemoryError: No memory for the draws.
        RuntimeError: Weights on a GPU while a CUDA graph is captured.
    """
    if generator is None and out is None and input is None and logits is None:
        indices = _draw_at_once(weights, num_samples, replacement)
        if indices is not None:
            return indices
    tensor = _real_numbers(_given(weights, input, logits))
    on_cuda = tensor.is_cuda
    if on_cuda:
        refuse_capture("multinomial, which has to look at its weights")
    shape = tensor.shape
    rows, columns = _rows_and_columns(shape)
    count = positive_count(num_samples, "num_samples")
    _check_draws(rows, columns, count, replacement)
    drawn_shape = (rows, count) if len(shape) == 2 else (count,)
    if out is not None:
        _check_out(out, tensor.device)

    def take_key() -> int:  # once the rows have been found to be sound
        return key_from_generator(generator, tensor.device if on_cuda else None)

    on_gpu = on_cuda and cuda_problem() is None and not draws_by_triton()
    indices = _direct_output(out, drawn_shape, tensor.device if on_gpu else _CPU)
    if on_gpu:
        matrix = readable(tensor).reshape(rows, columns)
        require(tensor.device)
        draw_rows(matrix, count, bool(replacement), take_key, indices, len(shape) == 2)
    elif rows > 0:
        source = tensor if tensor.is_cpu and _is_readable(tensor) else readable(tensor.cpu())
        _core.multinomial_into(
            address_of(indices, "out"),
            indices is not out,
            address_of(source, "weights"),
            rows,
            columns,
            source.dtype is torch.float64,
            len(shape) == 2,
            count,
            bool(replacement),
            take_key,
            torch.get_num_threads(),
        )
    if out is None:
        return indices.to(tensor.device) if on_cuda else indices
    if out is not indices:
        _write(out, indices)
    return out


_CPU = torch.device("cpu")


# multinomial(weights, num_samples, replacement) of the usual arguments, in the one call that small draws can afford.
# None if any is unusual, or wrong: the errors are told by ``multinomial``.
_draw_at_once = _core.make_multinomial_at_once(
    torch.Tensor, torch.float32, torch.float64, new_like_indices(), word_of_keys, torch.get_num_threads
)


def _given(weights: Any, input: Any, logits: torch.Tensor | None) -> Any:
    """Returns the weights, by whichever name they came."""
    if input is not None:
        if weights is not None:
            raise TypeError("weights are given twice, by position or as weights= and as input=")
        weights = input
    if logits is None:
        return weights
    if weights is not None:
        raise TypeError("give weights or logits=, not both")
    return _exponentials(logits)


def _exponentials(logits: Any) -> torch.Tensor:
    """Weights of logits, on their device. ValueError where a row has none."""
    if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
        kind = f"dtype {logits.dtype}" if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise TypeError(f"logits must be a tensor of floats, but got {kind}")
    check_dense(logits, "logits")
    _rows_and_columns(logits.shape, "logits")
    source = readable(logits)
    if source.is_cuda and (cuda_problem() is not None or draws_by_triton()):
        source = source.cpu()
    weights: torch.Tensor = torch.ops.pysampler.softmax_weights(source)
    sums = weights.sum(-1).reshape(-1)
    if bool(sums.isnan().any()):
        row = int(sums.isnan().nonzero()[0])
        name = f"logits[{row}]" if logits.ndim == 2 else "logits"
        raise ValueError(
            f"{name} must be finite or -inf, and not all -inf, but is {logits.reshape(-1, logits.shape[-1])[row]}"
        )
    return weights.to(logits.device)


def _real_numbers(weights: Any) -> torch.Tensor:
    """``weights`` as a tensor on whatever device; the usual tensor at once, because small calls cost little else."""
    if (
        type(weights) is torch.Tensor
        and weights.is_cpu
        and weights.dtype in _READ_AS_THEY_ARE
        and weights.layout is torch.strided
        and not weights.is_nested
        and not weights.is_neg()
    ):
        return weights
    return to_tensor(weights, to_cpu=False)


def _rows_and_columns(shape: torch.Size, name: str = "weights") -> tuple[int, int]:
    if len(shape) not in (1, 2):
        raise ValueError(f"{name} must have 1 or 2 dimensions, but their shape is {tuple(shape)}")
    columns = shape[-1]
    if not 1 <= columns <= MAX_ITEMS:
        raise ValueError(f"{name} must have between 1 and 2^32 - 1 columns, but their shape is {tuple(shape)}")
    return (shape[0] if len(shape) == 2 else 1), columns


def _check_draws(rows: int, columns: int, count: int, replacement: Any) -> None:
    if not isinstance(replacement, (bool, int)):
        raise TypeError(f"replacement must be a bool, but got {shown(replacement)}")
    if not replacement and count > columns:
        raise ValueError(f"cannot draw num_samples={count} > {columns} items without replacement")
    check_positions(rows * max(count, columns), 0, 1)


def _is_readable(tensor: torch.Tensor) -> bool:
    return tensor.dtype in _READ_AS_THEY_ARE and tensor.is_contiguous() and (not tensor.numel() or _begins_well(tensor))


def _begins_well(tensor: torch.Tensor) -> bool:
    try:
        return is_aligned(tensor)
    except (RuntimeError, NotImplementedError):  # inside vmap and grad, which address_of tells of
        return True


def _check_out(out: torch.Tensor, device: torch.device) -> None:
    if not isinstance(out, torch.Tensor) or out.dtype != torch.int64 or out.is_nested or out.layout != torch.strided:
        kind = getattr(out, "dtype", type(out).__name__)
        layout = f", {out.layout}" if isinstance(out, torch.Tensor) and out.layout != torch.strided else ""
        raise TypeError(f"out must be an int64 tensor, but got {kind}{layout}")
    if out.device != device:
        raise ValueError(f"out must be on the device of weights, {device}, but is on {out.device}")


def _direct_output(out: torch.Tensor | None, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Returns ``out`` itself if it can be written to as it is, else a new tensor on ``device``."""
    if out is not None and out.device == device and out.shape == shape and out.is_contiguous() and not out.is_neg():
        return out
    return new_output(shape, torch.int64, device)


def _write(out: torch.Tensor, indices: torch.Tensor) -> None:
    try:
        out.resize_(indices.shape).copy_(indices)
    except RuntimeError as error:
        raise ValueError(f"out cannot be written to, or not resized to {tuple(indices.shape)}: {error}") from None
