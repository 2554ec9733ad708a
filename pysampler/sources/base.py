"""Source: what can be drawn from by position."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from typing_extensions import Self

from pysampler import _core
from pysampler.inputs.memory import address_of_output, check_dense, without_tensors
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.output import output_for
from pysampler.keys import StreamRange, stream_range
from pysampler.share import Share
from pysampler.sources.handed_out import HandedOut

MAX_ITEMS = 2**62
_CPU = torch.device("cpu")

Draw = Callable[[int, int, int], Any]
# What samplers ask a source: not offered for completion to those who draw from it.
_ASKED_BY_SAMPLERS = {"auditable", "batch_draws", "batch_in_parts", "check_batches", "check_draws", "check_share"}
_ASKED_BY_SAMPLERS |= {"current", "default_draws", "kind", "load_state", "one_key", "state"}


class Source(ABC):
    """What samplers hand out: draws that are a pure function of (source, key, epoch, position).

    To draw from something new, derive from this class: say what ``num_items``, ``fingerprint`` and ``epoch`` are, and
    every sampler takes it, on any number of ranks, with state, audit and coverage. ``epoch`` may return
    ``python_draws(...)``, so that nothing needs to be compiled.

    A source does not change while it is drawn from, with two exceptions. One that can be edited (weights that users
    write to) returns a snapshot from ``current``, which is asked for when a pass begins. One that changes in the middle
    of a pass tells running iterators by the version of its draws (``python_draws``), and keeps what it needs to draw
    the same again in ``state``.

    Attributes:
        kind: What sort of thing it is, for states: "weighted", "shuffle", ...
        method: How draws relate to each other, for states: "iid", "systematic", "permutation", ...
        replacement: Whether an item may come again within an epoch.
        global_batch_size: How many successive draws, over all ranks, the source balances as a whole; None if it knows
            no batches. Part of the state.
        batch_in_parts: Whether what it balances as a whole may be taken in equal parts, one after the other, as when
            gradients are accumulated.
        one_key: Whether epochs complement each other, so that all passes of a sampler must have one key.
        auditable: None if past epochs can be drawn again from the key alone, else the reason why not.
    """

    kind: str = "weighted"
    method: str = "iid"
    replacement: bool = True
    global_batch_size: int | None = None
    batch_in_parts: bool = True
    one_key: bool = False
    auditable: str | None = None

    _log_probabilities: torch.Tensor | None = None

    @property
    @abstractmethod
    def num_items(self) -> int:
        """Indices lie in [0, num_items), at most 2^62."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Tells sources apart that draw differently; the same in every process. Leaves out what ``state`` holds."""

    @abstractmethod
    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws by position, and what pads the shares of ranks that do not divide it.

        Args:
            key: The 64-bit key of the stream.
            epoch: In [0, 2^48).
            draws: How many positions the epoch has.
        """

    def opened(self, key: int, epoch: int, draws: int, position: int, share: Share) -> _core.PassDraws:
        """Returns an epoch's draws for a pass that begins now, at a position over all ranks: what samplers ask for.

        By default those of ``epoch``. Sources that change in the middle of a pass may note here what is drawn when.
        """
        return self.epoch(key, epoch, draws)

    def redrawn(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns what a past epoch has drawn: what audits ask for. By default what ``epoch`` gives."""
        return self.epoch(key, epoch, draws)

    @property
    def default_draws(self) -> int:
        """Draws of an epoch unless the user says otherwise."""
        return self.num_items

    def epoch_draws(self, key: int | None) -> int:
        """Returns ``default_draws`` for a stream: of a source whose epochs end where the key says.

        Args:
            key: The 64-bit key; None if it is not known beforehand.
        """
        return self.default_draws

    @property
    def device(self) -> torch.device:
        """Where ``draw`` writes its indices."""
        return _CPU

    def current(self) -> Source:
        """Returns what a pass that begins now draws from: a snapshot, or the source itself if it cannot be edited."""
        return self

    def on(self, device: torch.device) -> Source | None:
        """Returns the source with its draws made on ``device``, or None if they can only be made on the CPU.

        Positions within an epoch are drawn there by ``draw``, whatever the length of the epoch.
        """
        return None

    def with_weights(self, weights: Any) -> Source:
        """Returns the same kind of source over other weights, or over those of a ready table.

        Raises:
            TypeError: This source draws by something other than weights.
        """
        raise TypeError(f"{type(self).__name__} has no weights that could be set: make another sampler")

    def check_draws(self, draws: int) -> None:  # noqa: B027 - any number is fine unless a source says otherwise
        """Raises ValueError if an epoch cannot have this many draws."""

    def check_share(self, draws: int, share: Share) -> None:  # noqa: B027 - any share is fine unless a source says otherwise
        """Called when a pass of this share begins: warns where ranks void what the source promises."""

    def check_batches(self, share: Share) -> None:
        """Called when a pass begins in batches of ``share.batch_size``: warns if they are not those of the source."""
        batch = self.batch_draws
        taken = share.batch_size * share.world
        if batch is None or taken == batch or (self.batch_in_parts and batch % taken == 0):
            return
        warnings.warn(
            f"{self!r} makes batches of {batch} draws over all ranks, but {share.world} rank(s) take "
            f"{share.batch_size} at a time: batches will not be what the source promises. Take batches of "
            f"{max(1, batch // share.world)} on each rank, or a source made for {taken}",
            stacklevel=3,
        )

    @property
    def batch_draws(self) -> int | None:
        """How many successive draws, over all ranks, belong together as a batch; None if any may."""
        return self.global_batch_size

    def state(self) -> dict[str, Any]:
        """Returns what a sampler's state must hold besides its position: plain JSON, the same on all ranks."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what ``state`` returned. Checks all of it before anything is applied.

        Raises:
            ValueError: Not a state of this source.
        """
        if state:
            raise ValueError(f"{type(self).__name__} has no state of its own, but the state has one: {sorted(state)}")

    def difference(self, state: Mapping[str, Any]) -> str | None:
        """Says in what this source differs from the one that ``state`` is of, and what to do; None if it cannot tell.

        Asked where fingerprints differ, so that the error can name it.
        """
        return None

    def begun(self, handed_out: HandedOut) -> None:  # noqa: B027 - of use to sources only that may change meanwhile
        """Told by samplers when a pass begins: what its iterator has handed out can be read from then on."""

    def resumed(self, position: int) -> None:  # noqa: B027 - see begun
        """Told by samplers when a state was loaded: at which position of all epochs' the stream goes on."""

    def draw(
        self,
        n: int,
        *,
        seed: int,
        epoch: int = 0,
        start: int = 0,
        step: int = 1,
        dtype: torch.dtype | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draws the indices at positions ``start, start + step, ...`` of the stream ``(seed, epoch)``.

        Each is a pure function of (source, seed, epoch, position): any threads, processor, device or splitting into
        calls gives the same.

        Args:
            n: How many, >= 0.
            seed: In [-2^63, 2^64), taken modulo 2^64.
            epoch: In [0, 2^48).
            start: First position, >= 0.
            step: Distance of positions, >= 1: rank r of w takes start=r, step=w.
            dtype: torch.int64, or torch.int32 for at most 2^31 items. By default that of ``out``, else int64.
            out: A contiguous tensor of n entries on the source's device to write to.

        Returns:
            Tensor of shape (n,) on the source's device.

        Cost: see the source. Threads: ``torch.get_num_threads()``. Interruptible by Ctrl-C.

        Raises:
            ValueError: An argument out of range, or a position beyond 2^63 - 1.
            TypeError: An argument of the wrong type.
            RuntimeError: A GPU reports an error.
        """
        return self._draw(stream_range(n, seed, epoch, start, step), None, dtype, out)

    def _draw(
        self, wanted: StreamRange, draws: int | None, dtype: torch.dtype | None, out: torch.Tensor | None
    ) -> torch.Tensor:
        """Draws what is wanted of an epoch of ``draws`` positions, by default ``default_draws``."""
        result = output_for(wanted.draws, self.num_items, self.device, dtype, out)
        if wanted.draws > 0:
            self._fill(result, wanted, draws)
        return result

    def _fill(self, indices: torch.Tensor, wanted: StreamRange, draws: int | None) -> None:
        """Writes what is wanted to a contiguous int64 or int32 tensor on the CPU."""
        length = self.epoch_draws(wanted.key) if draws is None else draws
        passed = self.current().epoch(wanted.key, wanted.epoch, length)
        passed.draw_into(
            address_of_output(indices),
            wanted.draws,
            wanted.start,
            wanted.step,
            torch.get_num_threads(),
            indices.dtype is torch.int32,
        )

    def probabilities(self) -> torch.Tensor:
        """Returns what each item is really drawn with in the long run: float64 of shape (num_items,), sum 1. O(N)."""
        raise TypeError(f"{type(self).__name__} does not tell its probabilities")

    def log_prob(self, indices: torch.Tensor) -> torch.Tensor:
        """Returns the natural logarithms of the probabilities that these items are drawn with.

        Args:
            indices: int64 or int32 tensor of any shape on the source's device, entries in [0, num_items).

        Returns:
            Tensor of the shape of ``indices``, of torch's default dtype, taken from float64; -inf for items that are
            never drawn.

        Cost: O(N) on the CPU the first time, and 8 bytes per item from then on; later a look-up, which torch.compile
        takes as it is.

        Raises:
            TypeError: Not such a tensor.
            IndexError: An entry out of range. On a GPU that stops the device, as in all of torch's indexing.
        """
        if not isinstance(indices, torch.Tensor) or indices.dtype not in (torch.int64, torch.int32):
            kind = f"dtype {indices.dtype}" if isinstance(indices, torch.Tensor) else type(indices).__name__
            raise TypeError(f"indices must be an int64 or int32 tensor, but got {kind}")
        if indices.is_meta and not torch.compiler.is_compiling():
            raise TypeError("indices must hold data, but are on the meta device")
        if self._log_probabilities is None:
            self._log_probabilities = self.probabilities().log_().to(self.device)
        # Not by indexing, which takes -1 for the last item.
        try:
            found = self._log_probabilities.index_select(0, indices.reshape(-1))
        except (RuntimeError, AssertionError):  # of tensors without data; those of vmap and compile are fine
            check_dense(indices, "indices")
            raise
        return found.view(indices.shape).to(torch.get_default_dtype())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in _ASKED_BY_SAMPLERS]

    def __len__(self) -> int:
        return self.num_items

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_items} items)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing can change it; sources that can be changed say otherwise


def python_draws(draw: Draw, pad: Draw | None = None, version: _core.Version | None = None) -> _core.PassDraws:
    """Returns draws that are computed by Python functions, for ``Source.epoch``.

    Args:
        draw: Called with (start, step, count); returns the indices at positions start, start + step, ...: ``count``
            integers, as a tensor, an array or a sequence.
        pad: The same for positions beyond the epoch, which fill up the last shares of ranks. By default ``draw``.
        version: Advanced by the source (``version.advance()``) whenever what it draws changes in the middle of a pass:
            iterators then drop what they have read ahead and take it again, from the next index not yet handed out (of
            batches, from the next batch).

    Cost: a call, with the interpreter's lock, for every 4096 indices of an iterator.
    """
    return _core.CallbackDraws(_in_one_array(draw), _in_one_array(pad or draw), version)


def _in_one_array(draw: Draw) -> Draw:
    def drawn(start: int, step: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        indices = np.asarray(without_tensors(draw(start, step, count), "a source's draws"))
        if indices.shape != (count,) or indices.dtype.kind not in "iu":
            raise ValueError(
                f"a source's draws must be {count} integers, but are of dtype {indices.dtype} and shape {indices.shape}"
            )
        return np.ascontiguousarray(indices, dtype=np.int64)

    return drawn


def checked_num_items(items: Any) -> int:
    """Returns a source's number of items as an int. ValueError or TypeError unless it is one in [1, 2^62]."""
    return whole_number(items, "num_items", 1, MAX_ITEMS)


def check_fingerprint(source: Source, expected: str | None, name: str = "the pickle") -> None:
    """Raises ValueError unless ``source``, read from ``name``, has the fingerprint that was written with it, if any."""
    if expected is not None and source.fingerprint != expected:
        raise ValueError(f"{name} is damaged or has changed: it holds {source.fingerprint}, expected {expected}")


def load_same(kind: Any, path: str, fingerprint: str) -> Any:
    """Maps a table's file again in another process, and makes sure that it still is the same table."""
    table = kind.load(path)
    if table.fingerprint != fingerprint:
        raise ValueError(f"{path} has changed: its table is {table.fingerprint}, expected {fingerprint}")
    return table
