"""The alias table: weights in, indices out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from pysampler import _core
from pysampler.inputs.output import output_for
from pysampler.inputs.weights import check_shape, readable, to_tensor
from pysampler.keys import stream_range
from pysampler.sources.alias_table_file import TableFile, read_table_file, write_table_file

if TYPE_CHECKING:
    from pysampler.cuda.table import CudaAliasTable

_CPU = torch.device("cpu")


class AliasTable:
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

    Cost: 6 to 9 ns per item on one thread; 8 bytes per item. Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: Wrong shape, empty, too many, all zero, or an entry that is negative, NaN or infinite.
        TypeError: Not numbers, or a Dataset.
        RuntimeError: Weights on a GPU that pysampler cannot use; says why.

    Example:
        >>> table = AliasTable([1.0, 2.0, 1.0])
        >>> table.draw(4, seed=0).shape
        torch.Size([4])
    """

    def __new__(cls, weights: Any = None) -> AliasTable:
        """Makes the subclass for CUDA if that is where the weights are."""
        if cls is AliasTable and isinstance(weights, torch.Tensor) and weights.is_cuda:
            return super().__new__(_cuda_class())
        return super().__new__(cls)

    def __init__(self, weights: Any) -> None:
        tensor = to_tensor(weights)
        check_shape(tensor)
        source = readable(tensor)
        self._core = _core.Table.build(
            source.data_ptr(), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
        )
        self._file: TableFile | None = None
        self._fingerprint: str | None = None
        self._log_probabilities: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self._core)

    def __repr__(self) -> str:
        return f"AliasTable({len(self)} items)"

    @property
    def device(self) -> torch.device:
        """Where the table is and draws."""
        return _CPU

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
        """Draws the indices at positions ``start, start + step, ...`` of the stream ``(seed, epoch)``.

        Each is a pure function of (table, seed, epoch, position): any threads, processor or splitting into calls gives
        the same. Draws at different positions are independent.

        Args:
            n: How many, >= 0.
            seed: In [-2^63, 2^64), taken modulo 2^64.
            epoch: In [0, 2^48).
            start: First position, >= 0.
            step: Distance of positions, >= 1: rank r of w takes start=r, step=w.
            dtype: torch.int64, or torch.int32 for at most 2^31 items. By default that of ``out``, else int64.
            out: A contiguous tensor of n entries on the table's device to write to.

        Returns:
            Tensor of shape (n,) on the table's device. On every device the same.

        Cost: 1.4 to 8 ns per draw and thread, growing with the table; see the README. Bulk draws (n >= N / 5) from
        tables of 200 million items or more use scratch memory of a quarter of the table's size. Interruptible by
        Ctrl-C.

        Raises:
            ValueError: An argument out of range, or a position beyond 2^63 - 1.
            TypeError: An argument of the wrong type.
            RuntimeError: The GPU reports an error.
        """
        wanted = stream_range(n, seed, epoch, start, step)
        result = output_for(wanted.draws, len(self), self.device, dtype, out)
        if wanted.draws > 0:
            wide = result if result.dtype == torch.int64 else torch.empty(wanted.draws, dtype=torch.int64, device="cpu")
            self._core.draw_into(wide.data_ptr(), *wanted, torch.get_num_threads())
            if wide is not result:
                result.copy_(wide)
        return result

    def _pass_draws(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """What the samplers read: an epoch's draws by position. ``draws``, its length, does not matter here."""
        return _core.StreamDraws(self._core, key, epoch)

    def probabilities(self) -> torch.Tensor:
        """Returns what the table really draws with: mass / (N * 2^32), a float64 tensor of shape (N,), sum 1.

        Cost: O(N) on one thread.
        """
        masses = np.empty(len(self), dtype=np.uint64)
        self._core.masses_into(masses.ctypes.data)
        return torch.from_numpy(masses / (len(self) * 2.0**32))

    def log_prob(self, indices: torch.Tensor) -> torch.Tensor:
        """Returns the natural logarithms of the probabilities that these items are drawn with.

        Args:
            indices: int64 or int32 tensor of any shape on the table's device, entries in [0, N).

        Returns:
            Tensor of the shape of ``indices``, of torch's default dtype, taken from float64; -inf for items that are
            never drawn.

        Cost: O(N) on the CPU the first time, and 8 bytes per item from then on; later a look-up, which torch.compile
        takes as it is.

        Raises:
            TypeError: Not such a tensor.
            IndexError: An entry out of range. On a GPU that stops the device, as in all of torch's indexing.
        """
        if not isinstance(indices, torch.Tensor) or indices.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"indices must be an int64 or int32 tensor, but got {_kind(indices)}")
        if self._log_probabilities is None:
            self._log_probabilities = self.probabilities().log_().to(self.device)
        # Not by indexing, which takes -1 for the last item.
        found = self._log_probabilities.index_select(0, indices.reshape(-1))
        return found.view(indices.shape).to(torch.get_default_dtype())

    def as_tensor(self) -> torch.Tensor:
        """Returns a copy of the table as an int64 tensor of shape (N,), for ``torch.ops.pysampler.draw``.

        Entry i is ``alias << 32 | threshold`` of slot i. Cost: 8 bytes per item. (A table on a GPU returns itself.)
        """
        return torch.from_numpy(entries_of(self._core).copy())

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

        Cost: the time of copying it, which is waited for. The table itself if it is there already.

        Raises:
            RuntimeError: Another kind of device, or a GPU that pysampler cannot use; says why (as ``pysampler info``).
        """
        target = torch.device(device)
        return self if target.type == "cpu" else _cuda_class()._from_core(self._core, target, self._fingerprint)

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
            validate: Check every alias and the fingerprint, O(N). Without, loading is O(1): only for files that nobody
                but you writes, for a damaged one could then draw wrongly or crash.

        Raises:
            ValueError: Not such a file, truncated or damaged.
            OSError: The file cannot be read.
        """
        core, file = read_table_file(path, mmap, validate)
        return AliasTable._around(core, file, file.fingerprint)

    @staticmethod
    def _around(core: _core.Table, file: TableFile | None, fingerprint: str | None) -> AliasTable:
        table = object.__new__(AliasTable)
        table._core = core
        table._file = file if file is not None and file.mapped else None
        table._fingerprint = fingerprint
        table._log_probabilities = None
        return table

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is not None:
            return _load_same, (self._file.path, self.fingerprint)
        return _from_bytes, (bytes(self._core), self._fingerprint)

    def __copy__(self) -> AliasTable:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> AliasTable:
        return self  # nothing can change it


def entries_of(core: _core.Table) -> npt.NDArray[np.int64]:
    """Returns a view of a table's 8-byte entries."""
    return np.frombuffer(memoryview(core), dtype=np.int64)


def _kind(value: object) -> str:
    return f"dtype {value.dtype}" if isinstance(value, torch.Tensor) else type(value).__name__


def _cuda_class() -> type[CudaAliasTable]:
    from pysampler.cuda.table import CudaAliasTable  # noqa: PLC0415 - a subclass of what is here

    return CudaAliasTable


def _from_bytes(entries: bytes, fingerprint: str | None) -> AliasTable:
    core = _core.Table.over(entries, True, torch.get_num_threads())
    return AliasTable._around(core, None, fingerprint)


def _load_same(path: str, fingerprint: str) -> AliasTable:
    """Maps a file again in another process, and makes sure that it still is the same table."""
    table = AliasTable.load(path, mmap=True, validate=True)
    if table.fingerprint != fingerprint:
        raise ValueError(f"{path} has changed: its table is {table.fingerprint}, expected {fingerprint}")
    return table
