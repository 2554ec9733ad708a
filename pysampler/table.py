"""The alias table: weights in, indices out."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.arguments import MAX_COUNT, check_positions, epoch_number, seed_key, whole_number
from pysampler.table_file import TableFile, read_table_file, write_table_file
from pysampler.weights import check_shape, readable, to_tensor


class AliasTable:
    """A discrete distribution over [0, N), drawn from in constant time (Walker's alias method).

    The table holds integers: item i owns a mass out of N * 2^32 in all, zero exactly for a zero weight and at least 1
    for a positive one; elsewhere ``|mass - ideal| <= 4 + ideal / 2^31`` with ``ideal = weight * N * 2^32 / sum`` (for
    N <= 2^29; 24 instead of 4 beyond). So the relative error is large only for items with less than about 2^-32 of
    an average weight. The same weights give the same table on any number of threads and any processor.

    Args:
        weights: 1-d, N entries with 1 <= N < 2^32, finite and >= 0, not all zero, need not sum to one. A torch tensor,
            a NumPy array or a sequence; read during the call only. float32 and float64 are used as they are; other
            dtypes are converted exactly, but for 64-bit integers beyond 2^53, which are rounded.

    Cost: 6 to 9 ns per item on one thread; 8 bytes per item. Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: Wrong shape, empty, too many, all zero, or an entry that is negative, NaN or infinite.
        TypeError: Not numbers, or a Dataset.

    Example:
        >>> table = AliasTable([1.0, 2.0, 1.0])
        >>> table.draw(4, seed=0).shape
        torch.Size([4])
    """

    def __init__(self, weights: Any) -> None:
        tensor = to_tensor(weights)
        check_shape(tensor)
        source = readable(tensor)
        self._core = _core.Table.build(
            source.data_ptr(), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
        )
        self._file: TableFile | None = None
        self._fingerprint: str | None = None

    def __len__(self) -> int:
        return len(self._core)

    def __repr__(self) -> str:
        return f"AliasTable({len(self)} items)"

    def draw(
        self, n: int, *, seed: int, epoch: int = 0, start: int = 0, step: int = 1, out: torch.Tensor | None = None
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
            out: A contiguous int64 CPU tensor of n entries to write to.

        Returns:
            int64 tensor of shape (n,) on the CPU.

        Cost: 1.4 to 8 ns per draw and thread, growing with the table; see the README. Bulk draws (n >= N / 5) from
        tables of 200 million items or more use scratch memory of a quarter of the table's size. Interruptible by
        Ctrl-C.

        Raises:
            ValueError: An argument out of range, or a position beyond 2^63 - 1.
            TypeError: An argument of the wrong type.
        """
        count = whole_number(n, "n", 0, MAX_COUNT)
        first = whole_number(start, "start", 0, 2**64 - 1)
        stride = whole_number(step, "step", 1, 2**64 - 1)
        check_positions(count, first, stride)
        key, epoch = seed_key(seed), epoch_number(epoch)
        result = _output(out, count)
        if count > 0:
            self._core.draw_into(result.data_ptr(), count, key, epoch, first, stride, torch.get_num_threads())
        return result

    def _pass_draws(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """What the samplers read: the epoch's draws by position. ``draws``, the epoch's length, does not matter here."""
        return _core.StreamDraws(self._core, key, epoch)

    def probabilities(self) -> torch.Tensor:
        """Returns what the table really draws with: mass / (N * 2^32), a float64 tensor of shape (N,), sum 1.

        Cost: O(N) on one thread.
        """
        masses = np.empty(len(self), dtype=np.uint64)
        self._core.masses_into(masses.ctypes.data)
        return torch.from_numpy(masses / (len(self) * 2.0**32))

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell tables apart. Equal tables have equal ones. O(N) the first time."""
        if self._fingerprint is None:
            low, high = self._core.fingerprint(torch.get_num_threads())
            self._fingerprint = f"{high:016x}{low:016x}"
        return self._fingerprint

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes: 8 per item."""
        return 8 * len(self)

    def to(self, device: torch.device | str) -> AliasTable:
        """Returns the table on ``device``. Only "cpu" so far.

        Raises:
            RuntimeError: Any other device.
        """
        if torch.device(device).type != "cpu":
            raise RuntimeError(f"this build of pysampler draws on the CPU only, not on {device}")
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to ``path`` in the safetensors format (see ``pysampler.table_file``), replacing it at once.

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
        return cls._around(core, file, file.fingerprint)

    @classmethod
    def _around(cls, core: _core.Table, file: TableFile | None, fingerprint: str | None) -> AliasTable:
        table = cls.__new__(cls)
        table._core = core
        table._file = file if file is not None and file.mapped else None
        table._fingerprint = fingerprint
        return table

    def __reduce__(self) -> tuple[Any, ...]:
        if self._file is not None:
            return _load_same, (self._file.path, self.fingerprint)
        return _from_bytes, (bytes(self._core), self._fingerprint)

    def __copy__(self) -> AliasTable:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> AliasTable:
        return self  # nothing can change it


def _output(out: torch.Tensor | None, count: int) -> torch.Tensor:
    if out is None:
        return torch.empty(count, dtype=torch.int64, device="cpu")
    if not isinstance(out, torch.Tensor) or out.dtype != torch.int64 or out.device.type != "cpu":
        raise TypeError("out must be an int64 tensor on the CPU")
    if out.layout != torch.strided or out.shape != (count,) or not out.is_contiguous():
        raise ValueError(f"out must be contiguous, of shape ({count},), but its shape is {tuple(out.shape)}")
    return out


def _from_bytes(entries: bytes, fingerprint: str | None) -> AliasTable:
    core = _core.Table.over(entries, True, torch.get_num_threads())
    return AliasTable._around(core, None, fingerprint)


def _load_same(path: str, fingerprint: str) -> AliasTable:
    """Maps a file again in another process, and makes sure that it still is the same table."""
    table = AliasTable.load(path, mmap=True, validate=True)
    if table.fingerprint != fingerprint:
        raise ValueError(f"{path} has changed: its table is {table.fingerprint}, expected {fingerprint}")
    return table
