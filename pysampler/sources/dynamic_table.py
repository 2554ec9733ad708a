"""The dynamic table: weights that change while others draw."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.indices import flat_indices, shape_of
from pysampler.inputs.memory import address_of, address_of_output, check_dense
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.output import output_for
from pysampler.inputs.shown import shown
from pysampler.inputs.weights import MAX_ITEMS, check_shape, converted, readable, to_tensor
from pysampler.keys import stream_range
from pysampler.sources.base import Source
from pysampler.sources.dynamic_table_file import DynamicTableParts, read_dynamic_table, write_dynamic_table

_STATE_VERSION = 1
_STATE_KEYS = {"version", "source", "weights", "scale", "capacity", "fingerprint"}


class DynamicTable(Source):
    """A discrete distribution over [0, N) whose weights can be changed at any time, a batch of them at once.

    Item i owns the integer mass round-half-even(w_i * 2^s), at least 1 for a positive weight, zero exactly for a zero
    weight; an item's probability is its mass over the sum of all. The common scale s changes only when that sum would
    reach 2^63 or falls below 2^52 (then the sum becomes about 2^60 to 2^61), so the law is within N / total <= 2^-20
    of the weights in total variation. Masses are always made from the weights themselves and sums are of integers: a
    table holds the same whatever the order of the updates that led to its weights and scale, and nothing drifts.

    Any number of threads may draw and update: each call sees the table before or after any other, never between.

    Args:
        weights: 1-d, N >= 0 entries, finite and >= 0; all of them may be zero (then ``draw`` raises). As for
            ``AliasTable``. Copied; kept as float32 or float64, which later weights are rounded to.
        capacity: How many items to reserve memory for, up to 2^32 - 1; by default N. ``append`` beyond it takes memory
            for twice as many.

    Cost: a few nanoseconds per item to build; 4.5 or 8.5 bytes per item. Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: Wrong shape, too many, or an entry that is negative, NaN or infinite.
        TypeError: Not numbers, or a Dataset.

    Example:
        >>> table = DynamicTable([1.0, 2.0, 1.0])
        >>> table.update([0, 2], [0.0, 0.0])
        >>> table.draw(4, seed=0)
        tensor([1, 1, 1, 1])
    """

    def __init__(self, weights: Any, *, capacity: int | None = None) -> None:
        tensor = to_tensor(weights)
        if tuple(tensor.shape) != (0,):
            check_shape(tensor)
        room = 0 if capacity is None else whole_number(capacity, "capacity", tensor.numel(), MAX_ITEMS)
        self._begin(readable(tensor), room, None)

    def _begin(self, weights: torch.Tensor, capacity: int, scale: int | None) -> None:
        wide = weights.dtype == torch.float64
        self._dtype = weights.dtype
        self._core = _core.DynamicTable(
            address_of(weights, "weights"), weights.numel(), wide, capacity, scale, torch.get_num_threads()
        )

    auditable = "its weights change while it is drawn from, and what they were is not kept"

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
        """Size of the table in bytes."""
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
        """The largest weight; 0 if none is positive. O(N) the first time, which makes updates a little dearer."""
        return self._core.largest()

    @property
    def min(self) -> float:
        """The smallest positive weight; infinity if there is none. Cost as for ``max``."""
        return self._core.smallest()

    @property
    def weights(self) -> DynamicWeights:
        """The weights as they are: ``weights[indices]`` reads some, ``weights.tensor()`` copies all."""
        return DynamicWeights(self)

    def update(self, indices: Any, weights: Any) -> None:
        """Gives items new weights, all at once: other threads see none or all of them.

        Args:
            indices: Integers in [0, N), any shape; of one that comes several times the last weight counts.
            weights: As many numbers, finite and >= 0, or a single one for all. Rounded to the table's dtype.

        Cost: see the benchmarks; some ten nanoseconds each for batches. A change of the scale, which is rare, makes all
        masses anew, O(N).

        Raises:
            ValueError: An index out of range, a weight that is negative, NaN or infinite (in the table's dtype too), or
                positive but zero in it; not as many weights as indices. Nothing is changed.
            TypeError: Not integers, or not numbers.
        """
        places = flat_indices(indices)
        if places.dtype != np.int64:
            places = places.astype(np.int64)
        values = self._values(weights)
        if values.numel() != len(places):
            if values.numel() != 1:
                raise ValueError(
                    f"there must be one weight per index, but there are {values.numel()} for {len(places)}"
                )
            values = values.expand(len(places)).contiguous()
        self._core.update(places.ctypes.data, address_of(values, "weights"), len(places), torch.get_num_threads())

    def append(self, weights: Any) -> None:
        """Adds items at the end, with the indices N, N + 1, ...

        Args:
            weights: As for the constructor. Rounded to the table's dtype.

        Raises:
            ValueError: As for ``update``; more than 2^32 - 1 items. Nothing is changed.
        """
        values = self._values(weights)
        self._core.append(address_of(values, "weights"), values.numel(), torch.get_num_threads())

    def _values(self, weights: Any) -> torch.Tensor:
        """Flat weights in the table's dtype."""
        if isinstance(weights, int | float) and not isinstance(weights, bool):
            weights = np.float64(weights)
        tensor = to_tensor(weights)
        values = converted(tensor, self._dtype)
        # Only into a narrower type can a number be lost: then it was positive and is not.
        if values.dtype != tensor.dtype and bool(((values == 0) & (tensor != 0)).any()):
            raise ValueError(f"weights must be representable in the table's {self._dtype}, but some become zero")
        return values.reshape(-1)

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
        """Draws the indices at positions ``start, start + step, ...`` of the stream ``(seed, epoch)``.

        Each is a pure function of (weights, scale, seed, epoch, position): any threads, processor or splitting into
        calls gives the same, until an update comes between. The item drawn is the one that owns the unit of mass at
        floor(word * total / 2^64), masses lying side by side.

        Args:
            n: How many, >= 0.
            seed: In [-2^63, 2^64), taken modulo 2^64.
            epoch: In [0, 2^48).
            start: First position, >= 0.
            step: Distance of positions, >= 1: rank r of w takes start=r, step=w.
            stratified: Cut the total into k equal shares, and at position p draw from share p mod k only, as
                prioritised replay does (Schaul et al. 2016). True: k = n. A number: that k, up to 2^54.
            without_replacement: n distinct items, in the order of successive sampling. These are not addressed by
                position: ``start`` and ``step`` must be left alone. Other threads wait meanwhile.
            dtype: torch.int64, or torch.int32 for at most 2^31 items. By default that of ``out``, else int64.
            out: A contiguous CPU tensor of n entries to write to.

        Returns:
            Tensor of shape (n,) on the CPU.

        Raises:
            ValueError: No weight is positive; an argument out of range, or a position beyond 2^63 - 1; fewer positive
                weights than distinct items asked for.
            TypeError: An argument of the wrong type.
        """
        wanted = stream_range(n, seed, epoch, start, step)
        if isinstance(stratified, bool):
            strata = wanted.draws if stratified else 0
        else:
            strata = whole_number(stratified, "stratified", 1, 2**54)
        if without_replacement and (strata or wanted.start != 0 or wanted.step != 1):
            raise ValueError("draws without replacement are neither stratified nor addressed by start and step")
        result = output_for(wanted.draws, len(self), self.device, dtype, out)
        if wanted.draws > 0:
            wide = result if result.dtype == torch.int64 else torch.empty(wanted.draws, dtype=torch.int64, device="cpu")
            if without_replacement:
                self._core.draw_distinct_into(address_of_output(wide), wanted.draws, wanted.key, wanted.epoch)
            else:
                self._core.draw_into(address_of_output(wide), *wanted, torch.get_num_threads(), strata)
            if wide is not result:
                result.copy_(wide)
        return result

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """An epoch's draws by position, each with the weights as they are when it is made; see ``Source.epoch``."""
        return _core.DynamicDraws(self._core, key, epoch)

    def with_weights(self, weights: Any) -> Source:
        """Returns another dynamic table; see ``Source.with_weights``. A ready source is taken as it is."""
        return weights if isinstance(weights, Source) else DynamicTable(weights)

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
        if not (isinstance(beta, int | float) and 0 <= beta <= sys.float_info.max):  # ints beyond it are no floats
            raise ValueError(f"beta must be a number >= 0, but got beta={shown(beta)[:40]}")
        if normalise not in ("batch", "table"):
            raise ValueError(f'normalise must be "batch" or "table", but got {shown(normalise)}')
        found = self._probabilities_of(indices)
        if found.numel() == 0:
            return found.to(torch.get_default_dtype())
        least = float(found.min())
        if least == 0:
            raise ValueError("an item of probability 0 is never drawn: it has no importance weight")
        if normalise == "table":
            least = min(least, max(self.min / self.total, np.finfo(np.float64).tiny))
        # The powers of N cancel.
        return (least / found).pow_(beta).to(torch.get_default_dtype())

    def _probabilities_of(self, indices: Any) -> torch.Tensor:
        places = flat_indices(indices).astype(np.int64, copy=False)
        masses = np.empty(len(places), dtype=np.uint64)
        total = self._core.masses_of(places.ctypes.data, len(places), masses.ctypes.data)
        return torch.from_numpy(masses / float(max(total, 1))).reshape(shape_of(indices, len(places)))

    def _parts(self) -> DynamicTableParts:
        """All that makes the table, of one moment."""
        room = len(self)
        while True:
            weights = torch.empty(room, dtype=self._dtype, device="cpu")
            items, scale, _, fingerprint = self._core.weights_into(address_of(weights, "weights"), room)
            if items <= room:
                return DynamicTableParts(weights[:items], scale, self.capacity, fingerprint)
            room = items

    def state_dict(self) -> dict[str, Any]:
        """Returns the state: weights (a copy), scale, capacity and fingerprint. O(N)."""
        parts = self._parts()
        return {
            "version": _STATE_VERSION,
            "source": "DynamicTable",
            "weights": parts.weights,
            "scale": parts.scale,
            "capacity": parts.capacity,
            "fingerprint": parts.fingerprint,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Becomes the table whose state this is. O(N).

        Raises:
            ValueError: Not such a state, of another dtype, or damaged. Nothing is changed.
        """
        if not isinstance(state, Mapping) or set(state) != _STATE_KEYS or not _is_text(state["source"], "DynamicTable"):
            raise ValueError("this is no state of a DynamicTable")
        if type(state["version"]) is not int or state["version"] != _STATE_VERSION:
            raise ValueError(f"the state has version {shown(state['version'])}; this pysampler reads {_STATE_VERSION}")
        weights = state["weights"]
        if not isinstance(weights, torch.Tensor) or weights.ndim != 1 or weights.dtype != self._dtype:
            raise ValueError(f"the state's weights must be a 1-d tensor of the table's {self._dtype}")
        check_dense(weights, "the state's weights")
        parts = DynamicTableParts(weights, state["scale"], len(weights), state["fingerprint"])
        other = from_parts(parts)  # refuses what is damaged
        own = readable(weights.detach().cpu().resolve_neg())
        self._core.assign(
            address_of(own, "weights"), own.numel(), own.dtype == torch.float64, other.scale, torch.get_num_threads()
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to ``path``, replacing it at once. See ``pysampler.sources.dynamic_table_file``."""
        write_dynamic_table(path, self._parts())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DynamicTable:
        """Reads a table that ``save`` wrote.

        Raises:
            ValueError: Not such a file, truncated or damaged.
            OSError: The file cannot be read.
        """
        parts = read_dynamic_table(path)
        try:
            return from_parts(parts)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return from_parts, (self._parts(),)

    def __copy__(self) -> DynamicTable:
        return from_parts(self._parts())

    def __deepcopy__(self, memo: dict[int, Any]) -> DynamicTable:
        return from_parts(self._parts())


class DynamicWeights:
    """The weights of a ``DynamicTable``, read as they are at each call."""

    def __init__(self, table: DynamicTable) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, indices: Any) -> torch.Tensor:
        """Returns the weights of these items (integers in [0, N), any shape), in the table's dtype."""
        places = flat_indices(indices).astype(np.int64, copy=False)
        found = torch.empty(len(places), dtype=self._table.dtype, device="cpu")
        self._table._core.weights_of(places.ctypes.data, len(places), address_of(found, "weights"))
        return found.reshape(shape_of(indices, len(places)))

    def tensor(self) -> torch.Tensor:
        """Returns a copy of all weights. O(N)."""
        return self._table._parts().weights


def from_parts(parts: DynamicTableParts) -> DynamicTable:
    """Makes a table of what one held.

    Raises:
        ValueError: Parts that do not belong together.
    """
    scale = whole_number(parts.scale, "scale", -(2**31), 2**31 - 1)
    capacity = whole_number(parts.capacity, "capacity", len(parts.weights), MAX_ITEMS)
    table = DynamicTable.__new__(DynamicTable)
    table._begin(parts.weights.detach().cpu().resolve_neg().contiguous(), capacity, scale)
    if not _is_text(parts.fingerprint, table.fingerprint):
        raise ValueError(
            f"the table is damaged: its fingerprint is {table.fingerprint}, expected {shown(parts.fingerprint)}"
        )
    return table


def _is_text(value: Any, expected: str) -> bool:
    """Whether a state says this: it may hold anything, tensors too, which compare entry by entry."""
    return isinstance(value, str) and value == expected
