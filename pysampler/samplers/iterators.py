"""Iterators that know where they stand, and can be told where to go on."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from pysampler import _core
from pysampler.samplers.passes import Pass
from pysampler.samplers.ranks import Share
from pysampler.samplers.state import Identity, State, read_state, write_state

if TYPE_CHECKING:
    from pysampler.samplers.resumable import OpenedPass, Resumable, Source


class Run:
    """One iterator's way through one pass. Nothing is decided before its first ``next``."""

    batch_size = 1
    drop_last_batch = False
    loaded: Pass | None = None
    handed_out: int

    # The sampler until the pass has begun: afterwards the sampler refers to the iterator, and a cycle would keep the
    # table alive until the garbage is collected.
    _sampler: Resumable | None
    _opened: OpenedPass | None = None

    def begin(self) -> _core.PositionSource:
        """Begins the pass."""
        assert self._sampler is not None
        self._opened, indices = self._sampler.open_pass(self)
        self._sampler = None
        return indices

    def where(self) -> Pass:
        """Returns where the pass stands now."""
        if self._opened is None:
            assert self._sampler is not None
            return self.loaded or self._sampler.upcoming
        begun = self._opened.where
        return replace(
            begun, position=self._opened.share.reached(begun.position, self.handed_out, self._opened.source.draws)
        )

    @property
    def began_at(self) -> int:
        """The global position where the pass began, or will."""
        return self.where().position if self._opened is None else self._opened.where.position

    @property
    def share(self) -> Share | None:
        """How the pass is shared out; None before it has begun."""
        return None if self._opened is None else self._opened.share

    @property
    def source(self) -> Source | None:
        """What the pass draws from; None before it has begun."""
        return None if self._opened is None else self._opened.source

    def identity(self) -> Identity:
        """Returns what the pass draws from."""
        if self._opened is not None:
            return self._opened.source.identity()
        assert self._sampler is not None
        return self._sampler.identity()

    def state_dict(self) -> State:
        """Returns where this iterator stands: what it has handed out, be it trained on or only prefetched."""
        return write_state(self.identity(), self.where())

    def load_state_dict(self, state: Any) -> None:
        """Makes this iterator go on from ``state``, and the sampler's next pass be the one after.

        Raises:
            TypeError: Not a dict.
            ValueError: The state is of another sampler, of a newer version or damaged.
            RuntimeError: The iterator has begun.
        """
        if self._sampler is None:
            raise RuntimeError("this iterator has begun: load the state into a new one, before its first next()")
        self.loaded = read_state(state, self._sampler.identity())
        self._sampler.taken_over(self)


class IndexIterator(Run, _core.IndexIterator):
    """Indices one by one."""

    def __new__(cls, sampler: Resumable) -> Self:
        """Returns an iterator over the sampler's next pass, which begins at the first ``next``."""
        begin = _Begin()
        self = super().__new__(cls, begin)
        self._sampler, begin.run = sampler, weakref.ref(self)
        return self


class BatchIterator(Run, _core.BatchIterator):
    """Indices in lists."""

    def __new__(cls, sampler: Resumable, batch_size: int, drop_last_batch: bool) -> Self:
        """Returns an iterator over the sampler's next pass, which begins at the first ``next``."""
        begin = _Begin()
        self = super().__new__(cls, begin, batch_size, drop_last_batch)
        self._sampler, begin.run = sampler, weakref.ref(self)
        self.batch_size, self.drop_last_batch = batch_size, drop_last_batch
        return self


class _Begin:
    """Calls ``begin`` of an iterator that owns it, without keeping that alive."""

    run: weakref.ref[Run]

    def __call__(self) -> _core.PositionSource:
        run = self.run()
        assert run is not None
        return run.begin()
