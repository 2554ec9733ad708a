"""An alias table in a GPU's memory."""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.cuda.availability import require
from pysampler.cuda.build import build_entries
from pysampler.cuda.place import queue_on
from pysampler.inputs.output import output_for
from pysampler.inputs.weights import check_shape, readable, to_tensor
from pysampler.keys import stream_range
from pysampler.sources.alias_table import AliasTable, entries_of

_COPIED_AT_A_TIME = 1 << 24  # entries


class CudaAliasTable(AliasTable):
    """An ``AliasTable`` on a CUDA device: the same draws, bit for bit, made there.

    Got from ``AliasTable(weights).to("cuda")``, or from ``AliasTable`` and weights on a GPU: these are read where they
    are, and the table is built there.

    What has to read the whole table on the CPU (samplers, ``probabilities``, ``fingerprint``, ``save``, pickling) takes
    a copy of it there first, once, and keeps it.
    """

    def __init__(self, weights: torch.Tensor) -> None:
        tensor = to_tensor(weights, to_cpu=False)
        check_shape(tensor)
        require(tensor.device)
        self._take(build_entries(readable(tensor)), None)

    @staticmethod
    def _from_core(core: _core.Table, device: torch.device | str, fingerprint: str | None) -> CudaAliasTable:
        table = object.__new__(CudaAliasTable)
        table._take(_to_device(core, require(device)), fingerprint)
        return table

    def _take(self, entries: torch.Tensor, fingerprint: str | None) -> None:
        self._entries = entries
        self._on_cpu: _core.Table | None = None
        self._file = None
        self._fingerprint = fingerprint
        self._log_probabilities = None

    @property
    def _core(self) -> _core.Table:  # type: ignore[override]
        if self._on_cpu is None:
            self._on_cpu = _core.Table.over(self._entries.cpu().numpy().data, True, torch.get_num_threads())
        return self._on_cpu

    @property
    def device(self) -> torch.device:
        """Where the table is and draws."""
        return self._entries.device

    def __len__(self) -> int:
        return self._entries.numel()

    def __repr__(self) -> str:
        return f"AliasTable({len(self)} items, device='{self.device}')"

    def draw(
        self,
        n: int,
        *,
        seed: int,
        epoch: int = 0,
        start: int = 0,
        step: int = 1,
        dtype: torch.dtype | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """As ``AliasTable.draw``, queued on torch's current stream of the table's device; waits for nothing.

        While a CUDA graph is captured, seed and positions are recorded as they are: each replay draws the same. Use
        ``torch.ops.pysampler.draw`` for draws that go on. The table must live as long as such a graph.
        """
        wanted = stream_range(n, seed, epoch, start, step)
        result = output_for(wanted.draws, len(self), self.device, dtype, out)
        if wanted.draws > 0:
            from pysampler import _cuda  # noqa: PLC0415 - may be missing

            with queue_on(self.device, self._entries, result) as stream:
                _cuda.draw_into(
                    self._entries.data_ptr(),
                    len(self),
                    result.data_ptr(),
                    result.dtype == torch.int32,
                    *wanted,
                    self.device.index,
                    stream,
                )
        return result

    def as_tensor(self) -> torch.Tensor:
        """Returns the table itself, int64 (N,), for ``torch.ops.pysampler.draw``. It must not be written to."""
        return self._entries

    def to(self, device: torch.device | str) -> AliasTable:
        """Returns the table on ``device``: itself if it is there already. To the CPU: waits for the copy.

        As with tensors, "cuda" without a number is torch's current device.
        """
        target = torch.device(device)
        if target.type == "cpu":
            return AliasTable._around(self._core, None, self._fingerprint)
        place = require(target)
        return self if place == self.device else CudaAliasTable._from_core(self._core, place, self._fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_bytes, (bytes(self._core), str(self.device), self._fingerprint)


def _to_device(core: _core.Table, device: torch.device) -> torch.Tensor:
    """Copies a table to a device, some 100 MB at a time, and waits for the last of it: any stream may read it then."""
    source = entries_of(core)
    entries = torch.empty(len(source), dtype=torch.int64, device=device)
    for begin in range(0, len(source), _COPIED_AT_A_TIME):
        share = slice(begin, begin + _COPIED_AT_A_TIME)
        entries[share].copy_(torch.from_numpy(source[share].copy()))
    return entries


def _from_bytes(entries: bytes, device: str, fingerprint: str | None) -> CudaAliasTable:
    core = _core.Table.over(entries, True, torch.get_num_threads())
    return CudaAliasTable._from_core(core, device, fingerprint)
