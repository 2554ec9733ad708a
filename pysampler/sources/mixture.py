"""Mixture: many sources with shares that follow a schedule, every position by arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pysampler import _core
from pysampler.inputs.numbers import whole_number
from pysampler.share import Share
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.handed_out import Front
from pysampler.sources.mixture_changes import MixtureChanges
from pysampler.sources.mixture_ends import Stop, checked_stop
from pysampler.sources.mixture_parts import items_of, lengths_of, names_of, parts_of
from pysampler.sources.mixture_schedule import ScheduleReader, Stage
from pysampler.sources.mixture_state import difference_of, read_stages, write_stages

MAX_WINDOW = 2**24


class Mixture(MixtureChanges):
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
        self._made = {}
        self._apply(later)

    @property
    def fingerprint(self) -> str:
        """Of the window, the stages given at construction, and the sources up to the last that has a share in them.

        Stages set later are in the state.
        """
        used = max(i for _, masses in self._fixed for i, mass in enumerate(masses) if mass > 0) + 1
        return self._digest(used, [(first, masses[:used]) for first, masses in self._fixed])

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
