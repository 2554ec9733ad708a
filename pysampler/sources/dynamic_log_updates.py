"""The updates that a log keeps: in a few arrays, so that small ones cost little more than their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler.inputs.memory import check_dense

_STATE_KEYS = {"appended", "sizes", "indices", "weights"}


class Changeable(Protocol):
    """What updates are made to."""

    def update(self, indices: Any, weights: Any) -> None: ...  # noqa: D102

    def append(self, weights: Any) -> None: ...  # noqa: D102


class GrowingArray:
    """A one-dimensional array that grows at its end, in amortised constant time for each entry."""

    def __init__(self, dtype: Any) -> None:
        self._room = np.empty(16, dtype=dtype)
        self._filled = 0

    def __len__(self) -> int:
        return self._filled

    @property
    def nbytes(self) -> int:
        """What it takes, room to grow included."""
        return self._room.nbytes

    @property
    def entries(self) -> NDArray[Any]:
        """A view of all entries."""
        return self._room[: self._filled]

    def extend(self, values: NDArray[Any] | list[int]) -> None:
        """Adds entries at the end."""
        after = self._filled + len(values)
        if after > len(self._room):
            larger = np.empty(max(after, 2 * len(self._room)), dtype=self._room.dtype)
            larger[: self._filled] = self.entries
            self._room = larger
        self._room[self._filled : after] = values
        self._filled = after

    def forget(self, count: int) -> None:
        """Drops the first entries, and room that is no longer needed."""
        self._room = self.entries[count:].copy()
        self._filled = len(self._room)


class LoggedUpdates:
    """Batches of new weights, in order. A batch without indices is of items that were appended.

    Cost: 8 bytes for each weight of float32 (12 of float64), 16 for each batch; up to twice that while there is room to
    grow. An appended item costs 4 less.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._weights = GrowingArray(np.float64 if dtype == torch.float64 else np.float32)
        self._indices = GrowingArray(np.uint32)  # a table has fewer than 2^32 items
        self._weight_ends = GrowingArray(np.int64)  # where each batch ends
        self._index_ends = GrowingArray(np.int64)

    def __len__(self) -> int:
        return len(self._weight_ends)

    @property
    def weights(self) -> int:
        """How many weights all batches have."""
        return len(self._weights)

    @property
    def nbytes(self) -> int:
        """What it takes."""
        return sum(part.nbytes for part in (self._weights, self._indices, self._weight_ends, self._index_ends))

    def add(self, indices: NDArray[np.int64] | None, weights: NDArray[Any]) -> None:
        """Adds a batch of at least one weight."""
        if indices is not None:
            self._indices.extend(indices)
        self._weights.extend(weights)
        self._weight_ends.extend([len(self._weights)])
        self._index_ends.extend([len(self._indices)])

    def ends_after(self, weights: int) -> int:
        """How many batches there are until so many weights have come, counting the one that they end in."""
        return int(np.searchsorted(self._weight_ends.entries, weights, side="left")) + 1 if weights > 0 else 0

    def make(self, first: int, last: int, table: Changeable) -> None:
        """Makes the batches [first, last) in order."""
        begin, index_begin = self._begin_of(first)
        ends = self._weight_ends.entries[first:last].tolist(), self._index_ends.entries[first:last].tolist()
        for end, index_end in zip(*ends, strict=True):
            weights = self._weights.entries[begin:end]
            if index_end == index_begin:
                table.append(weights)
            else:
                table.update(self._indices.entries[index_begin:index_end].astype(np.int64), weights)
            begin, index_begin = end, index_end

    def forget(self, count: int) -> None:
        """Drops the first batches."""
        weights, indices = self._begin_of(count)
        for part, gone in ((self._weights, weights), (self._indices, indices)):
            part.forget(gone)
        for ends, gone in ((self._weight_ends, weights), (self._index_ends, indices)):
            ends.forget(count)
            ends.entries[:] -= gone

    def _begin_of(self, batch: int) -> tuple[int, int]:
        if batch == 0:
            return 0, 0
        return int(self._weight_ends.entries[batch - 1]), int(self._index_ends.entries[batch - 1])

    def state(self) -> dict[str, Any]:
        """Returns the batches as tensors."""
        sizes = np.diff(self._weight_ends.entries, prepend=0)
        indices = np.diff(self._index_ends.entries, prepend=0)
        return {
            "appended": torch.from_numpy(indices == 0),
            "sizes": torch.from_numpy(sizes),
            "indices": torch.from_numpy(self._indices.entries.astype(np.int64)),
            "weights": torch.from_numpy(self._weights.entries.copy()),
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any], dtype: torch.dtype) -> LoggedUpdates:
        """Returns the batches of a state. Whether a table takes them is seen when they are made.

        Raises:
            ValueError: Not such a state.
            TypeError: A tensor without memory.
        """
        wanted = {"appended": torch.bool, "sizes": torch.int64, "indices": torch.int64, "weights": dtype}
        for name, kind in wanted.items():
            tensor = state[name]
            if not isinstance(tensor, torch.Tensor) or tensor.dtype != kind or tensor.ndim != 1:
                raise ValueError(f"{name} must be a 1-d tensor of {kind}")
            check_dense(tensor, name)
        appended, sizes, indices, weights = (state[name].detach().cpu().numpy() for name in wanted)
        if len(sizes) != len(appended) or np.any(sizes < 1) or np.any(sizes > len(weights)):
            raise ValueError("sizes must be positive, one for each update")
        if int(sizes.sum()) != len(weights) or int(sizes[~appended].sum()) != len(indices):
            raise ValueError("sizes do not fit the weights or indices")
        if np.any(indices < 0) or np.any(indices >= 2**32 - 1):
            raise ValueError("indices must lie in [0, 2^32 - 1)")
        updates = cls(dtype)
        updates._weights.extend(weights)
        updates._indices.extend(indices)
        updates._weight_ends.extend(np.cumsum(sizes))
        updates._index_ends.extend(np.cumsum(np.where(appended, 0, sizes)))
        return updates
