"""What all samplers share: passes, keys, ranks and state."""

from __future__ import annotations

import copy
from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
import torch.distributed

from pysampler import _core
from pysampler.inputs.numbers import check_positions, whole_number
from pysampler.keys import key_from_generator, seed_key
from pysampler.samplers.iterators import Run
from pysampler.samplers.passes import Pass, Passes
from pysampler.samplers.ranks import Share
from pysampler.samplers.state import Identity, State, read_state, write_state


class Source(Protocol):
    """What a pass draws from: a distribution as it was when the pass began."""

    @property
    def items(self) -> int:
        """How many items there are to draw from, those that are never drawn included."""

    @property
    def draws(self) -> int:
        """Draws of an epoch over all ranks."""

    def identity(self) -> Identity:
        """Returns what tells it from others."""

    def pass_draws(self, key: int, epoch: int) -> _core.PassDraws:
        """Returns an epoch's draws."""


@dataclass(frozen=True)
class OpenedPass:
    """A pass that has begun: where, from what, and whose share of it is handed out."""

    where: Pass
    source: Source
    share: Share


class Resumable:
    """A sampler with passes that can be addressed, shared among ranks and resumed.

    Subclasses say what is drawn from (``current_source``) and, if ranks share an epoch, whose part this is (``share``).
    """

    draws_per_epoch: int
    """Draws of an epoch over all ranks, without padding."""

    generator: torch.Generator | None

    keeps_key = False
    """Whether all passes share the key that the first one has, for its epochs complement each other."""

    def _set_up(self, draws_per_epoch: int, seed: int | None, generator: torch.Generator | None = None) -> None:
        if seed is not None and generator is not None:
            raise ValueError("give either seed (the same indices for the same epoch) or generator, not both")
        check_positions(draws_per_epoch, 0, 1)
        self._key = None if seed is None else seed_key(seed)
        self.draws_per_epoch = draws_per_epoch
        self.generator = generator
        self._kept_key: int | None = None
        self._passes = Passes()
        self._run: Run | None = None
        self._copied: Pass | None = None
        self._source_changed = False

    @abstractmethod
    def current_source(self) -> Source:
        """Returns what the next pass draws from. Raises what keeps it from beginning."""

    def share(self) -> Share:
        """Returns which positions are this rank's."""
        return Share()

    def check_share(self, share: Share) -> None:
        """Called before a pass of this share begins: a place for warnings."""

    @property
    def seed(self) -> int | None:
        """The seed modulo 2^64, or None if passes take their keys from a generator."""
        return self._key

    @property
    def source_changed(self) -> bool:
        """Whether a pass has drawn from something else than the one before: weights were set or edited in between."""
        return self._source_changed

    def identity(self) -> Identity:
        """Returns what a state must agree with."""
        return self.current_source().identity()

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass, an int in [0, 2^48).

        A loaded position of the same epoch stays; one of another epoch is dropped with a warning.
        """
        self._passes.set_epoch(epoch)

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next."""
        return self._keyed(self._passes.upcoming)

    def open_pass(self, run: Run) -> tuple[OpenedPass, _core.PositionSource]:
        """Begins a pass for ``run``. Iterators call this at their first ``next``."""
        source = self.current_source()
        share = replace(self.share(), batch_size=run.batch_size, drop_last_batch=run.drop_last_batch)
        self.check_share(share)
        if run.loaded is not None:
            opened = self._open(run, run.loaded, source, share)
            self._passes.begun_elsewhere(run.loaded)
            return opened
        with ExitStack() as undone_if_it_fails:
            pinned = self._passes.pinned
            where = undone_if_it_fails.enter_context(self._passes.begin())
            if where.position > 0 and share.count(where.position, self.draws_per_epoch) == 0 and not pinned:
                # Fewer are left than there are ranks: that epoch is over. (If set_epoch asked for it all the same, the
                # loop counts epochs itself, and gets what is left of this one: nothing.)
                where = undone_if_it_fails.enter_context(self._passes.begin())
            opened = self._open(run, where, source, share)
        return opened

    def _open(self, run: Run, where: Pass, source: Source, share: Share) -> tuple[OpenedPass, _core.PositionSource]:
        draws = self.draws_per_epoch
        where = self._keyed(where)
        if where.key is None:
            where = replace(where, key=self._new_key())
        assert where.key is not None
        count = share.count(where.position, draws)
        positions = _core.PositionSource(
            source.pass_draws(where.key, where.epoch), where.position + share.rank, share.world, count, draws
        )
        before = None if self._run is None else self._run.source
        self._source_changed |= before is not None and before != source
        self._run = run
        return OpenedPass(where, source, share), positions

    def taken_over(self, run: Run) -> None:
        """Notes that ``run`` goes on from a loaded position by itself."""
        assert run.loaded is not None
        self._adopt_key(run.loaded)
        self._passes.take_over(run.loaded)
        self._run = run

    def state_dict(self, consumed: int | None = None, *, since_begun: int | None = None) -> State:
        """Returns the state: a small dict of ints, bools and strings, the same on every rank.

        O(1), but O(N) the first time for a table (its fingerprint) or after weights were changed (a new table).

        It stands where the pass begun last has handed out indices; with workers that prefetch, this is ahead of what
        was trained on. The arguments say where it stands instead, whatever was prefetched.

        Args:
            consumed: How many items this rank has trained on since the epoch's start: it stands at ``consumed * world
                size``, at most the epoch.
            since_begun: How many items this rank has trained on since its pass began, be it at the epoch's start or
                where a loaded state stood. Also right after a resume on another number of ranks at a position that
                they do not divide.

        A count is that of the running pass even if ``set_epoch`` has pinned its epoch again since, as Lightning does.

        Raises:
            ValueError: A count that is negative or more than the epoch, or not 0 although an unseeded sampler's pass
                has not begun. Both counts. ``consumed`` after a resume at a position that ranks do not divide.
        """
        running = self._run
        counted = consumed is not None or since_begun is not None
        if self._passes.pending and not (counted and self._running_is_pinned()):
            running = None
        identity = self.identity() if running is None else running.identity()
        where = self._standing() if running is None else running.where()
        if counted:
            if consumed is not None and since_begun is not None:
                raise ValueError("give consumed or since_begun, not both")
            share = (None if running is None else running.share) or self.share()
            begun = where.position if running is None else running.began_at
            where = replace(where, position=self._trained_to(share, begun, consumed, since_begun))
            if where.position > 0 and where.key is None:
                raise ValueError("items were consumed of a pass that has not begun, and so has no key yet")
        return write_state(identity, where)

    def _trained_to(self, share: Share, begun: int, consumed: int | None, since_begun: int | None) -> int:
        """The global position after what this rank has trained on."""
        draws = self.draws_per_epoch
        if since_begun is not None:
            most = -(-(draws - begun) // share.world)
            position = begun + whole_number(since_begun, "since_begun", 0, most) * share.world
        elif begun % share.world != 0:
            raise ValueError(
                f"this pass began at position {begun}, which {share.world} ranks do not divide, so items since the "
                "epoch's start are no count of one rank: give since_begun"
            )
        else:
            position = whole_number(consumed, "consumed", 0, -(-draws // share.world)) * share.world
        # What drop_last drops is done with.
        return draws if share.count(min(position, draws), draws) == 0 else position

    def load_state_dict(self, state: Any) -> None:
        """Makes the next pass go on from ``state``, on any number of ranks. A finished epoch is followed by the next.

        Raises:
            TypeError: Not a dict.
            ValueError: The state is of another sampler (each difference is named), of a newer version, or damaged.
        """
        where = read_state(state, self.identity())
        self._adopt_key(where)
        self._passes.load(Pass(where.epoch + 1) if where.position == self.draws_per_epoch else where)

    def check_same_on_all_ranks(self) -> None:
        """Makes sure that all ranks draw from the same and share it alike, by one collective call on every rank.

        Raises:
            ValueError: On all ranks alike, naming the ranks that differ from rank 0 and in what.
            RuntimeError: There is no process group.
        """
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            raise RuntimeError("there is no process group: call torch.distributed.init_process_group() first")
        everywhere: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(everywhere, (self.identity(), replace(self.share(), rank=0)))
        first, *others = everywhere
        differing = [str(rank) for rank, other in enumerate(others, 1) if other != first]
        if differing:
            raise ValueError(
                f"ranks {', '.join(differing)} draw from something else than rank 0, or share it otherwise: "
                + "; ".join(f"rank {rank} has {everywhere[rank]}" for rank in (0, int(differing[0])))
            )

    def _running_is_pinned(self) -> bool:
        """Whether the running pass is of the very epoch that ``set_epoch`` has pinned for the next."""
        if self._run is None or not self._passes.pinned or self._passes.loaded:
            return False
        return self._run.where().epoch == self._passes.upcoming.epoch

    def _keyed(self, where: Pass) -> Pass:
        if self._key is not None:
            return replace(where, key=self._key)
        return replace(where, key=self._kept_key) if where.key is None else where

    def _new_key(self) -> int:
        key = key_from_generator(self.generator)
        if not self.keeps_key:
            return key
        if self._kept_key is None:  # else another thread has begun meanwhile
            self._kept_key = key
        return self._kept_key

    def _adopt_key(self, loaded: Pass) -> None:
        if self.keeps_key:
            self._kept_key = loaded.key

    def _standing(self) -> Pass:
        """Where a sampler stands that has no pass of its own running."""
        return self._copied if self._copied is not None and not self._passes.pending else self.upcoming

    def __getstate__(self) -> dict[str, Any]:
        # A copy stands where the original stood, but has begun nothing itself.
        running = None if self._passes.pending or self._run is None else self._run.where()
        return {
            **self.__dict__,
            "_run": None,
            "_copied": running or self._copied,
            "_passes": copy.deepcopy(self._passes),
        }
