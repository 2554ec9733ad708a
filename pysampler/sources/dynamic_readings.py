"""What a dynamic table tells of itself: sizes, weights and the law it draws by now."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.indices import shape_of
from pysampler.inputs.memory import address_of_output
from pysampler.sources.base import Source
from pysampler.sources.dynamic_arguments import correction_strength
from pysampler.sources.dynamic_batch import Batch, index_batch
from pysampler.sources.dynamic_table_file import DynamicTableParts


class DynamicReadings(Source):
    """The readings of a ``DynamicTable``. Each is of one moment, before or after any update."""

    _core: _core.DynamicTable
    _dtype: torch.dtype

    @property
    def num_items(self) -> int:
        """How many items there are now."""
        return self._core.summary()[0]

    @property
    def dtype(self) -> torch.dtype:
        """What weights are kept as: torch.float32 or torch.float64."""
        return self._dtype

    @property
    def capacity(self) -> int:
        """How many items there is memory for."""
        return self._core.summary()[1]

    @property
    def total(self) -> float:
        """The sum of the weights as they are drawn with: the integer masses' sum over 2^scale. O(1), does not drift."""
        summary = self._core.summary()
        return float(np.ldexp(float(summary[2]), -summary[6]))

    @property
    def positive(self) -> int:
        """How many weights are positive. O(1)."""
        return self._core.summary()[3]

    @property
    def version(self) -> int:
        """How many updates, appends and loads the table has seen."""
        return self._core.summary()[4]

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes, without its log."""
        return self._core.summary()[5]

    @property
    def scale(self) -> int:
        """The power of two that weights are multiplied by before they are rounded to masses."""
        return self._core.summary()[6]

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell apart what tables hold: weights and scale. O(1): kept up to date."""
        return self._core.summary()[7]

    @property
    def max(self) -> float:
        """The largest weight; 0 if none is positive. O(N) the first time, and some 30 ns for each update after it."""
        return self._core.largest()

    @property
    def min(self) -> float:
        """The smallest positive weight; infinity if there is none. Cost as for ``max``."""
        return self._core.smallest()

    @property
    def weights(self) -> DynamicWeights:
        """The weights as they are: ``weights[indices]`` reads some, ``weights.tensor()`` copies all."""
        return DynamicWeights(self)

    def probabilities(self) -> torch.Tensor:
        """Returns mass / total for each item, a float64 tensor of shape (N,): zeros if no weight is positive. O(N)."""
        room = len(self)
        while True:
            masses = np.empty(room, dtype=np.uint64)
            items, total = self._core.masses_into(masses.ctypes.data, room)
            if items <= room:
                return torch.from_numpy(masses[:items] / float(max(total, 1)))
            room = items

    def log_prob(self, indices: Any) -> torch.Tensor:
        """Returns the natural logarithms of the probabilities that these items are drawn with now.

        Args:
            indices: Integers in [0, N), any shape.

        Returns:
            Tensor of the shape of ``indices``, of torch's default dtype; -inf for items that are never drawn.

        Raises:
            IndexError: An entry out of range.
            TypeError: Not integers.
        """
        return self._probabilities_of(indices).log_().to(torch.get_default_dtype())

    def importance_weights(self, indices: Any, beta: float, normalise: str = "batch") -> torch.Tensor:
        """Returns (N * p_i)^-beta over its maximum: the corrections of prioritised replay (Schaul et al. 2016).

        Args:
            indices: Integers in [0, N), any shape, as drawn: items of probability 0 have no such weight.
            beta: The strength, >= 0: 1 corrects fully.
            normalise: "batch": the largest of these is 1. "table": that of the item with the smallest positive weight
                in the table is (N p depends on no batch, so batches are comparable).

        Returns:
            Tensor of the shape of ``indices``, of torch's default dtype.

        Raises:
            ValueError: An item of probability 0, a bad ``beta`` or ``normalise``.
            IndexError: An entry out of range.
        """
        strength = correction_strength(beta, normalise)
        masses, _, least = self._masses_of(indices, normalise == "table")
        if masses.min(initial=1) == 0:
            raise ValueError("an item of probability 0 is never drawn: it has no importance weight")
        # The powers of N and of the total cancel.
        ratios = float(least or masses.min(initial=2**64 - 1)) / masses.astype(np.float64)
        return torch.from_numpy(ratios**strength).reshape(shape_of(indices, masses.size)).to(torch.get_default_dtype())

    def _probabilities_of(self, indices: Any) -> torch.Tensor:
        masses, total, _ = self._masses_of(indices, False)
        return torch.from_numpy(masses / float(max(total, 1))).reshape(shape_of(indices, masses.size))

    def _masses_of(self, indices: Any, with_least: bool) -> tuple[NDArray[np.uint64], int, int]:
        """Masses of items, flat, the total, and the least positive mass if asked for (else 0): of one moment."""
        batch = index_batch(indices)
        masses = np.empty(batch.entries, dtype=np.uint64)
        try:
            total, least = self._core.masses_of(batch.address, batch.entries, masses.ctypes.data, with_least)
        except IndexError:
            raise self._outside(batch) from None
        return masses, total, least

    def _outside(self, batch: Batch) -> IndexError:
        """What is wrong with indices of which one is no item's."""
        items, indices = len(self), torch.as_tensor(batch.owner, device="cpu").reshape(-1)
        wrong = ((indices < 0) | (indices >= items)).nonzero().flatten().tolist()
        where = f", but indices[{wrong[0]}] is {int(indices[wrong[0]])}" if wrong else ""
        return IndexError(f"indices must lie in [0, {items}){where}")

    def _weights_of(self, indices: Any) -> torch.Tensor:
        batch = index_batch(indices)
        found = torch.empty(batch.entries, dtype=self.dtype, device="cpu")
        try:
            self._core.weights_of(batch.address, batch.entries, address_of_output(found))
        except IndexError:
            raise self._outside(batch) from None
        return found.reshape(shape_of(indices, batch.entries))

    def _all_weights(self) -> torch.Tensor:
        return self._parts().weights

    def _parts(self) -> DynamicTableParts:
        """All that makes the table, of one moment."""
        room = len(self)
        while True:
            weights = torch.empty(room, dtype=self._dtype, device="cpu")
            items, scale, _, fingerprint = self._core.weights_into(address_of_output(weights), room)
            if items <= room:
                return DynamicTableParts(weights[:items], scale, self.capacity, fingerprint)
            room = items


class _Weighed(Protocol):
    """A table, wherever it is."""

    def __len__(self) -> int: ...

    def _weights_of(self, indices: Any) -> torch.Tensor: ...

    def _all_weights(self) -> torch.Tensor: ...


class DynamicWeights:
    """The weights of a dynamic table, read as they are at each call."""

    def __init__(self, table: _Weighed) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"DynamicWeights({len(self)} items; weights[indices] reads some, weights.tensor() all)"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """For ``numpy.asarray``: a copy."""
        values: NDArray[Any] = self.tensor().cpu().numpy()
        return values if dtype is None else values.astype(dtype, copy=False)

    def __getitem__(self, indices: Any) -> torch.Tensor:
        """Returns the weights of these items (integers in [0, N), any shape; or a slice), in the table's dtype."""
        if isinstance(indices, slice):
            indices = np.arange(len(self))[indices]
        return self._table._weights_of(indices)

    def tensor(self) -> torch.Tensor:
        """Returns a copy of all weights. O(N)."""
        return self._table._all_weights()
