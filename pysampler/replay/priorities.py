"""The priorities of a replay buffer's slots, and draws in proportion to their powers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.memory import address_of, address_of_output, as_array, check_dense
from pysampler.inputs.numbers import real_number, whole_number
from pysampler.inputs.weights import MAX_ITEMS
from pysampler.sources.dynamic_table import DynamicTable

Floats = NDArray[np.floating[Any]]

_UNWRITTEN = -1.0  # as a priority: the slot was never written, and its weight is zero
_STATE_KEYS = {"version", "alpha", "eps", "priorities", "greatest", "table"}


class Priorities:
    """One priority p >= 0 per slot; slot i is drawn with probability (p_i + eps)^alpha over the sum of all.

    Slots that were never written are never drawn, nor is one of weight zero (p = 0 and eps = 0): sums are of integers
    and exact (see ``DynamicTable``). The priorities themselves are kept beside their powers, so alpha can be changed
    to any value and back, and the greatest priority is one that was given, not the root of a power.

    Args:
        capacity: How many slots, 1 to 2^32 - 1.
        alpha: How much priorities count, >= 0: 0 draws uniformly from the slots written.
        eps: Added to each priority, >= 0.
        dtype: What priorities and their powers are kept as: torch.float32 or torch.float64.
        within_buffer: Whether ``greatest`` is the greatest priority that stands in a slot now, or of all ever given.

    Memory: 8.5 bytes per slot, or 16.5.
    """

    def __init__(
        self,
        capacity: int,
        *,
        alpha: float,
        eps: float,
        dtype: torch.dtype = torch.float32,
        within_buffer: bool = False,
    ) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64, but got dtype={dtype}")
        self.capacity = whole_number(capacity, "capacity", 1, MAX_ITEMS)
        self._alpha, self.eps = _not_negative(alpha, "alpha"), _not_negative(eps, "eps")
        self.within_buffer = within_buffer
        self.table = DynamicTable(torch.zeros(self.capacity, dtype=dtype, device="cpu"))
        self._core = self.table._core  # spoken to directly: batches are small, so calls are what costs
        self._wide = dtype == torch.float64
        self._keep(np.full(self.capacity, _UNWRITTEN, np.float64 if self._wide else np.float32))
        self._greatest: tuple[float, int] | None = None  # the greatest priority and its slot
        self._greatest_is_gone = False  # whether its slot has another one now
        self._least: tuple[float, int] = (np.inf, 0)
        self._least_is_gone = False
        self._least_weight = np.inf

    def _keep(self, own: Floats) -> None:
        self._own, self._own_address = own, own.ctypes.data

    @property
    def alpha(self) -> float:
        """The exponent. Setting it makes all weights anew, O(capacity)."""
        return self._alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        alpha = _not_negative(value, "alpha")
        if alpha != self._alpha:
            slots = np.flatnonzero(self._own >= 0)
            self.table.update(slots, self._weights(self._own[slots], alpha))
            self._alpha, self._least_is_gone = alpha, True

    @property
    def greatest(self) -> float:
        """The greatest priority (1 before there is any), which new items get. O(capacity) after it was replaced."""
        found = self.greatest_and_slot()
        return 1.0 if found is None else found[0]

    def greatest_and_slot(self) -> tuple[float, int] | None:
        """Returns the greatest priority and the slot that has, or had, it; None before there is any."""
        if self._greatest_is_gone:
            slot = int(self._own.argmax())
            self._greatest = float(self._own[slot]), slot
            self._greatest_is_gone = False
        return self._greatest

    @property
    def least_weight(self) -> float:
        """The least positive weight, infinity if there is none.

        O(capacity) after its priority was replaced. That is rare: of all slots this one is drawn, and so updated, least
        often, at most once in ``capacity`` draws, which makes it a constant per draw.
        """
        if self._least_is_gone:
            counted = self._own >= (
                0.0 if self.eps > 0 or self._alpha == 0 else np.finfo(self._own.dtype).smallest_subnormal
            )
            slot = int(np.where(counted, self._own, np.inf).argmin())
            least = (float(self._own[slot]), slot) if counted[slot] else (np.inf, 0)
            self._found_least(least)
        return self._least_weight

    def _found_least(self, least: tuple[float, int]) -> None:
        self._least, self._least_is_gone = least, False
        self._least_weight = float(self._weights(np.array([least[0]], self._own.dtype), self._alpha)[0])

    def __getitem__(self, slots: Any) -> torch.Tensor:
        """Returns the priorities of ``slots``, -1 where none was ever given."""
        if isinstance(slots, torch.Tensor):
            slots = as_array(slots, "slots")
        return torch.from_numpy(np.array(self._own[slots]))

    def set(self, slots: torch.Tensor, priorities: Any) -> None:
        """Gives slots priorities, all at once; of a slot that comes several times the last one counts.

        Args:
            slots: In [0, capacity), shape (n,), int64, contiguous, on the CPU.
            priorities: Finite and >= 0, n of them or one for all; a tensor on any device, an array or numbers.

        Raises:
            ValueError: A slot or a priority out of range; not one priority per slot. Nothing is changed.
            TypeError: Slots of another dtype or layout.
        """
        count = _checked(slots)
        if count == 0:
            return
        values = self._values(priorities, count)
        weights = torch.empty_like(values)
        places, given = address_of(slots, "slots"), address_of(values, "priorities")
        invalid, least, least_at, greatest, greatest_at = _core.raise_priorities(
            given, count, self._wide, self.eps, self._alpha, address_of_output(weights)
        )
        if invalid < count:
            raise ValueError(_what_is_wrong(values.detach().numpy()))
        self._core.update(places, address_of_output(weights), count, torch.get_num_threads())
        _core.put_priorities(self._own_address, self._own.size, places, given, count, self._wide)
        # A slot that has another priority now is not the greatest or least any more; of one that came several times the
        # last priority counts, which may not be the one found.
        if self._greatest is None or greatest > self._greatest[0]:
            self._greatest = greatest, int(slots[greatest_at])
            self._greatest_is_gone = False
        if self.within_buffer and self._own[self._greatest[1]] != self._greatest[0]:
            self._greatest_is_gone = True
        if not self._least_is_gone:
            if least <= self._least[0]:
                self._found_least((least, int(slots[least_at])))
            # Where eps is 0, a priority of 0 is none that counts.
            self._least_is_gone = bool(self._own[self._least[1]] != self._least[0]) or self._least[0] + self.eps == 0

    def _values(self, priorities: Any, count: int) -> torch.Tensor:
        """Flat, contiguous priorities in the dtype they are kept in."""
        if (
            type(priorities) is torch.Tensor
            and priorities.dtype is self.table.dtype
            and priorities.is_cpu
            and priorities.numel() == count
            and priorities.is_contiguous()
            and not priorities.is_neg()
        ):
            return priorities
        if isinstance(priorities, torch.Tensor):
            check_dense(priorities, "priorities")
        values = (
            torch.as_tensor(priorities, device="cpu").detach().to("cpu", self.table.dtype).resolve_neg().reshape(-1)
        )
        if values.numel() not in (1, count):
            raise ValueError(f"there must be one priority per slot, but there are {values.numel()} for {count}")
        return values.expand(count).contiguous()

    def draw(self, n: int, *, seed: int, epoch: int = 0, stratified: bool = False) -> torch.Tensor:
        """Draws n >= 0 slots, int64, as ``DynamicTable.draw`` does; the seed is a key in [0, 2^64).

        Raises:
            RuntimeError: No slot has a positive weight.
        """
        try:
            # As table.draw, whose arguments can be more than these.
            slots = torch.empty(n, dtype=torch.int64, device="cpu")
            if n > 0:
                strata = n if stratified else 0
                self._core.draw_into(address_of_output(slots), n, seed, epoch, 0, 1, torch.get_num_threads(), strata)
            return slots
        except ValueError:
            if self.table.positive == 0:
                raise RuntimeError("there is nothing to draw: no slot has a positive priority") from None
            raise

    def importance_weights(self, slots: torch.Tensor, beta: float, normalise: str = "batch") -> torch.Tensor:
        """Returns (P(i) / least P)^-beta of slots just drawn, in the table's dtype.

        Args:
            slots: int64, shape (n,), contiguous, on the CPU; as drawn.
            beta: >= 0.
            normalise: Whose P is the least: "batch": of these slots, so that the greatest weight of the batch is 1;
                "table": of all slots, so that batches are comparable.
        """
        count = _checked(slots)
        result = torch.empty(count, dtype=self.table.dtype, device="cpu")
        if count > 0:
            self._core.weights_of(address_of(slots, "slots"), count, address_of_output(result))
            least = -1.0 if normalise == "batch" else self.least_weight  # negative: of the batch
            _core.correct_weights(address_of_output(result), count, self._wide, least, beta)
        return result

    def _weights(self, priorities: Floats, alpha: float) -> Floats:
        """(p + eps)^alpha in the table's dtype; what is positive stays so."""
        weights = np.empty_like(priorities)
        if len(weights) > 0:
            _core.raise_priorities(
                priorities.ctypes.data, len(weights), self._wide, self.eps, alpha, weights.ctypes.data
            )
        return weights

    def set_weights(self, weights: Floats) -> None:
        """Takes powers of priorities, shape (capacity,), zero where there is none: what other trees keep."""
        slots = np.flatnonzero(weights > 0)
        roots = weights[slots].astype(np.float64) ** (1 / self._alpha) if self._alpha > 0 else weights[slots]
        self.table.update(np.arange(self.capacity), weights.astype(self._own.dtype))
        self._own[:] = _UNWRITTEN
        self._own[slots] = np.maximum(roots - self.eps, 0)
        self._greatest, self._greatest_is_gone = (0.0, 0) if len(slots) else None, len(slots) > 0
        self._least_is_gone = True

    def raise_greatest(self, priority: float, slot: int) -> None:
        """Takes note of a priority that a slot had once, unless a greater one is known."""
        known = self.greatest_and_slot()
        if known is None or priority > known[0]:
            self._greatest = priority, slot

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_core", "_own_address")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._core = self.table._core
        self._keep(self._own)

    def state_dict(self) -> dict[str, Any]:
        """Returns all there is to know, as numbers and tensors. O(capacity)."""
        return {
            "version": 1,
            "alpha": self._alpha,
            "eps": self.eps,
            "priorities": torch.from_numpy(self._own.copy()),
            "greatest": self.greatest_and_slot(),
            "table": self.table.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict`` returned.

        Raises:
            ValueError: Not such a state, or of another capacity or dtype. Nothing is changed.
        """
        if not isinstance(state, Mapping) or set(state) != _STATE_KEYS or state["version"] != 1:
            raise ValueError("this is no state of Priorities, or of a newer version")
        own = state["priorities"]
        if not isinstance(own, torch.Tensor):
            raise ValueError(f"the state's priorities must be a tensor, but they are a {type(own).__name__}")
        check_dense(own, "the state's priorities")
        if tuple(own.shape) != self._own.shape or own.dtype != self.table.dtype:
            raise ValueError(
                f"the state is of {len(own)} slots of {own.dtype}, but there are {self.capacity} of {self.table.dtype}"
            )
        alpha, eps = _not_negative(state["alpha"], "alpha"), _not_negative(state["eps"], "eps")
        if len(state["table"]["weights"]) != self.capacity:
            raise ValueError("the state's table has another number of slots than it has priorities")
        self.table.load_state_dict(state["table"])
        self._keep(own.numpy().copy())
        self._alpha, self.eps = alpha, eps
        greatest = state["greatest"]
        self._greatest = None if greatest is None else (float(greatest[0]), int(greatest[1]))
        self._greatest_is_gone, self._least_is_gone = False, True


def _checked(slots: torch.Tensor) -> int:
    """How many slots there are, if they lie as C++ reads them."""
    if slots.dtype is not torch.int64 or slots.ndim != 1 or not slots.is_cpu or not slots.is_contiguous():
        raise TypeError(
            "slots must be a contiguous 1-d tensor of int64 on the CPU, but got "
            f"{slots.dtype} of shape {tuple(slots.shape)} on {slots.device}"
        )
    return slots.numel()


def _not_negative(value: Any, name: str) -> float:
    number = real_number(value, name)
    if number < 0:
        raise ValueError(f"{name} must be greater or equal than 0, got {name}={value}")
    return number


def _what_is_wrong(values: Floats) -> str:
    bad = np.flatnonzero(~((values >= 0) & (values < np.inf)))
    return (
        f"priorities must be finite and >= 0, but priorities[{bad[0]}] is {values[bad[0]]} "
        f"({len(bad)} of {len(values)} are invalid): pass absolute errors, error.abs()"
    )
