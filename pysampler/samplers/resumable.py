"""What all samplers share: a source, passes over it, keys, ranks and state."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.distributed

from pysampler import _core
from pysampler.inputs.numbers import MAX_POSITION, check_positions, drop_last_flag, positive_count, whole_number
from pysampler.samplers.iterators import OpenedPass, PassIterator
from pysampler.samplers.pass_keys import PassKeys
from pysampler.samplers.passes import Pass, Passes
from pysampler.samplers.state import Identity, State, StoredState, read_state, write_state
from pysampler.samplers.tensor_iterator import TensorIterator
from pysampler.samplers.version_1 import from_version_1
from pysampler.share import Share
from pysampler.sources.base import Source
from pysampler.sources.handed_out import HandedOut

_ALL = Share()


class Resumable:
    """A sampler with passes that can be addressed, shared among ranks and resumed.

    Subclasses say whose part of an epoch is handed out (``share``), and how (``__iter__``).
    """

    draws_per_epoch: int
    """Draws of an epoch over all ranks, without padding."""

    def _set_up(
        self, source: Source, draws: int | None, seed: Any = None, generator: torch.Generator | None = None
    ) -> None:
        self._source = source
        self._keys = PassKeys(seed, generator, source.one_key)
        self._passes = Passes()
        self._source_changed = False
        self.draws_per_epoch = self._checked_draws(source.epoch_draws(self._keys.seed) if draws is None else draws)

    def _checked_draws(self, draws: Any) -> int:
        count = positive_count(draws, "num_samples", MAX_POSITION)
        check_positions(count, 0, 1)
        self._source.check_draws(count)
        return count

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in ("identity", "share")]  # for iterators and states

    @property
    def source(self) -> Source:
        """What the sampler draws from."""
        return self._source

    @property
    def num_items(self) -> int:
        """How many items there are to draw from: indices lie in [0, num_items)."""
        return self._source.num_items

    @property
    def method(self) -> str:
        """How draws relate to each other: "iid", "systematic", "permutation"."""
        return self._source.method

    @property
    def replacement(self) -> bool:
        """Whether an item may come again within an epoch."""
        return self._source.replacement

    @property
    def global_batch_size(self) -> int | None:
        """How many successive draws, over all ranks, are balanced as a whole; None if the source knows no batches."""
        return self._source.global_batch_size

    @property
    def seed(self) -> int | None:
        """The seed modulo 2^64, or None if passes take their keys from a generator."""
        return self._keys.seed

    @property
    def generator(self) -> torch.Generator | None:
        """Where passes take their keys from if there is no seed; None is torch's global generator. May be set."""
        return self._keys.generator

    @generator.setter
    def generator(self, generator: torch.Generator | None) -> None:
        self._keys.generator = generator

    @property
    def epoch(self) -> int:
        """The epoch pinned last until its pass begins, then that of the pass begun last. To set it is ``set_epoch``."""
        return self._passes.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self.set_epoch(epoch)

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next."""
        return self._keys.known(self._passes.upcoming)

    def share(self) -> Share:
        """Returns which positions are this rank's."""
        return _ALL

    def identity(self) -> Identity:
        """Returns what a state must agree with. O(N) the first time for a table, and after its weights changed."""
        source = self._source.current()
        source.check_draws(self.draws_per_epoch)
        return Identity.of(source, self.draws_per_epoch, self.seed)

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass, an int in [0, 2^48).

        Without it, each pass takes the next epoch by itself. A loaded position of the same epoch stays; one of another
        epoch is dropped with a warning.
        """
        self._passes.set_epoch(epoch)

    def _open(self, iterator: PassIterator) -> tuple[OpenedPass, _core.PositionSource]:
        """Begins a pass. Iterators call this at their first ``next``."""
        draws = self.draws_per_epoch
        source = self._source.current()
        source.check_draws(draws)
        share = self.share()
        if (share.batch_size, share.drop_last_batch) != (iterator.batch_size, iterator.drop_last_batch):
            share = replace(share, batch_size=iterator.batch_size, drop_last_batch=iterator.drop_last_batch)
        source.check_share(draws, share)
        if iterator.in_batches:
            source.check_batches(share)
        before = self._passes.running()

        def over(where: Pass) -> bool:
            return share.count(where.position, draws) == 0

        with self._passes.begin(iterator, iterator.loaded, over) as place:
            where, generator = self._keys.taken(place)
            assert where.key is not None
            assert where.stream_epoch is not None
            passed = source.opened(where.key, where.stream_epoch, draws, where.position, share)
            positions = _core.PositionSource(
                passed, where.position + share.rank, share.world, share.count(where.position, draws), draws
            )
            begin = where.stream_epoch * draws
            first = begin + where.position + share.rank
            source.begun(HandedOut(first, share.world, begin + draws, iterator.progress, weakref.ref(iterator)))
            opened_before = getattr(before, "opened", None)
            self._source_changed |= opened_before is not None and opened_before.source is not source
            return OpenedPass(where, source, share, draws, self.seed, generator), positions

    def _read(self, state: Any) -> StoredState:
        return read_state(state, self.identity(), self._source)

    def _apply(self, stored: StoredState) -> None:
        """Gives source and generator what the state holds for them."""
        where = stored.where
        self._source.load_state(stored.source)
        epoch = where.epoch if where.stream_epoch is None else where.stream_epoch
        self._source.resumed(epoch * self.draws_per_epoch + where.position)
        self._keys.load(where, stored.generator, where.position == self.draws_per_epoch)

    def _hand_over(self, iterator: PassIterator, stored: StoredState) -> None:
        self._apply(stored)
        self._passes.take_over(iterator, stored.where)

    def state_dict(self, consumed: int | None = None, *, since_begun: int | None = None) -> State:
        """Returns the state: a small dict of ints, bools and strings, the same on every rank.

        O(1), but O(N) the first time for a table (its fingerprint) or after weights were changed (a new table).

        It stands where the pass begun last has handed out indices; with workers that prefetch, this is ahead of what
        was trained on. The arguments say where it stands instead, whatever was prefetched.

        A sampler with a ``generator=`` of its own saves that generator's state too, so that later passes take the keys
        that an uninterrupted run takes. torch's global generator is yours to save (``torch.get_rng_state``).

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
        counted = consumed is not None or since_begun is not None
        running = self._passes.running(counted=counted)
        assert running is None or isinstance(running, PassIterator)
        opened = None if running is None else running.opened
        where = self._keys.known(self._passes.standing()) if running is None else running.where()
        if counted:
            if consumed is not None and since_begun is not None:
                raise ValueError("give consumed or since_begun, not both")
            share = self.share() if opened is None else opened.share
            begun = where.position if opened is None else opened.where.position
            where = replace(where, position=self._trained_to(share, begun, consumed, since_begun))
            if where.position > 0 and where.key is None:
                raise ValueError("items were consumed of a pass that has not begun, and so has no key yet")
        if opened is None:
            return self._state_at(where)
        return write_state(opened.identity(), where, opened.source.state(), opened.generator)

    def _state_at(self, where: Pass) -> State:
        """The state of a pass that has not begun here."""
        return write_state(self.identity(), where, self._source.state(), self._keys.generator_state(where))

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
        """Makes the next pass go on from ``state``, on any number of ranks.

        A finished epoch is followed by the next. If ``set_epoch`` had pinned the finished one, whoever drives the
        sampler counts epochs: that epoch comes once more, empty, unless set_epoch asks for another, as torch's samplers
        would have nothing left to give.

        Raises:
            TypeError: Not a dict.
            ValueError: The state is of another sampler (each difference is named), of a newer version, or damaged.
        """
        stored = self._read(state)
        self._apply(stored)
        self._passes.load(stored.where, self.draws_per_epoch)

    def batches_on(
        self, device: torch.device | str, batch_size: int, drop_last: bool = False
    ) -> Iterator[torch.Tensor]:
        """Yields the next pass in tensors of indices on ``device``, for data that lies there already: no loader.

        They hold what the lists of a batch sampler would: the same passes, ranks and padding; and the same states, of
        this sampler and of the iterator. A state may be taken here and loaded into an ordinary pass, or the other way
        round.

        Args:
            device: Draws of an ``AliasTable`` (so of plain weights, with replacement) are made there: the table is
                copied to a GPU once, and kept; batches are queued on torch's current stream and wait for nothing. Of
                other sources they are made on the CPU and copied.
            batch_size: Indices per tensor on this rank, >= 1.
            drop_last: Whether to leave out the last tensor if it is smaller.

        Returns:
            An iterator of int64 tensors of shape (batch_size,); it has ``state_dict`` and ``load_state_dict``.

        Raises:
            ValueError: batch_size that is not a positive int, drop_last that is no bool.
            RuntimeError: pysampler cannot use this GPU; says why, at the first batch.

        Example:
            >>> from pysampler import WeightedRandomSampler
            >>> sampler = WeightedRandomSampler([1.0, 2.0, 1.0], num_samples=5, seed=0)
            >>> [len(indices) for indices in sampler.batches_on("cpu", batch_size=2)]
            [2, 2, 1]
        """
        size = positive_count(batch_size, "batch_size", MAX_POSITION)
        return TensorIterator(self, torch.device(device), size, drop_last_flag(drop_last))

    def check_same_on_all_ranks(self) -> None:
        """Makes sure that all ranks draw from the same and share it alike, by one collective call on every rank.

        Raises:
            ValueError: On all ranks alike, naming the ranks that differ from rank 0 and in what.
            RuntimeError: There is no process group.
        """
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            raise RuntimeError("there is no process group: call torch.distributed.init_process_group() first")
        everywhere: list[Any] = [None] * torch.distributed.get_world_size()
        mine = (self.identity(), replace(self.share(), rank=0), self._source.state())
        torch.distributed.all_gather_object(everywhere, mine)
        first, *others = everywhere
        differing = [str(rank) for rank, other in enumerate(others, 1) if other != first]
        if differing:
            raise ValueError(
                f"ranks {', '.join(differing)} draw from something else than rank 0, or share it otherwise: "
                + "; ".join(f"rank {rank} has {everywhere[rank]}" for rank in (0, int(differing[0])))
            )

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed={self.seed}"
        return f"{type(self).__name__}({self._source!r}, {self.draws_per_epoch} draws per epoch{seed})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state if "_keys" in state else from_version_1(state))

    def __getstate__(self) -> dict[str, Any]:
        own = {"_passes": copy.deepcopy(self._passes), "_keys": copy.copy(self._keys)}
        return {**self.__dict__, **own}
