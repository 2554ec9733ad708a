"""The dynamic table on a GPU."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.cuda.dynamic import CudaTree
from pysampler.cuda.generator import refuse_capture
from pysampler.inputs.memory import address_of, check_dense
from pysampler.inputs.output import output_for
from pysampler.inputs.weights import MAX_ITEMS
from pysampler.sources.dynamic_arguments import correction_strength, strata_of
from pysampler.sources.dynamic_batch import check_appended, index_batch, weight_batch
from pysampler.sources.dynamic_readings import DynamicWeights
from pysampler.sources.dynamic_table_file import DynamicTableParts

_LOOKS = "an update of a table, which has to look at its batch"
_SIGNED = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class CudaDynamicTable:
    """What ``DynamicTable.to("cuda")`` returns: the same table on a GPU, drawn from and updated there.

    It holds the same integers, so it draws the same items as the table on the CPU, bit for bit, and after the same
    updates it still does. All that is queued is queued on torch's current stream of the device. Draws wait for nothing;
    an update waits once, for what there may be to refuse, so draws queued after it, on any stream, are made by the new
    weights. Draws that another stream still has under way may see half of it.

    Samplers and replay take the table on the CPU: they draw there.

    Cost: 9 bytes an item for float32 weights, 13 for float64. An update that needs another scale, and an append beyond
    the capacity, are made on the CPU and copied: O(N), rare. In a CUDA graph use ``torch.ops.pysampler.draw_dynamic``.
    """

    def __init__(
        self, packed: torch.Tensor, device: torch.device | str, back: Callable[[DynamicTableParts], Any]
    ) -> None:
        self._tree = CudaTree(packed, device)
        self._back = back
        self._version = 0
        self._one_at_a_time = threading.Lock()  # updates share what they count claims in

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return self._tree.held.items

    def __len__(self) -> int:
        return self.num_items

    def __repr__(self) -> str:
        return f"DynamicTable({len(self)} items, device='{self.device}')"

    @property
    def device(self) -> torch.device:
        """Where the table is, and where draws come out."""
        return self._tree.device

    @property
    def dtype(self) -> torch.dtype:
        """What weights are kept as."""
        return self._tree.dtype

    @property
    def capacity(self) -> int:
        """How many items there is memory for."""
        return self._tree.capacity

    @property
    def total(self) -> float:
        """The sum of the weights as they are drawn with; see ``DynamicTable.total``."""
        return float(np.ldexp(float(self._tree.held.total), -self._tree.held.scale))

    @property
    def positive(self) -> int:
        """How many weights are positive."""
        return self._tree.held.positive

    @property
    def scale(self) -> int:
        """The power of two that weights are multiplied by before they are rounded to masses."""
        return self._tree.held.scale

    @property
    def version(self) -> int:
        """How many updates and appends the table has seen since it came here."""
        return self._version

    @property
    def nbytes(self) -> int:
        """Size in bytes, on the device."""
        return self._tree.nbytes

    @property
    def fingerprint(self) -> str:
        """That of the same table on the CPU. O(1)."""
        held = self._tree.held
        return _core.packed_fingerprint(held.low, held.high, held.scale, held.items)

    @property
    def max(self) -> float:
        """The largest weight; 0 if none is positive. O(N) on the device; waits."""
        return float(self._tree.weights.max()) if len(self) else 0.0

    @property
    def min(self) -> float:
        """The smallest positive weight; infinity if there is none. O(N) on the device; waits."""
        return float(self._least_positive()) if len(self) else float("inf")

    @property
    def weights(self) -> DynamicWeights:
        """The weights as they are: ``weights[indices]`` reads some, ``weights.tensor()`` copies all, on the device."""
        return DynamicWeights(self)

    def as_tensor(self) -> torch.Tensor:
        """Returns the table as an int64 tensor, for ``torch.ops.pysampler.draw_dynamic``: its own memory, not a copy.

        Updates write to it, so that a captured graph draws by the weights of its replay. It must not be written to
        otherwise, and is another tensor after an append beyond the capacity.
        """
        return self._tree.words

    def draw(
        self,
        n: int,
        *,
        seed: int,
        epoch: int = 0,
        start: int = 0,
        step: int = 1,
        stratified: bool | int = False,
        without_replacement: bool = False,
        dtype: torch.dtype | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draws as ``DynamicTable.draw``, on the device: the same arguments and items. Waits for nothing.

        Raises:
            ValueError: As there; or ``without_replacement``, which is drawn on the CPU.
            TypeError: As there.
            RuntimeError: The GPU reports an error.
        """
        if without_replacement:
            raise ValueError("distinct items are drawn on the CPU: table.to('cpu').draw(..., without_replacement=True)")
        wanted, strata = strata_of(n, seed, epoch, start, step, stratified)
        result = output_for(wanted.draws, len(self), self.device, dtype, out)
        if wanted.draws > 0:
            if self.positive == 0:
                raise ValueError("there is nothing to draw: no weight is positive")
            self._tree.draw_into(result, wanted, strata)
        return result

    def update(self, indices: Any, weights: Any) -> None:
        """Gives items new weights, all or none; as ``DynamicTable.update``, and with its errors.

        Args:
            indices: Integers in [0, N), any shape; of one that comes several times the last weight counts. On the
                device, or copied there.
            weights: As many numbers, finite and >= 0, or a single one for all. On the device, or copied there.

        Cost: four kernels and one wait.

        Raises:
            ValueError: As there, and nothing is changed.
            TypeError: As there.
            RuntimeError: A CUDA graph is being captured, or the GPU reports an error.
        """
        refuse_capture(_LOOKS)
        places = self._indices_there(indices)
        values = self._weights_there(weights, places.numel())
        with self._one_at_a_time:
            if places.numel() > 0:
                self._change(places, values)

    def append(self, weights: Any) -> None:
        """Adds items at the end; as ``DynamicTable.append``."""
        refuse_capture(_LOOKS)
        values = self._weights_there(weights, None)
        check_appended(weights)
        with self._one_at_a_time:
            if values.numel() == 0:
                return
            if len(self) + values.numel() <= min(self.capacity, MAX_ITEMS):
                self._change(None, values)
                return
            host = self.to("cpu")
            host.append(values.cpu())
            self._tree = CudaTree(host.as_tensor(), self.device)
            self._version += 1

    def _change(self, places: torch.Tensor | None, values: torch.Tensor) -> None:
        outcome = self._tree.update(places, values)
        if outcome == "refused":
            weights, indices = values.cpu(), None if places is None else places.cpu()
            at = 0 if indices is None else address_of(indices, "indices")
            wide = self.dtype == torch.float64
            _core.refuse_batch(at, address_of(weights, "weights"), weights.numel(), len(self), wide)
        if outcome == "new scale":
            host = self.to("cpu")
            host.append(values.cpu()) if places is None else host.update(places.cpu(), values.cpu())
            self._tree.become(host.as_tensor())
        self._version += 1

    def probabilities(self) -> torch.Tensor:
        """Returns mass / total for each item: float64, on the device. O(N) there."""
        return self._tree.masses(self._tree.weights).double() / float(max(self._tree.held.total, 1))

    def log_prob(self, indices: Any) -> torch.Tensor:
        """As ``DynamicTable.log_prob``, on the device. An index out of range stops it, as in torch's indexing."""
        masses = self._masses_of(indices)
        return (masses.double() / float(max(self._tree.held.total, 1))).log().to(torch.get_default_dtype())

    def importance_weights(self, indices: Any, beta: float, normalise: str = "batch") -> torch.Tensor:
        """As ``DynamicTable.importance_weights``, on the device. Waits, for an item of probability 0 has none.

        With ``normalise="table"``, O(N) there.
        """
        strength = correction_strength(beta, normalise)
        masses = self._masses_of(indices)
        if bool((masses == 0).any()):
            raise ValueError("an item of probability 0 is never drawn: it has no importance weight")
        if masses.numel() == 0:
            return masses.to(torch.get_default_dtype())
        least = masses.min() if normalise == "batch" else self._tree.masses(self._least_positive().reshape(1))[0]
        return ((least.double() / masses.double()) ** strength).to(torch.get_default_dtype())

    def to(self, device: torch.device | str) -> Any:
        """Returns the table on ``device``: "cpu" gives a ``DynamicTable``. A copy, but where it is already."""
        target = torch.device(device)
        if target.type == "cpu":
            parts = DynamicTableParts(self._tree.weights.cpu(), self.scale, self.capacity, self.fingerprint)
            return self._back(parts)
        if target.index is None and target.type == "cuda":
            target = torch.device("cuda", torch.cuda.current_device())
        return self if target == self.device else self.to("cpu").to(target)

    def cpu(self) -> Any:
        """Returns the table as a ``DynamicTable`` on the CPU."""
        return self.to("cpu")

    def __reduce__(self) -> tuple[Any, ...]:
        return _moved, (self.to("cpu"), str(self.device))

    def _least_positive(self) -> torch.Tensor:
        weights = self._tree.weights
        return torch.where(weights > 0, weights, float("inf")).min()

    def _weights_of(self, indices: Any) -> torch.Tensor:
        places = self._indices_there(indices)
        shape = indices.shape if isinstance(indices, torch.Tensor) else np.shape(indices)
        return self._tree.weights.index_select(0, places).reshape(tuple(shape))

    def _all_weights(self) -> torch.Tensor:
        return self._tree.weights.clone()

    def _masses_of(self, indices: Any) -> torch.Tensor:
        return self._tree.masses(self._weights_of(indices))

    def _indices_there(self, indices: Any) -> torch.Tensor:
        """Flat int64 on the device."""
        if isinstance(indices, torch.Tensor) and indices.device == self.device:
            if indices.dtype not in _SIGNED:
                raise TypeError(f"indices must be integers, but got a tensor of {indices.dtype}")
            check_dense(indices, "indices")
            return indices.detach().reshape(-1).to(torch.int64).contiguous()
        owner = index_batch(indices).owner
        return torch.as_tensor(owner, device=self.device).reshape(-1)

    def _weights_there(self, weights: Any, count: int | None) -> torch.Tensor:
        """Flat, in the table's dtype, on the device."""
        if not (isinstance(weights, torch.Tensor) and weights.device == self.device) or weights.is_complex():
            return torch.as_tensor(weight_batch(weights, self.dtype, count).owner, device=self.device).reshape(-1)
        check_dense(weights, "weights")
        given = weights.detach().resolve_neg().reshape(-1)
        values = given.to(self.dtype).contiguous()
        if given.dtype == torch.float64 and values is not given and bool(((values == 0) & (given != 0)).any()):
            raise ValueError(f"weights must be representable in the table's {self.dtype}, but some become zero")
        if count is None or values.numel() == count:
            return values
        if values.numel() != 1:
            raise ValueError(f"there must be one weight per index, but there are {values.numel()} for {count}")
        return values.expand(count).contiguous()


def _moved(table: Any, device: str) -> Any:
    return table.to(device)
