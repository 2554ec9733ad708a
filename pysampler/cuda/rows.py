"""Draws from the rows of a matrix of weights on a GPU: the CPU's multinomial, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import torch

from pysampler import _core
from pysampler.cuda.place import queue_on
from pysampler.inputs.memory import address_of, address_of_output

_DOES_NOT_RUN = 0x7FF8 << 48  # keys of a race from here on are of items that are never drawn
_NO_DRAW = -1


class RowsOnGpu:
    """A matrix that is drawn from once, and what is worked out of it on the way.

    Args:
        weights: Contiguous float32 or float64 of shape (rows, columns), at least one each, on a CUDA device that is
            ready (``availability.require``).
        draws: Of each row.
        replacement: Whether an item may come again within a row. One draw is the same with and without.

    Cost: some 300 bytes of the device's memory a row and 50 for each 1024 weights; besides 18 bytes a weight where
    tables are made, 24 in a race, which sorts all weights of a row.
    """

    def __init__(self, weights: torch.Tensor, draws: int, replacement: bool) -> None:
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        self._weights, self._draws = weights, draws
        self._rows, self._columns = weights.shape
        self._way = _core.multinomial_way(self._columns, draws, replacement)
        self._device = weights.device
        self._core = _cuda.Rows(
            address_of(weights, "weights"), self._rows, self._columns, weights.dtype == torch.float64, self._way
        )
        self._tables = torch.empty(self._core.table_entries, dtype=torch.int64, device=self._device)
        self._scratch = torch.empty(self._core.scratch_bytes, dtype=torch.uint8, device=self._device)
        self._core.use(address_of_output(self._tables), address_of_output(self._scratch))

    def check(self, is_matrix: bool) -> None:
        """Looks at all rows and waits for what there is to say.

        Raises:
            ValueError: A row is no distribution, or has fewer positive weights than draws without replacement: the
                first such row, in the CPU's words.
        """
        with queue_on(self._device, self._weights) as stream:
            bad, problem = self._core.check(is_matrix, self._device.index, stream)
        sound = self._rows if bad < 0 else bad
        if self._way == "race":
            self._check_enough(sound, is_matrix)
        if bad >= 0:
            raise ValueError(problem)

    def _check_enough(self, rows: int, is_matrix: bool) -> None:
        positive = (self._weights[:rows] > 0).sum(1)
        short = (positive < self._draws).nonzero()
        if len(short):
            row = int(short[0])
            name = f"weights[{row}]" if is_matrix else "weights"
            raise ValueError(
                f"cannot draw num_samples={self._draws} without replacement: {name} has {int(positive[row])} positive "
                "entries"
            )

    def prepare(self) -> None:
        """Looks at all rows, and waits for nothing: of rows that are no distribution, draws will be -1."""
        with queue_on(self._device, self._weights) as stream:
            self._core.prepare(self._device.index, stream)

    def draw_into(self, out: torch.Tensor, key: int, state: torch.Tensor | None = None) -> None:
        """Queues the draws, after ``check`` or ``prepare``.

        Args:
            out: int64 of shape (rows, draws), contiguous, on the same device.
            key: The 64-bit key of the stream, of epoch 0 and from position 0 on; unless there is a state.
            state: What ``stream_state`` returns, on the same device. It is moved on.
        """
        from pysampler import _cuda  # noqa: PLC0415 - may be missing

        at = 0 if state is None else address_of(state, "state")
        kept = (self._weights, self._tables, self._scratch, out) if state is None else (self._weights, out, state)
        with queue_on(self._device, *kept) as stream:
            if self._way == "race":
                self._race_into(out, key, at, stream)
            else:
                self._core.draw_into(address_of_output(out), self._draws, key, at, self._device.index, stream)
            if state is not None:
                used = self._columns if self._way == "race" else self._draws
                _cuda.advance_state(at, self._rows * used, self._device.index, stream)

    def _race_into(self, out: torch.Tensor, key: int, at: int, stream: int) -> None:
        keys = torch.empty((self._rows, self._columns), dtype=torch.int64, device=self._device)
        self._core.race_into(address_of_output(keys), key, at, self._device.index, stream)
        arrivals, items = keys.sort(dim=1, stable=True)  # ties by index
        first = items[:, : self._draws]
        out.copy_(first.masked_fill_(arrivals[:, : self._draws] >= _DOES_NOT_RUN, _NO_DRAW))


def draw_rows(
    weights: torch.Tensor,
    draws: int,
    replacement: bool,
    take_key: Callable[[], int],
    out: torch.Tensor,
    is_matrix: bool,
) -> None:
    """Draws from each row, once all have been found to be sound; waits for that.

    Args:
        weights: See ``RowsOnGpu``; there may be no rows.
        draws: Of each row.
        replacement: Whether an item may come again within a row.
        take_key: Returns the key of the call.
        out: Contiguous int64 of rows * draws entries.
        is_matrix: Whether errors shall name rows.

    Raises:
        ValueError: See ``RowsOnGpu.check``.
    """
    if len(weights) == 0:
        return
    rows = RowsOnGpu(weights, draws, replacement)
    rows.check(is_matrix)
    rows.draw_into(out.view(len(weights), draws), take_key())


def softmax_into(out: torch.Tensor, logits: torch.Tensor) -> None:
    """Queues the weights of logits: ``out`` float64, ``logits`` of shape (rows, columns), contiguous, on one device."""
    from pysampler import _cuda  # noqa: PLC0415 - may be missing

    rows, columns = logits.shape
    with queue_on(logits.device, logits, out) as stream:
        is_float64 = logits.dtype == torch.float64
        at, logits_at = address_of_output(out), address_of(logits, "logits")
        _cuda.softmax_into(at, logits_at, rows, columns, is_float64, logits.device.index, stream)
