"""torchrl: a ``PrioritizedSampler`` for its replay buffers over a ``DynamicTable``.

    from pysampler.integrations.torchrl import PrioritizedSampler

    buffer = TensorDictReplayBuffer(
        storage=LazyTensorStorage(1_000_000),
        sampler=PrioritizedSampler(1_000_000, alpha=0.7, beta=0.5),
        priority_key="td_error",
        batch_size=256,
    )

It needs no compiled part of torchrl, which loads only beside the very torch it was built for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchrl.data.replay_buffers import samplers

from pysampler.inputs.memory import check_dense
from pysampler.inputs.numbers import real_number, whole_number
from pysampler.keys import key_from_generator, seed_key
from pysampler.replay.priorities import Priorities

_METADATA, _PRIORITIES = "sampler_metadata.json", "priorities.pt"
_FLOAT32, _FLOAT64 = (torch.float32, torch.FloatTensor), (torch.float64, torch.DoubleTensor)


class PrioritizedSampler(samplers.PrioritizedSampler):
    """torchrl's ``PrioritizedSampler``, the same arguments and methods, over exact integer sums.

    What is different:

    * An item of weight zero is never drawn, and sums never drift. (Others walk back to the left neighbour.)
    * Batches are a function of torch's generator (``torch.manual_seed``, or the buffer's ``generator``), not of NumPy's
      global one; or of ``seed``.
    * NaN, infinite and negative priorities are refused, and nothing is changed.
    * ``alpha`` can be changed from 0 to another value: priorities themselves are kept.
    * With ``max_priority_within_buffer`` it is the buffer's greatest also right after that item was overwritten.
    * ``load_state_dict`` and ``loads`` take torchrl's own states too.

    Args:
        max_capacity: How many slots, at least the storage's.
        alpha: Exponent of priorities, >= 0.
        beta: Exponent of the importance weights, >= 0.
        eps: Added to priorities, >= 0.
        dtype: What priorities are kept as: torch.float32 or torch.float64.
        reduction: How the buffer makes one priority of a trajectory's: "max", "min", "median" or "mean".
        max_priority_within_buffer: Whether new items get the greatest priority in the buffer, or of all time.
        device: None or the CPU: priorities are kept there, and indices are returned there, whatever the storage's
            device. Priorities may come from any device.
        seed: In [-2^63, 2^64): batch number k is the same whatever else draws random numbers, and the state holds k.
            By default each batch takes a key from the buffer's generator, or else torch's global one.
        stratified: Draw one item from each of ``batch_size`` equal shares of the total, as the paper does.

    Cost: as for ``pysampler.replay.PrioritizedReplay``.

    Raises:
        ValueError: A negative alpha, beta or eps; another device.
        NotImplementedError: Another dtype.
    """

    def __init__(
        self,
        max_capacity: int,
        alpha: float,
        beta: float,
        eps: float = 1e-8,
        dtype: torch.dtype = torch.float,
        reduction: str = "max",
        max_priority_within_buffer: bool = False,
        device: torch.device | str | None = None,
        *,
        seed: int | None = None,
        stratified: bool = False,
    ) -> None:
        # Not torchrl's own __init__, which wants its compiled trees.
        if device is not None and torch.device(device).type != "cpu":
            raise ValueError(f"priorities are kept on the CPU, whatever the storage's device, but got device={device}")
        if beta < 0:
            raise ValueError(f"beta must be greater or equal to 0, got beta={beta}")
        if dtype not in _FLOAT32 and dtype not in _FLOAT64:
            raise NotImplementedError(f"dtype {dtype} not supported by PrioritizedSampler")
        self._max_capacity = whole_number(max_capacity, "max_capacity", 1)
        self._alpha, self._beta, self._eps = alpha, beta, eps
        self.reduction = reduction
        self.dtype = torch.float32 if dtype in _FLOAT32 else torch.float64
        self._max_priority_within_buffer = max_priority_within_buffer
        self._seed = None if seed is None else seed_key(seed)
        self._stratified = stratified
        self._drawn = 0  # batches so far
        self._init()

    def _init(self) -> None:
        self.priorities = Priorities(
            self._max_capacity,
            alpha=self._alpha,
            eps=self._eps,
            dtype=self.dtype,
            within_buffer=self._max_priority_within_buffer,
        )

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return torch.device("cpu")

    @property
    def alpha(self) -> float:
        """Exponent of priorities. Setting it makes all weights anew, O(max_capacity)."""
        return self._alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.priorities.alpha = value
        self._alpha = value

    @property
    def default_priority(self) -> float:
        """What items without a priority get: the greatest so far, 1 before there is any."""
        return self.priorities.greatest

    @property
    def _max_priority(self) -> tuple[float | None, int | None]:
        return self.priorities.greatest_and_slot() or (None, None)

    def sample(self, storage: Any, batch_size: int) -> tuple[Any, dict[str, Any]]:
        """Draws slots, with replacement.

        Returns:
            int64 indices of shape (batch_size,), on the CPU, or for storages of several dimensions a tuple of such; and
            {"priority_weight": (P(i) / least P of all)^-beta}.

        Raises:
            RuntimeError: An empty storage, one that lacks items that have priorities, or no positive priority.
        """
        length = len(storage)
        if length == 0:
            raise RuntimeError("Cannot sample from an empty storage.")
        if self._seed is None:
            slots = self.priorities.draw(batch_size, seed=key_from_generator(self._rng), stratified=self._stratified)
        else:
            slots = self.priorities.draw(
                batch_size, seed=self._seed, epoch=self._drawn, stratified=self._stratified
            )  # fmt: skip
        self._drawn += 1
        if length < self._max_capacity and batch_size > 0 and int(slots.max()) >= length:
            raise RuntimeError(
                f"item {int(slots.max())} has a priority, but the storage holds {length} items: was one of sampler and "
                "storage emptied or loaded without the other?"
            )
        weights = self.priorities.importance_weights(slots, real_number(self._beta, "beta"), "table")
        if storage.ndim > 1:
            return torch.unravel_index(slots, tuple(storage.shape)), {"priority_weight": weights}
        return slots, {"priority_weight": weights}

    def add(self, index: Any) -> None:
        """Nothing to do: the writer has told by ``mark_update``."""

    def extend(self, index: Any) -> None:
        """Nothing to do: the writer has told by ``mark_update``."""

    def update_priority(self, index: Any, priority: Any, *, storage: Any = None) -> None:
        """Gives items new priorities; of an item that comes several times the last one counts.

        Args:
            index: Of any shape; a last dimension of coordinates, or a tuple of them, for storages of several
                dimensions. Negative ones (what a writer did not keep) are left out.
            priority: Finite and >= 0, one for each or one for all, on any device.
            storage: Needed for its shape if it has several dimensions.

        Raises:
            ValueError: An index beyond the capacity, a bad priority. Nothing is changed.
            RuntimeError: Not one priority per item; several dimensions and no storage.
        """
        slots = _flat_slots(index, storage)
        values = priority if isinstance(priority, torch.Tensor) else torch.as_tensor(priority, device="cpu")
        if values.numel() not in (1, slots.numel()):
            raise RuntimeError(
                "priority should be a number or an iterable of the same length as index. Got priority of shape "
                f"{tuple(values.shape)} and {slots.numel()} indices."
            )
        try:
            self.priorities.set(slots, values)
        except ValueError:
            kept = slots >= 0
            if bool(kept.all()):
                raise
            flat = values.reshape(-1).cpu()
            self.priorities.set(slots[kept], flat if flat.numel() == 1 else flat[kept])

    def state_dict(self) -> dict[str, Any]:
        """Returns numbers and tensors: ``torch.load`` takes them with weights_only."""
        return {"_alpha": self._alpha, "_beta": self._beta, "_eps": self._eps, "_drawn": self._drawn,
                "_seed": self._seed, "priorities": self.priorities.state_dict()}  # fmt: skip

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes what ``state_dict`` returned, of this class or of torchrl's.

        Raises:
            ValueError: No such state, or of another capacity or dtype.
        """
        if "_sum_tree" in state_dict:
            tree = state_dict["_sum_tree"]
            if len(tree) != self._max_capacity:
                raise ValueError(f"the state is of {len(tree)} slots, but max_capacity is {self._max_capacity}")
            self._take(state_dict, torch.as_tensor(tree[torch.arange(self._max_capacity, device="cpu")], device="cpu"))
            return
        if "priorities" not in state_dict:
            raise ValueError("this is no state of a PrioritizedSampler")
        self.priorities.load_state_dict(state_dict["priorities"])
        self._alpha, self._beta, self._eps = state_dict["_alpha"], state_dict["_beta"], state_dict["_eps"]
        self._drawn, self._seed = state_dict["_drawn"], state_dict["_seed"]

    def _take(self, state: Mapping[str, Any], weights: torch.Tensor) -> None:
        """Takes a state of torchrl's own sampler: powers of priorities, and the greatest that it had noted."""
        self._alpha, self._beta, self._eps = state["_alpha"], state["_beta"], state["_eps"]
        self._init()
        self.priorities.set_weights(weights.cpu().numpy())
        noted = state["_max_priority"][0]
        # Before version 1 it may be the power of a priority.
        if noted is not None and state.get("_schema_version", 0) >= 1 and not self._max_priority_within_buffer:
            self.priorities.raise_greatest(float(noted), int(state["_max_priority"][1]))

    def dumps(self, path: str | os.PathLike[str]) -> None:
        """Writes the state into the folder ``path``."""
        folder = Path(path).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self.state_dict(), folder / _PRIORITIES)
        (folder / _METADATA).write_text(json.dumps({"sampler": "pysampler", "_max_capacity": self._max_capacity}))

    def loads(self, path: str | os.PathLike[str]) -> None:
        """Reads what ``dumps`` wrote, of this class or of torchrl's.

        Raises:
            RuntimeError: Of another capacity.
            OSError: There is nothing to read.
        """
        folder = Path(path).absolute()
        metadata = json.loads((folder / _METADATA).read_text())
        if metadata["_max_capacity"] != self._max_capacity:
            raise RuntimeError(
                f"max capacity of loaded metadata ({metadata['_max_capacity']:.0f}) differs from self._max_capacity "
                f"({self._max_capacity})."
            )
        if metadata.get("sampler") == "pysampler":
            self.load_state_dict(torch.load(folder / _PRIORITIES, weights_only=True))
        else:
            weights = np.fromfile(folder / "sumtree.memmap", np.float64, self._max_capacity)
            self._take(metadata, torch.from_numpy(weights))


def _flat_slots(index: Any, storage: Any) -> torch.Tensor:
    """Indices as a flat, contiguous tensor of int64; coordinates are turned into such by the storage's shape."""
    if type(index) is torch.Tensor and index.ndim == 1 and index.dtype is torch.int64 and index.is_cpu:
        return index.contiguous()
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, torch.Tensor):
            check_dense(part, "index")
    if isinstance(index, tuple):
        index = torch.stack([torch.as_tensor(each, device="cpu") for each in index], -1)
    slots = torch.as_tensor(index, dtype=torch.int64, device="cpu")
    if slots.ndim > 1:
        if storage is None:
            raise RuntimeError(
                "storage should be provided to Sampler.update_priority when the storage has more than one dimension."
            )
        if slots.shape[-1] != storage.ndim:
            raise RuntimeError(
                f"index has {slots.shape[-1]} coordinates, but the storage has {storage.ndim} dimensions"
            )
        columns = slots.unbind(-1)
        slots = columns[0]
        for column, size in zip(columns[1:], tuple(storage.shape)[1:], strict=True):
            slots = slots * size + column
    return slots.reshape(-1).contiguous()
