"""A copy of the weights that may be edited, and the table kept in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.weights import check_shape, readable, to_tensor
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.class_table import ClassTable
from pysampler.sources.systematic_table import SystematicTable

Table = AliasTable | ClassTable | SystematicTable


class OwnWeights:
    """A copy of the weights and the table built from it, kept in step.

    Args:
        weights: Weights or a ready table.
        make_table: Makes a table of either.
    """

    def __init__(self, weights: Any, make_table: Callable[[Any], Table]) -> None:
        self._weights: torch.Tensor | None = None
        self._version = 0
        self._positive: int | None = None
        self._table: Table
        if isinstance(weights, (AliasTable, ClassTable, SystematicTable)):
            self._table = make_table(weights)
            return
        tensor = to_tensor(weights)
        check_shape(tensor)
        # Tensors made in inference mode do not count their changes.
        with torch.inference_mode(False):
            own = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor)
        self._table = make_table(own)
        self._weights, self._version = own, own._version

    @property
    def table(self) -> Table:
        """The table of the weights as they are now."""
        if self._weights is not None and self._weights._version != self._version:
            version = self._weights._version
            if isinstance(self._table, SystematicTable):
                self._table = self._table.with_weights(self._weights)
            else:
                self._table = AliasTable(self._weights)
            self._version = version
            self._positive = None
        return self._table

    @property
    def weights(self) -> torch.Tensor:
        """The copy, or the table's probabilities if there is none."""
        return self._table.probabilities() if self._weights is None else self._weights

    def check_enough(self, count: int) -> None:
        """Raises ValueError unless ``count`` distinct items can be drawn. O(N) the first time for a table."""
        if self._positive is None:
            source = readable(self.weights)
            self._positive = _core.positive_weights(
                source.data_ptr(), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
            )
        if count > self._positive:
            raise ValueError(
                f"num_samples={count} draws without replacement need as many positive weights, but there are "
                f"{self._positive}"
            )

    def draw_without_replacement(self, count: int, key: int, epoch: int) -> torch.Tensor:
        """Draws ``count`` distinct items, in the order of successive sampling."""
        source, table = readable(self.weights), self.table
        indices = torch.empty(count, dtype=torch.int64, device="cpu")
        _core.draw_without_replacement_into(
            indices.data_ptr(),
            count,
            source.data_ptr(),
            source.numel(),
            source.dtype == torch.float64,
            table._core if isinstance(table, AliasTable) else None,
            key,
            epoch,
            torch.get_num_threads(),
        )
        return indices

    def __getstate__(self) -> dict[str, Any]:
        return {"weights": self._weights, "table": self.table}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Version numbers are not copied along with tensors.
        self._weights, self._table = state["weights"], state["table"]
        self._version = 0 if self._weights is None else self._weights._version
        self._positive = None
