"""The dynamic table: weights that change while others draw."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.memory import address_of, address_of_output, check_dense
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.output import output_for
from pysampler.inputs.shown import shown
from pysampler.inputs.weights import MAX_ITEMS, check_shape, readable, to_tensor
from pysampler.share import Share
from pysampler.sources import dynamic_fork, dynamic_table_state
from pysampler.sources.base import Source
from pysampler.sources.dynamic_arguments import strata_of
from pysampler.sources.dynamic_batch import draw_at_once
from pysampler.sources.dynamic_log import UpdateLog
from pysampler.sources.dynamic_log_updates import LoggedUpdates
from pysampler.sources.dynamic_on_gpu import CudaDynamicTable
from pysampler.sources.dynamic_table_file import DynamicTableParts, read_dynamic_table, write_dynamic_table
from pysampler.sources.dynamic_updates import DynamicUpdates

_CPU = torch.device("cpu")
_NOT_KEPT = "its weights change while it is drawn from, and only DynamicTable(..., log=True) keeps what they were"


class DynamicTable(DynamicUpdates):
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
        log: Whether to keep all updates, and from which weights samplers drew at which positions: then what they have
            shown can be drawn again (``audit_coverage``, ``positions_of``). A number keeps the updates of so many
            weights, dropping the oldest half when they are more. Costs a second table, 8 or 12 bytes for each weight of
            an update and 32 for each update; all of it is in ``state_dict()``, none in ``save``.

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

    def __init__(self, weights: Any, *, capacity: int | None = None, log: bool | int = False) -> None:
        tensor = to_tensor(weights)
        if tuple(tensor.shape) != (0,):
            check_shape(tensor)
        room = 0 if capacity is None else whole_number(capacity, "capacity", tensor.numel(), MAX_ITEMS)
        self._begin(readable(tensor), room, None)
        if log is not False:
            self._keep_log(None if log is True else whole_number(log, "log", 1))

    def _begin(self, weights: torch.Tensor, capacity: int, scale: int | None) -> None:
        wide = weights.dtype == torch.float64
        self._dtype = weights.dtype
        self._core = _core.DynamicTable(
            address_of(weights, "weights"), weights.numel(), wide, capacity, scale, torch.get_num_threads()
        )
        self._log = None
        self.auditable: str | None = _NOT_KEPT

    def _keep_log(self, limit: int | None) -> None:
        """Keeps a log from now on."""
        self._log = UpdateLog(from_parts(self._parts()), limit, self.version, LoggedUpdates(self._dtype))
        self.auditable = None
        dynamic_fork.watch(self._log)

    @property
    def log_nbytes(self) -> int:
        """What the log takes besides its copy of the table, in bytes: 0 without one."""
        return 0 if self._log is None else self._log.nbytes

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
        if dtype is None and out is None and without_replacement is False:
            drawn = draw_at_once(self._core, n, seed, epoch, start, step, stratified)
            if drawn is not None:
                return drawn
        wanted, strata = strata_of(n, seed, epoch, start, step, stratified)
        if without_replacement and (strata or wanted.start != 0 or wanted.step != 1):
            raise ValueError("draws without replacement are neither stratified nor addressed by start and step")
        if dtype is None and out is None:
            result = output_for(wanted.draws, 0, _CPU, None, None)
        else:
            narrow = torch.int32 in (dtype, getattr(out, "dtype", None))  # else any number of items will do
            result = output_for(wanted.draws, len(self) if narrow else 0, _CPU, dtype, out)
        if wanted.draws > 0:
            wide = result if result.dtype is torch.int64 else torch.empty(wanted.draws, dtype=torch.int64, device="cpu")
            if without_replacement:
                self._core.draw_distinct_into(address_of_output(wide), wanted.draws, wanted.key, wanted.epoch)
            else:
                self._core.draw_into(address_of_output(wide), *wanted, torch.get_num_threads(), strata)
            if wide is not result:
                result.copy_(wide)
        return result

    def as_tensor(self) -> torch.Tensor:
        """Returns the table as it is now as an int64 tensor, for ``torch.ops.pysampler.draw_dynamic``. A copy, O(N)."""
        words = torch.empty(0, dtype=torch.int64, device="cpu")
        while (needed := self._core.pack_into(address_of_output(words), words.numel())) > words.numel():
            words = torch.empty(needed, dtype=torch.int64, device="cpu")
        return words

    def to(self, device: torch.device | str) -> DynamicTable | CudaDynamicTable:
        """Returns the table on ``device``: itself for "cpu"; for a CUDA device a copy, drawn from and updated there.

        See ``CudaDynamicTable``. The copy goes its own way: an update of one does not reach the other. A log stays
        here.

        Cost: O(N).

        Raises:
            RuntimeError: Another kind of device, or a GPU that pysampler cannot use; says why (as ``pysampler info``).
        """
        if torch.device(device).type == "cpu":
            return self
        return CudaDynamicTable(self.as_tensor(), device, from_parts)

    def cpu(self) -> DynamicTable:
        """Returns the table itself, which is on the CPU; see ``to``."""
        return self

    def cuda(self) -> CudaDynamicTable:
        """Returns a copy of the table on torch's current CUDA device; see ``to``."""
        return CudaDynamicTable(self.as_tensor(), "cuda", from_parts)

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """An epoch's draws by position, each with the weights as they are when it is made; see ``Source.epoch``."""
        return _core.DynamicDraws(self._core, key, epoch)

    def opened(self, key: int, epoch: int, draws: int, position: int, share: Share) -> _core.PassDraws:
        """A pass that begins now; see ``Source.opened``. A log notes which positions are drawn from which weights."""
        if self._log is None:
            return self.epoch(key, epoch, draws)
        return _core.DynamicDraws(self._core, key, epoch, self._log.open((key, epoch), position), share.rank)

    def redrawn(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """A past pass by the log; see ``Source.redrawn``. 8 bytes for each draw of an epoch.

        Raises:
            ValueError: The log does not tell of this pass, or not of all of it.
        """
        if self._log is None:
            raise ValueError(f"past draws of {type(self).__name__} cannot be drawn again: {_NOT_KEPT}")
        return _core.BufferDraws(self._log.redrawn((key, epoch), epoch, draws), self.epoch(key, epoch, draws))

    def with_weights(self, weights: Any) -> Source:
        """Returns another dynamic table, with a log if this has one; a ready source is taken as it is.

        See ``Source.with_weights``.
        """
        if isinstance(weights, Source):
            return weights
        return DynamicTable(weights, log=False if self._log is None else self._log.limit or True)

    def state_dict(self) -> dict[str, Any]:
        """Returns the state: weights (a copy), scale, capacity and fingerprint; and the log, if there is one. O(N)."""
        if self._log is None:
            return dynamic_table_state.written(self._parts())
        with self._log.lock:  # an update belongs to both or to none
            return {**dynamic_table_state.written(self._parts()), "log": self._log.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Becomes the table whose state this is. O(N).

        With a log, its log becomes that of the state; if that has none, one that begins now.

        Raises:
            ValueError: Not such a state, of another dtype, or damaged. Nothing is changed.
        """
        parts, log = dynamic_table_state.read(state, self._dtype)
        other = from_parts(parts)  # refuses what is damaged
        if self._log is None:
            self._assign(parts.weights, other.scale)
            return
        with self._log.lock:
            begun = UpdateLog(other, self._log.limit, 0, LoggedUpdates(self._dtype))
            if log is not None:
                begun.load(log, parts.fingerprint)
            self._assign(parts.weights, other.scale)
            begun.move_to(self.version)
            self._log.become(begun)

    def _assign(self, weights: torch.Tensor, scale: int) -> None:
        own = readable(weights.detach().cpu().resolve_neg())
        address, wide = address_of(own, "weights"), own.dtype == torch.float64
        self._core.assign(address, own.numel(), wide, scale, torch.get_num_threads())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table, without its log, to ``path``, replacing it at once.

        See ``pysampler.sources.dynamic_table_file``.
        """
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
        if self._log is None:
            return from_parts, (self._parts(),)
        return _with_log, (self.state_dict(),)

    def __copy__(self) -> DynamicTable:
        make, arguments = self.__reduce__()
        made: DynamicTable = make(*arguments)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> DynamicTable:
        return self.__copy__()


def from_parts(parts: DynamicTableParts) -> DynamicTable:
    """Makes a table of what one held.

    Raises:
        ValueError: Parts that do not belong together.
        TypeError: Weights without memory.
    """
    check_dense(parts.weights, "weights")
    scale = whole_number(parts.scale, "scale", -(2**31), 2**31 - 1)
    capacity = whole_number(parts.capacity, "capacity", len(parts.weights), MAX_ITEMS)
    table = DynamicTable.__new__(DynamicTable)
    table._begin(parts.weights.detach().cpu().resolve_neg().contiguous(), capacity, scale)
    if not isinstance(parts.fingerprint, str) or parts.fingerprint != table.fingerprint:
        raise ValueError(
            f"the table is damaged: its fingerprint is {table.fingerprint}, expected {shown(parts.fingerprint)}"
        )
    return table


def _with_log(state: Mapping[str, Any]) -> DynamicTable:
    """Makes a table that has a log, of its state."""
    table = from_parts(dynamic_table_state.read(state, None)[0])
    table._keep_log(None)
    table.load_state_dict(state)
    return table
