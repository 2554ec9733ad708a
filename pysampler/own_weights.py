"""A copy of the weights that may be edited, and the table kept in step."""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.table import AliasTable
from pysampler.weights import check_shape, readable, to_tensor


class OwnWeights:
    """A copy of the weights and the table built from it, kept in step."""

    def __init__(self, weights: Any) -> None:
        self._weights: torch.Tensor | None = None
        self._version = 0
        if isinstance(weights, AliasTable):
            self._table = weights
            return
        tensor = to_tensor(weights)
        check_shape(tensor)
        # Tensors made in inference mode do not count their changes.
        with torch.inference_mode(False):
            own = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor)
        self._table = AliasTable(own)
        self._weights, self._version = own, own._version

    @property
    def table(self) -> AliasTable:
        """The table of the weights as they are now."""
        if self._weights is not None and self._weights._version != self._version:
            version = self._weights._version
            self._table = AliasTable(self._weights)
            self._version = version
        return self._table

    @property
    def weights(self) -> torch.Tensor:
        """The copy, or the table's probabilities if there is none."""
        return self._table.probabilities() if self._weights is None else self._weights

    def check_enough(self, count: int) -> None:
        """Raises ValueError unless ``count`` distinct items can be drawn."""
        source = readable(self.weights)
        positive = _core.positive_weights(
            source.data_ptr(), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
        )
        if count > positive:
            raise ValueError(
                f"num_samples={count} draws without replacement need as many positive weights, but there are {positive}"
            )

    def draw_without_replacement(self, count: int, key: int, epoch: int) -> torch.Tensor:
        """Draws ``count`` distinct items, in the order of successive sampling."""
        source = readable(self.weights)
        indices = torch.empty(count, dtype=torch.int64, device="cpu")
        _core.draw_without_replacement_into(
            indices.data_ptr(),
            count,
            source.data_ptr(),
            source.numel(),
            source.dtype == torch.float64,
            self.table._core,
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
