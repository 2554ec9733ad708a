"""PrioritizedReplay: a ring buffer of items, drawn by priority."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence
from typing import Any, NamedTuple

import numpy as np
import torch

from pysampler.inputs.indices import flat_indices
from pysampler.inputs.numbers import real_number, whole_number
from pysampler.inputs.weights import readable, to_tensor
from pysampler.keys import key_from_generator, seed_key
from pysampler.replay.priorities import Priorities
from pysampler.replay.rows import ListRows, TensorRows

_STATE_KEYS = {"version", "added", "key", "drawn", "beta", "priorities", "items"}


class ReplayBatch(NamedTuple):
    """What ``PrioritizedReplay.sample`` returns.

    Attributes:
        items: As they were added, with a leading dimension of n; a list if they lie in a list.
        keys: int64, shape (n,): which items these are, for ``update``. Item number k since the beginning has key k and
            lies in slot k % capacity.
        weights: Shape (n,), float: importance weights, the greatest of which is 1; multiply losses by them.
    """

    items: Any
    keys: torch.Tensor
    weights: torch.Tensor


class PrioritizedReplay:
    """A ring buffer whose items are drawn in proportion to (priority + eps)^alpha (Schaul et al. 2016).

    New items get the greatest priority so far, so each is soon drawn. An item's key stays its own: updates of items
    that were overwritten since they were drawn are dropped, and never reach what lies in their slot now.

    Args:
        capacity: How many items there is room for; then the oldest is overwritten.
        alpha: How much priorities count, >= 0: 0 draws uniformly. May be set later, O(capacity).
        beta: Exponent of the importance weights, >= 0: 1 corrects fully. May be set later.
        eps: Added to priorities, >= 0. With 0, an item of priority 0 is never drawn.
        seed: In [-2^63, 2^64). By default taken from torch's global generator, now.
        storage: None keeps items as rows of tensors (numbers, tensors, or dicts or tuples of such; all alike). A list
            keeps objects of any kind in it; what lies in it already counts as added.
        device: Where rows of tensors lie. Keys and priorities are kept on the CPU.
        stratified: Draw one item from each of n equal shares of the total, as the paper does, which gives batches in
            the order of slots; else independently.
        within_buffer: Whether new items get the greatest priority of those in the buffer, or of all there ever were.

    Cost: see the benchmarks; a batch of 256 takes some tens of microseconds. The draws of a batch are a function of
    (seed, number of batches drawn before, priorities): any number of threads gives the same.

    Raises:
        ValueError: An argument out of range; a list and a device.

    Example:
        >>> replay = PrioritizedReplay(1000, seed=0)
        >>> keys = replay.extend({"x": torch.randn(50, 4), "y": torch.arange(50)})
        >>> batch = replay.sample(8)
        >>> replay.update(batch.keys, batch.items["y"])
        >>> batch.items["x"].shape, len(replay)
        (torch.Size([8, 4]), 50)
    """

    def __init__(
        self,
        capacity: int,
        *,
        alpha: float = 0.6,
        beta: float = 0.4,
        eps: float = 1e-6,
        seed: int | None = None,
        storage: MutableSequence[Any] | None = None,
        device: torch.device | str | None = None,
        stratified: bool = True,
        within_buffer: bool = False,
    ) -> None:
        self.priorities = Priorities(capacity, alpha=alpha, eps=eps, within_buffer=within_buffer)
        self._rows: TensorRows | ListRows
        if storage is None:
            self._rows = TensorRows(self.capacity, torch.device("cpu" if device is None else device))
        elif device is not None:
            raise ValueError("give a storage of your own or a device for rows of tensors, not both")
        else:
            self._rows = ListRows(self.capacity, storage)
        self.beta = beta
        self.stratified = stratified
        self._key = key_from_generator(None) if seed is None else seed_key(seed)
        self._drawn = 0  # batches so far
        self._added = 0 if storage is None else len(storage)
        if self._added:
            self.priorities.set(torch.arange(self._added, device="cpu"), self.priorities.greatest)

    @property
    def capacity(self) -> int:
        """How many items there is room for."""
        return self.priorities.capacity

    @property
    def alpha(self) -> float:
        """How much priorities count."""
        return self.priorities.alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.priorities.alpha = value

    @property
    def beta(self) -> float:
        """Exponent of the importance weights."""
        return self._beta

    @beta.setter
    def beta(self, value: float) -> None:
        self._beta = _checked_beta(value)

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def __repr__(self) -> str:
        return (
            f"PrioritizedReplay({len(self)} of capacity {self.capacity}, alpha={self.alpha}, beta={self.beta}, "
            f"eps={self.priorities.eps})"
        )

    def add(self, item: Any, priority: float | None = None) -> int:
        """Adds one item and returns its key.

        Args:
            item: Rows of tensors: without the leading dimension.
            priority: By default the greatest so far.
        """
        return int(self._add(item, priority, single=True)[0])

    def extend(self, items: Any, priorities: Any = None) -> torch.Tensor:
        """Adds several items and returns their keys, int64. Of more than ``capacity`` only the last remain.

        Args:
            items: Rows of tensors: with a leading dimension. A list's: an iterable.
            priorities: One for each, or one for all; by default the greatest so far.
        """
        return self._add(items, priorities, single=False)

    def _add(self, items: Any, priorities: Any, single: bool) -> torch.Tensor:
        ready, count = self._rows.ready(items, single)
        keys = torch.arange(self._added, self._added + count, device="cpu")
        kept = min(count, self.capacity)
        slots = keys[count - kept :] % self.capacity
        if priorities is None:
            given = torch.tensor([self.priorities.greatest], device="cpu")
        else:
            given = _flat_floats(priorities)
            if len(given) not in (1, count):
                raise ValueError(f"there must be one priority per item, but there are {len(given)} for {count}")
            given = given[-kept:] if len(given) > 1 else given
        self.priorities.set(slots, given)  # refuses bad ones before an item is written
        self._rows.write(slots, ready, items, single)
        self._added += count
        return keys

    def sample(self, n: int, *, beta: float | None = None) -> ReplayBatch:
        """Draws n items, with replacement.

        Args:
            n: >= 0.
            beta: For this batch only.

        Raises:
            RuntimeError: There is no item of positive weight.
        """
        exponent = self._beta if beta is None else _checked_beta(beta)
        slots = self.priorities.draw(n, seed=self._key, epoch=self._drawn, stratified=self.stratified)
        self._drawn += 1
        weights = self.priorities.importance_weights(slots, exponent)
        return ReplayBatch(self._rows[slots], self._keys_in(slots), weights)

    def update(self, keys: Any, priorities: Any) -> None:
        """Gives items new priorities: of a loss per item, or of an error's absolute value.

        Args:
            keys: Of items that were added, any shape. Those that were overwritten meanwhile are left out; of a key that
                comes several times the last priority counts.
            priorities: Finite and >= 0, as many, on any device; or one for all.

        Raises:
            ValueError: A key that was never given out, a bad priority. Nothing is changed.
        """
        wanted = flat_indices(keys).astype(np.int64, copy=False)
        values = _flat_floats(priorities)
        if len(values) not in (1, len(wanted)):
            raise ValueError(f"there must be one priority per key, but there are {len(values)} for {len(wanted)}")
        if len(wanted) == 0:
            return
        if wanted.min() < 0 or wanted.max() >= self._added:
            bad = wanted[(wanted < 0) | (wanted >= self._added)][0]
            raise ValueError(f"keys must lie in [0, {self._added}), as added, but got {bad}")
        if self._added > self.capacity:
            there = wanted >= self._added - self.capacity
            if not there.all():
                wanted = wanted[there]
                values = values[torch.from_numpy(there)] if len(values) > 1 else values
        self.priorities.set(torch.from_numpy(wanted % self.capacity), values)

    def _keys_in(self, slots: torch.Tensor) -> torch.Tensor:
        """The keys of what lies in slots now."""
        if self._added <= self.capacity:
            return slots
        newest = self._added - 1
        return newest - (newest - slots) % self.capacity

    def state_dict(self, *, items: bool = True) -> dict[str, Any]:
        """Returns all that is needed to go on with the same batches. O(capacity): copies.

        Args:
            items: Whether to include the items; without, whoever loads it must have them in place.
        """
        return {
            "version": 1,
            "added": self._added,
            "key": self._key,
            "drawn": self._drawn,
            "beta": self._beta,
            "priorities": self.priorities.state_dict(),
            "items": self._rows.state(len(self)) if items else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where ``state_dict`` was called.

        Raises:
            ValueError: Not such a state, or of another capacity.
        """
        if not isinstance(state, Mapping) or set(state) != _STATE_KEYS or state["version"] != 1:
            raise ValueError("this is no state of a PrioritizedReplay, or of a newer version")
        added = whole_number(state["added"], "added", 0)
        drawn = whole_number(state["drawn"], "drawn", 0)
        key, beta = seed_key(state["key"]), _checked_beta(state["beta"])
        self.priorities.load_state_dict(state["priorities"])
        self._added, self._drawn, self._key, self._beta = added, drawn, key, beta
        if state["items"] is not None:
            self._rows.load(state["items"], len(self))


def _flat_floats(values: Any) -> torch.Tensor:
    """Numbers on any device and of any dtype and shape as flat floats on the CPU."""
    tensor = to_tensor([values] if isinstance(values, int | float) else values)
    return readable(tensor).reshape(-1)


def _checked_beta(value: Any) -> float:
    beta = real_number(value, "beta")
    if beta < 0:
        raise ValueError(f"beta must be >= 0, but got beta={value}")
    return beta
