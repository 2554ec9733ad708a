"""The alias table: weights in, indices out."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pysampler import _core as compiled
from pysampler.cuda.table import CudaEntries
from pysampler.inputs.memory import address_of, address_of_output
from pysampler.inputs.output import output_for
from pysampler.inputs.weights import address_of_plain, check_shape, readable, to_tensor
from pysampler.keys import StreamRange
from pysampler.sources.alias_table_file import TableFile, read_table_file, write_table_file
from pysampler.sources.base import Source, check_fingerprint, load_same

_CPU = torch.device("cpu")


class AliasTable(Source):
    """A discrete distribution over [0, N), drawn from in constant time (Walker's alias method).

    The table holds integers: item i owns a mass out of N * 2^32 in all, zero exactly for a zero weight and at least 1
    for a positive one; elsewhere ``|mass - ideal| <= 4 + ideal / 2^31`` with ``ideal = weight * N * 2^32 / sum`` (for
    N <= 2^29; 24 instead of 4 beyond). So the relative error is large only for items with less than about 2^-32 of
    an average weight. The same weights give the same table on any number of threads and any processor.

    Args:
        weights: 1-d, N entries with 1 <= N < 2^32, finite and >= 0, not all zero, need not sum to one. A torch tensor,
            a NumPy array or a sequence; read during the call only. float32 and float64 are used as they are; other
            dtypes are converted exactly, but for 64-bit integers beyond 2^53, which are rounded. A tensor on a GPU
            gives a table on that GPU.

    Cost: 2.5 to 4.5 ns per item on one thread (6 to 8 without AVX2); 8 bytes per item.
    Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: Wrong shape, empty, too many, all zero, or an entry that is negative, NaN or infinite.
        TypeError: Not numbers, or a Dataset.
        RuntimeError: Weights on a GPU that pysampler cannot use; says why.

    Example:
        >>> table = AliasTable([1.0, 2.0, 1.0])
        >>> table.draw(4, seed=0).shape
        torch.Size([4])
    """

    _elsewhere: AliasTable | None = None  # on the device asked for last by ``on``

    def __init__(self, weights: Any) -> None:
        address = address_of_plain(weights)
        if not address:
            tensor = to_tensor(weights, to_cpu=False)
            check_shape(tensor)
            weights = readable(tensor)
            if weights.is_cuda:
                self._take(None, CudaEntries.build(weights))
                return
            weights = readable(weights.cpu())
            address = address_of(weights, "weights")
        threads = torch.get_num_threads()
        self._take(compiled.Table.build(address, weights.numel(), weights.dtype == torch.float64, threads))

    def _take(
        self,
        core: compiled.Table | None,
        on_gpu: CudaEntries | None = None,
        file: TableFile | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self._on_cpu = core
        self._on_gpu = on_gpu
        self._items = len(core) if core is not None else len(on_gpu or ())
        self._file = file if file is not None and file.mapped else None
        self._fingerprint = fingerprint

    @classmethod
    def _around(
        cls,
        core: compiled.Table | None,
        on_gpu: CudaEntries | None = None,
        file: TableFile | None = None,
        fingerprint: str | None = None,
    ) -> AliasTable:
        table = object.__new__(cls)
        table._take(core, on_gpu, file, fingerprint)
        return table

    @property
    def _core(self) -> compiled.Table:
        """The table on the CPU. Of a table on a GPU a copy is taken at the first use, and kept."""
        if self._on_cpu is None:
            assert self._on_gpu is not None
            self._on_cpu = compiled.Table.over(self._on_gpu.to_cpu(), True, torch.get_num_threads())
        return self._on_cpu

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return self._items

    def __repr__(self) -> str:
        where = "" if self._on_gpu is None else f", device='{self.device}'"
        return f"AliasTable({len(self)} items{where})"

    @property
    def device(self) -> torch.device:
        """The device that holds the table, and where ``draw`` returns its indices."""
        return _CPU if self._on_gpu is None else self._on_gpu.device

    def on(self, device: torch.device) -> AliasTable | None:
        """Returns the table on a CUDA device, where it is copied once and kept; None for any other device."""
        if device.type != "cuda":
            return None
        if self._elsewhere is None or self._elsewhere.to(device) is not self._elsewhere:
            self._elsewhere = self.to(device)
        return self._elsewhere

    def epoch(self, key: int, epoch: int, draws: int) -> compiled.PassDraws:
        """Returns an epoch's draws by position. Its length, ``draws``, does not matter."""
        return compiled.StreamDraws(self._core, key, epoch)

    def _draw(
        self, wanted: StreamRange, draws: int | None, dtype: torch.dtype | None, out: torch.Tensor | None
    ) -> torch.Tensor:
        # Without the object of an epoch and all else that can be left out: small draws are called often.
        result = output_for(wanted.draws, self._items, _CPU if self._on_gpu is None else self.device, dtype, out)
        if wanted.draws > 0:
            if self._on_gpu is None:
                self._fill(result, wanted, draws)
            else:
                self._on_gpu.draw_into(result, wanted)
        return result

    def _fill(self, indices: torch.Tensor, wanted: StreamRange, draws: int | None) -> None:
        # At once, without the object of an epoch: small draws are called often.
        is_int32 = indices.dtype is torch.int32
        self._core.draw_into(address_of_output(indices), *wanted, torch.get_num_threads(), is_int32)

    def with_weights(self, weights: Any) -> Source:
        """Returns an ``AliasTable`` of other weights; a table is returned as it is."""
        return weights if isinstance(weights, Source) else AliasTable(weights)

    def probabilities(self) -> torch.Tensor:
        """Returns what the table really draws with: mass / (N * 2^32), a float64 tensor of shape (N,), sum 1.

        Cost: O(N) on one thread.
        """
        masses = np.empty(len(self), dtype=np.uint64)
        self._core.masses_into(masses.ctypes.data)
        return torch.from_numpy(masses / (len(self) * 2.0**32))

    def as_tensor(self) -> torch.Tensor:
        """Returns the table as an int64 tensor of shape (N,), for ``torch.ops.pysampler.draw``.

        Entry i is ``alias << 32 | threshold`` of slot i. Cost: a copy, 8 bytes per item. A table on a GPU returns its
        own memory, which must not be written to.
        """
        return torch.from_numpy(entries_of(self._core).copy()) if self._on_gpu is None else self._on_gpu.entries

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell tables apart. Equal tables have equal ones. O(N) the first time."""
        if self._fingerprint is None:
            self._fingerprint = self._core.fingerprint(torch.get_num_threads())
        return self._fingerprint

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes: 8 per item."""
        return 8 * len(self)

    def to(self, device: torch.device | str) -> AliasTable:
        """Returns the table on ``device``: "cpu", or a CUDA device, where ``draw`` then happens, bit for bit the same.

        As with tensors, "cuda" without a number is torch's current device. What has to read the whole table on the CPU
        (samplers, ``probabilities``, ``fingerprint``, ``save``, pickling) takes a copy of it there first, and keeps it.
        Draws on a GPU are queued on torch's current stream of the device and wait for nothing. While a CUDA graph is
        captured, seed and positions are recorded as they are: each replay draws the same. For draws that go on from
        replay to replay, use ``torch.ops.pysampler.draw``. The table must live as long as such a graph.

        Cost: the time of copying it, which is waited for. The table itself if it is there already.

        Raises:
            RuntimeError: Another kind of device, or a GPU that pysampler cannot use; says why (as ``pysampler info``).
        """
        target = torch.device(device)
        if target.type == "cpu":
            return self if self._on_gpu is None else AliasTable._around(self._core, fingerprint=self._fingerprint)
        if self._on_gpu is not None and self._on_gpu.is_on(target):
            return self
        entries = CudaEntries.copy_of(entries_of(self._core), target)
        return AliasTable._around(None, entries, fingerprint=self._fingerprint)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to ``path``, replacing it at once.

        The format is safetensors: see ``pysampler.sources.alias_table_file``.

        Raises:
            OSError: The file cannot be written.
        """
        write_table_file(path, self._core, self.fingerprint)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool = True, validate: bool = True) -> AliasTable:
        """Reads a table that ``save`` wrote.

        Args:
            path: The file.
            mmap: Map the file instead of reading it: all processes of a machine that do share one copy.
            validate: Check every alias and the fingerprint, for which the whole file is read. Without, only for files
                that nobody but you writes: a damaged one then draws wrongly or crashes.

        Cost: with ``validate=True``, O(N): about 10 ns per item on one thread (0.1 s for 10^7 items, 4 s for 3 * 10^8).
        With ``mmap=True, validate=False``, O(1): below a millisecond whatever the size; pages are then read as draws
        need them.

        Raises:
            ValueError: Not such a file, truncated or damaged.
            OSError: The file cannot be read.

        Example:
            >>> AliasTable([1.0, 2.0]).save("table.safetensors")
            >>> AliasTable.load("table.safetensors")  # whatever may have become of the file
            AliasTable(2 items)
            >>> AliasTable.load("table.safetensors", validate=False)  # our own file: at once
            AliasTable(2 items)
        """
        core, file = read_table_file(path, mmap, validate)
        return AliasTable._around(core, file=file, fingerprint=file.fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is not None:
            return load_same, (AliasTable, self._file.path, self.fingerprint)
        device = "cpu" if self._on_gpu is None else str(self.device)
        return _from_bytes, (bytes(self._core), self._fingerprint, device)


def entries_of(core: compiled.Table) -> npt.NDArray[np.int64]:
    """Returns a view of a table's 8-byte entries."""
    return np.frombuffer(memoryview(core), dtype=np.int64)


def _from_bytes(entries: bytes, fingerprint: str | None, device: str = "cpu") -> AliasTable:
    table = AliasTable._around(compiled.Table.over(entries, True, torch.get_num_threads()))
    check_fingerprint(table, fingerprint)
    return table.to(device)
