"""Iterators that know where they stand, and can be told where to go on."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from typing_extensions import Self

from pysampler import _core
from pysampler.samplers.passes import Pass
from pysampler.samplers.state import Identity, State, StoredState, write_state
from pysampler.share import Share

if TYPE_CHECKING:
    from pysampler.sources.base import Source


class OpenedPass(NamedTuple):  # made in a quarter of a frozen dataclass's time, like all that a pass begins with
    """A pass that has begun.

    Attributes:
        where: Where it began.
        source: What it draws from, as it was then.
        share: Whose part of it is handed out.
        draws: Draws of the epoch, over all ranks.
        seed: The sampler's.
        generator: The state of the sampler's own generator before the key was taken; None if it has none.
    """

    where: Pass
    source: Source
    share: Share
    draws: int
    seed: int | None
    generator: torch.Tensor | None

    def identity(self) -> Identity:
        """Returns what a state must agree with. O(N) the first time for a table."""
        return Identity.of(self.source, self.draws, self.seed)


class Opener(Protocol):
    """What an iterator needs of its sampler."""

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next."""

    def _state_at(self, where: Pass) -> State:
        """Returns the state of a pass that has not begun."""

    def _open(self, iterator: PassIterator) -> tuple[OpenedPass, _core.PositionSource]:
        """Begins a pass for an iterator."""

    def _read(self, state: Any) -> StoredState:
        """Returns what a state says, checked."""

    def _hand_over(self, iterator: PassIterator, stored: StoredState) -> None:
        """Notes that an iterator goes on from a state by itself."""


class PassIterator:
    """One iterator's way through one pass. Nothing is decided before its first ``next``."""

    batch_size = 1
    drop_last_batch = False
    in_batches = True
    loaded: Pass | None = None
    handed_out: int
    progress: _core.HandedOut

    # The sampler until the pass has begun: afterwards the sampler refers to the iterator, and a cycle would keep the
    # table alive until the garbage is collected.
    _sampler: Opener | None
    opened: OpenedPass | None = None

    def __repr__(self) -> str:
        where = self.where()
        return f"{type(self).__name__}(epoch={where.epoch}, position={where.position})"

    def _begin(self) -> _core.PositionSource:
        assert self._sampler is not None
        self.opened, positions = self._sampler._open(self)
        self._sampler = None
        return positions

    def where(self) -> Pass:
        """Returns where the pass stands now."""
        sampler, opened = self._sampler, self.opened  # in this order: another thread may just begin the pass
        if opened is None:
            assert sampler is not None
            return self.loaded or sampler.upcoming
        begun = opened.where
        return replace(begun, position=opened.share.reached(begun.position, self.handed_out, opened.draws))

    def state_dict(self) -> State:
        """Returns where this iterator stands: what it has handed out, be it trained on or only prefetched."""
        sampler, opened = self._sampler, self.opened
        if opened is None:
            assert sampler is not None
            return sampler._state_at(self.where())
        return write_state(opened.identity(), self.where(), opened.source.state(), opened.generator)

    def load_state_dict(self, state: Any) -> None:
        """Makes this iterator go on from ``state``, and the sampler's next pass be the one after.

        Raises:
            TypeError: Not a dict.
            ValueError: The state is of another sampler, of a newer version or damaged.
            RuntimeError: The iterator has begun.
        """
        sampler = self._sampler
        if sampler is None:
            raise RuntimeError("this iterator has begun: load the state into a new one, before its first next()")
        stored = sampler._read(state)
        self.loaded = stored.where
        sampler._hand_over(self, stored)


class IndexIterator(PassIterator, _core.IndexIterator):
    """Indices one by one: others may make batches of them."""

    in_batches = False

    def __new__(cls, sampler: Opener) -> Self:
        """Returns an iterator over the sampler's next pass, which begins at the first ``next``."""
        begin = _Begin()
        self = super().__new__(cls, begin)
        self._sampler, begin.iterator = sampler, weakref.ref(self)
        return self


class BatchIterator(PassIterator, _core.BatchIterator):
    """Indices in lists."""

    def __new__(cls, sampler: Opener, batch_size: int, drop_last_batch: bool) -> Self:
        """Returns an iterator over the sampler's next pass, which begins at the first ``next``."""
        begin = _Begin()
        self = super().__new__(cls, begin, batch_size, drop_last_batch)
        self._sampler, begin.iterator = sampler, weakref.ref(self)
        self.batch_size, self.drop_last_batch = batch_size, drop_last_batch
        return self


class _Begin:
    """Begins the pass of an iterator that owns it, without keeping that alive."""

    iterator: weakref.ref[PassIterator]

    def __call__(self) -> _core.PositionSource:
        iterator = self.iterator()
        assert iterator is not None
        return iterator._begin()
