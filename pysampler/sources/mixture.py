"""Mixture: many sources with shares that follow a schedule, every position by arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.numbers import whole_number
from pysampler.keys import seed_key
from pysampler.share import Share
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source
from pysampler.sources.handed_out import Front, HandedOut
from pysampler.sources.mixture_ends import Stop, checked_stop, windows_until
from pysampler.sources.mixture_order import index_arrays, source_order
from pysampler.sources.mixture_parts import digest_of, items_of, lengths_of, names_of, parts_of
from pysampler.sources.mixture_ranks import Proposal, agreed_window
from pysampler.sources.mixture_schedule import MAX_POSITION, ScheduleReader, Stage, joined
from pysampler.sources.mixture_shares import TOTAL, stage_intervals
from pysampler.sources.mixture_state import difference_of, read_stages, write_stages

MAX_WINDOW = 2**24


class Mixture(Source):
    """Items of many sources, each with a share of the draws that may change at any window.

    There is one stream of positions; epoch e of k draws has positions e * k to e * k + k - 1. Positions come in windows
    of W. With p a source's share:

    - every window has floor(W p) or ceil(W p) items of a source with W p >= 1, in keyed random order;
    - after any whole number of windows, exactly the first occurrences of each source were handed out;
    - occurrence o of a source of n items belongs to its pass o // n: every item once, in a new random order each pass.
      (In a window that holds the end of a pass an item may come twice.) Items of a table are drawn by weight instead.

    Two or more sources with W p < 1 take turns as a group, in windows of the group's own, so that it is not always the
    same few that share a window. docs/mixtures.md derives how far counts are off their shares after any number of
    windows.

    Args:
        sources: Sizes, sized datasets, a ``ConcatDataset`` (its parts), ``AliasTable`` or ``ClassTable`` objects, or a
            dict of them by name; at most 2^16, of at most 2^62 items in all. Index 0 of a source follows the last of
            the one before it.
        shares: Positive numbers or 0, for each source or in a dict by name; or a list of stages ``(position, shares)``,
            the first at position 0. Each begins with the window that holds its position. By default the sizes.
            ``temperature``, ``unimax``, ``epochs`` and ``piecewise_linear`` compute some.
        window: W, in [1, 2^24]: say the global batch.
        names: One for each source; by default their numbers.
        lengths: How long the items of each source are in the mean, in tokens or seconds, for each or in a dict by name.
            Then shares, also those set later, are shares of length, in the mean. What is promised holds for items.
        stop: Where an epoch ends unless ``num_samples`` says so. "first": before the first window in which any source
            begins its second pass. "all": after the window in which the last source ends its first pass. Needs a seed.
            Computed with the shares given here: those set later move the end (``draws_until``), but no epoch's length.

    Cost: nothing is listed. Some 250 bytes a source while drawing, and O(sources) for each stage.

    Raises:
        ValueError: Shares that are negative, not finite, all 0 or not one for each source; an empty source with a
            positive share; too many sources or items; names twice or unknown; stages out of order. Names the source.
        TypeError: A source, share or name of another type.

    Example:
        >>> mixture = Mixture([1000, 10], shares=[3, 1], window=8)
        >>> int((mixture.draw(80, seed=0) >= 1000).sum())
        20
    """

    kind = "mixture"
    method = "mixture"
    replacement = True
    one_key = True

    def __init__(
        self,
        sources: Any,
        shares: Any = None,
        *,
        window: int = 256,
        names: Sequence[str] | None = None,
        lengths: Any = None,
        stop: Stop | None = None,
    ) -> None:
        self.window = whole_number(window, "window", 1, MAX_WINDOW)
        self._parts = parts_of(sources)
        self.sizes = tuple(map(items_of, self._parts))
        self.names = names_of(sources, names, len(self._parts))
        self.stop = stop if stop is None else checked_stop(stop)
        self._starts = np.cumsum([0, *self.sizes], dtype=np.int64)
        self._reader = ScheduleReader(self.names, self.sizes, lengths_of(lengths, self.names), self.window)
        # By default every item has the same chance, however long it is.
        fixed = self._reader.stages(shares) if shares is not None else [Stage(0, self._default_masses())]
        self._set_up(fixed, [], 0)

    def _default_masses(self) -> list[int]:
        return ScheduleReader(self.names, self.sizes, None, self.window).masses(self.sizes)

    def _set_up(self, fixed: list[Stage], later: list[Stage], position: int) -> None:
        self._core = _core.Mixture(self.window)
        for part in self._parts:
            if isinstance(part, int):
                self._core.add_items(part)
            elif isinstance(part, AliasTable):
                self._core.add_table(part._core)
            else:
                self._core.add_classes(part._core, len(part))
        self._front = Front(position)
        self._ends: dict[int, int] = {}  # of epochs that stop by themselves, by key
        self._fixed = fixed
        self._made: dict[int, tuple[list[int], _core.MixtureStage]] = {}  # by their first windows
        self._apply(later)

    def _apply(self, later: list[Stage]) -> None:
        """Takes the stages that were set after construction. Those that stay are not made again."""
        stages = joined(self._fixed, later)
        made = {}
        for first, masses in stages:
            before = self._made.get(first)
            if before is None or before[0] != masses:
                before = masses, self._core.stage(first, *stage_intervals(masses, self.window))
            made[first] = before
        self._core.set_stages([stage for _, stage in made.values()])
        self._later, self._stages, self._made = later, stages, made

    @property
    def num_items(self) -> int:
        """How many items all sources have."""
        return int(self._starts[-1])

    @property
    def fingerprint(self) -> str:
        """Of the window, the stages given at construction, and the sources up to the last that has a share in them.

        Stages set later are in the state.
        """
        used = max(i for _, masses in self._fixed for i, mass in enumerate(masses) if mass > 0) + 1
        return self._digest(used, [(first, masses[:used]) for first, masses in self._fixed])

    def _digest(self, sources: int, stages: Sequence[tuple[int, Sequence[int]]] = ()) -> str:
        return digest_of(self._parts[:sources], self.window, stages, _core.PERMUTATION_VERSION)

    @property
    def default_draws(self) -> int:
        """Draws of an epoch unless the user says otherwise: as many as items. ValueError with ``stop``."""
        return self.epoch_draws(None)

    def epoch_draws(self, key: int | None) -> int:
        """Returns the draws of an epoch unless the user says otherwise: as many as items, or up to where ``stop`` says.

        Raises:
            ValueError: ``stop`` without a key; the passes do not end as it says.
        """
        if self.stop is None:
            return self.num_items
        if key is None:
            raise ValueError(f"where stop={self.stop!r} ends an epoch depends on the key: give seed= or num_samples=")
        if key not in self._ends:
            alone = self if not self._later else _restored(self._arguments(), self._fixed, [], 0)
            self._ends[key] = alone.draws_until(self.stop, seed=key)
        return self._ends[key]

    def check_share(self, draws: int, share: Share) -> None:
        """Warns if draws are left out of each epoch, for then passes lack the items that stood there."""
        left_out = draws - share.count(0, draws) * share.world
        if left_out > 0:
            nearest = " or ".join(map(str, share.nearest_whole(draws)))
            warnings.warn(
                f"drop_last leaves out {left_out} of the epoch's {draws} draws, so that passes over the sources lack "
                f"the items that stood there: take num_samples={nearest}, or drop_last=False",
                stacklevel=3,
            )

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws; padding is drawn independently, by the shares at the epoch's end.

        Raises:
            ValueError: The epoch ends beyond position 2^62.
        """
        return _core.MixtureDraws(self._core, key, epoch, draws)

    def begun(self, handed_out: HandedOut) -> None:
        """Takes note of a pass: stages are set only at positions that none has handed out."""
        self._front.watch(handed_out)

    def resumed(self, position: int) -> None:
        """Takes note that a state was loaded: positions before it are the past now, those after it are not."""
        self._front.restart(position)

    @property
    def next_position(self) -> int:
        """The first position at which new shares may begin, as far as this process knows.

        It begins the first window of which no sampler of this mixture in this process has handed out any position
        (be it to a loader that has prefetched it). What samplers of copies have, other ranks', or those in the workers
        of a loader, is not known here.
        """
        return -(-self._front.position() // self.window) * self.window

    def at(self, position: int, shares: Any) -> None:
        """Makes ``shares`` hold from the window on that holds ``position``, for running iterators too.

        They hold until the next stage, if there is one; a stage that ``at`` has set with the same window is replaced.
        All ranks must do the same, at a position that none of them has handed out: of this process it is checked, of
        others it cannot be. ``change_on_all_ranks`` finds such a position.

        Args:
            position: Among those of all epochs: that of epoch e of k draws begins at e * k.
            shares: As at construction.

        Raises:
            ValueError: A position before ``next_position``, or in a window with which a stage given at construction
                begins; shares as at construction.
            TypeError: As at construction.
        """
        first = self._reader.window_of(position)
        masses = self._reader.masses(shares)
        if first * self.window < self.next_position:
            raise ValueError(
                f"position {position} lies in the window that begins at {first * self.window}, but positions up to "
                f"{self._front.position() - 1} have been handed out: the first position for new shares is "
                f"next_position={self.next_position}, or, on several ranks, the one that change_on_all_ranks finds"
            )
        if any(first == stage.first for stage in self._fixed):
            raise ValueError(
                f"position {position} lies in the window that begins at {first * self.window}, and so does a stage "
                "given at construction: leave that out of the constructor's shares, or take another window"
            )
        self._apply(joined([Stage(first, masses)], [stage for stage in self._later if stage.first != first]))

    def change_on_all_ranks(self, shares: Any, group: Any = None) -> int:
        """Makes ``shares`` hold from the first window on of which no rank has handed out anything.

        One collective call: every rank must make it, after as many steps or not, with the same shares, from the process
        and thread that draws. Loaders' workers may have prefetched: what was handed out stays as it was.

        Args:
            shares: As at construction; the same on all ranks.
            group: A torch.distributed process group; by default that of all ranks. Without any, one process is alone.

        Returns:
            The position from which they hold.

        Raises:
            ValueError: On all ranks alike: wrong shares, or not the same on all.
            RuntimeError: There is no process group, but WORLD_SIZE says that there are several processes.
        """
        masses, error = None, None
        try:
            masses = self._reader.masses(shares)
        except (TypeError, ValueError) as wrong:
            error = str(wrong)
        digest = self._digest(len(self._parts), [*self._stages, (-1, masses or [])])
        first = agreed_window(Proposal(self.next_position // self.window, digest, error), group)
        taken = {stage.first for stage in self._fixed}
        while first in taken:  # the stage given there holds for a window
            first += 1
        assert masses is not None
        self._apply(joined([Stage(first, masses)], [stage for stage in self._later if stage.first != first]))
        return first * self.window

    def locate(self, index: int) -> tuple[str, int]:
        """Returns the name of the source that item ``index`` belongs to, and the item's index in it."""
        item = whole_number(index, "index", 0, self.num_items - 1)
        source = int(np.searchsorted(self._starts, item, side="right")) - 1
        return self.names[source], item - int(self._starts[source])

    def order(self, n: int, *, seed: int, start: int = 0, step: int = 1) -> NDArray[np.int64]:
        """Returns the numbers of the sources that positions ``start, start + step, ...`` take: int64 of shape (n,).

        Positions are those of all epochs. Costs what drawing does, without the items.

        Raises:
            ValueError: A position beyond 2^62.
        """
        return source_order(self, n, seed, start, step)

    def as_index_arrays(
        self, start: int, count: int, *, seed: int, occurrences: bool = False
    ) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Returns Megatron's two index arrays for positions ``start`` to ``start + count - 1``.

        Entry i says: take sample ``dataset_sample_index[i]`` of dataset ``dataset_index[i]``, as ``BlendedDataset``
        reads them. Any part can be made on its own, at any time, on any rank.

        Args:
            start: First position, among those of all epochs.
            count: How many.
            seed: Of the run.
            occurrences: Whether a dataset's samples are 0, 1, 2, ... in the order of positions, over all passes, for
                datasets that shuffle and repeat themselves, as Megatron's GPTDataset does; else items in [0, size).

        Returns:
            ``dataset_index``, int16, and ``dataset_sample_index``, int64, both of shape (count,).

        Raises:
            ValueError: More than 32,767 sources, or a position beyond 2^62.
        """
        return index_arrays(self, start, count, seed, occurrences)

    def counts(self, position: int, *, seed: int) -> dict[str, int]:
        """Returns how many items of each source come before ``position``: in closed form, plus at most a window."""
        return dict(zip(self.names, self._counted(position, seed).tolist(), strict=True))

    def passes(self, position: int, *, seed: int) -> dict[str, float]:
        """Returns how often each source was gone through before ``position``: its count over its size.

        The whole part is how many passes are complete. Of a table, whose items come by weight, the mean of all items.
        """
        counted = self._counted(position, seed).tolist()
        passed = [count / size if size else 0.0 for count, size in zip(counted, self.sizes, strict=True)]
        return dict(zip(self.names, passed, strict=True))

    def _counted(self, position: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        end = whole_number(position, "position", 0, MAX_POSITION)
        windows, rest = divmod(end, self.window)
        found = np.empty(len(self._parts), dtype=np.uint64)
        self._core.counts_into(seed_key(seed), windows, found.ctypes.data)
        numbers = found.astype(np.int64)
        if rest:
            sources, occurrences = np.empty((2, rest), dtype=np.int64)
            draws = _core.MixtureDraws(self._core, seed_key(seed), 0, MAX_POSITION)
            draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, rest, windows * self.window, 1)
            numbers += np.bincount(sources, minlength=len(numbers))
        return numbers

    def draws_until(self, stop: Stop, *, seed: int) -> int:
        """Returns how many draws, in whole windows, a run must have to end where sources have been shown once.

        Args:
            stop: "first": the run ends before the first window in which any source begins its second pass. "all": after
                the window in which the last source ends its first pass. Tables do not count: they have no passes.
            seed: The seed of the run.

        Raises:
            ValueError: There is no such position below 2^62, as where a source's share is 0 in the end; or a second
                pass begins in the very first window.
        """
        plain = {i: part for i, part in enumerate(self._parts) if isinstance(part, int) and part > 0}
        return windows_until(self._core, seed_key(seed), checked_stop(stop), plain, self.names) * self.window

    def state(self) -> dict[str, Any]:
        """Returns the stages set later than at construction, and what tells which source differs if a load fails."""
        return write_stages(self._later, self.window, self.sizes, self._digest(len(self._parts)))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on with the stages of ``state`` in the place of those that were set here since construction.

        Sources may have been added at the end since it was saved: they have no share until a new stage gives them one.

        Raises:
            ValueError: Not a state of this mixture.
        """
        later = read_stages(state, self._reader, {stage.first for stage in self._fixed}, self._digest)
        if later != self._later:
            self._apply(later)

    def difference(self, state: Mapping[str, Any]) -> str | None:
        """Names the first source, or else what other thing, that is not as it was when ``state`` was saved."""
        return difference_of(state, self._reader)

    def probabilities(self) -> torch.Tensor:
        """What each item is drawn with in the last stage, in the long run: float64 of shape (num_items,). O(N)."""
        shares = [mass / TOTAL for mass in self._stages[-1].masses]
        parts = [
            torch.full((part,), share / max(part, 1), dtype=torch.float64, device="cpu")
            if isinstance(part, int)
            else part.probabilities() * share
            for part, share in zip(self._parts, shares, strict=True)
        ]
        return torch.cat(parts)

    def __repr__(self) -> str:
        return f"Mixture({len(self._parts)} sources of {self.num_items} items, window={self.window})"

    def _arguments(self) -> dict[str, Any]:
        return {
            "sources": self._parts,
            "window": self.window,
            "names": self.names,
            "lengths": self._reader.lengths,
            "stop": self.stop,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._arguments(), self._fixed, self._later, self._front.position())

    def __copy__(self) -> Mixture:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Mixture:
        return _restored(self._arguments(), self._fixed, self._later, self._front.position())


def _restored(arguments: Mapping[str, Any], fixed: list[Stage], later: list[Stage], position: int) -> Mixture:
    mixture = Mixture(**arguments)
    mixture._set_up(list(fixed), list(later), position)
    return mixture
