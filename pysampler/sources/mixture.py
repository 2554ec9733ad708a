"""Mixture: many sources with shares that follow a schedule, every position by arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Sized
from typing import Any, Literal

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.memory import as_array
from pysampler.inputs.numbers import whole_number
from pysampler.keys import seed_key
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import MAX_ITEMS, Source
from pysampler.sources.class_table import ClassTable
from pysampler.sources.mixture_shares import TOTAL, share_masses, stage_intervals

MAX_SOURCES = 2**16
MAX_WINDOW = 2**24
MAX_POSITION = 2**62

_Part = int | AliasTable | ClassTable


class Mixture(Source):
    """Items of many sources, each with a share of the draws that may change at any window.

    There is one stream of positions; epoch e of k draws has positions e * k to e * k + k - 1. Positions come in windows
    of W. With p a source's share:

    - every window has floor(W p) or ceil(W p) items of a source with W p >= 1, in keyed random order;
    - after any whole number of windows, exactly the first occurrences of each source were handed out;
    - occurrence o of a source of n items belongs to its pass o // n: every item once, in a new random order each pass.
      (In a window that holds the end of a pass an item may come twice.) Items of a table are drawn by weight instead.

    Two or more sources with W p < 1 form a group, on a lattice of their own, so that they meet different mates: see
    csrc/core/mixture.h. A run of e windows is off by a bit more than 1 + 0.4 ln e items of a source; in the group,
    also by what a cut in one of the group's windows (up to 65,536 of its items, in random order) adds.

    Args:
        sources: Sizes, sized datasets, a ``ConcatDataset`` (its parts), ``AliasTable`` or ``ClassTable`` objects; at
            most 2^16, of at most 2^62 items in all. Index 0 of a source follows the last of the one before it.
        shares: Positive numbers or 0, for each source or in a dict by name; or a list of stages ``(position, shares)``,
            the first at position 0. Each begins with the window that holds its position. By default the sizes.
        window: W, in [1, 2^24]: say the global batch.
        names: One for each source; by default their numbers.

    Cost: nothing is listed. Some 250 bytes a source while drawing, and O(sources) for each stage.

    Raises:
        ValueError: Shares that are negative, not finite, all 0 or not one for each source; an empty source with a
            positive share; too many sources or items; names twice or unknown; stages out of order. Names the source.
        TypeError: A source or share of another type.

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
        self, sources: Any, shares: Any = None, *, window: int = 256, names: Sequence[str] | None = None
    ) -> None:
        self.window = whole_number(window, "window", 1, MAX_WINDOW)
        self._parts = _parts_of(sources)
        self.sizes = tuple(part if isinstance(part, int) else len(part) for part in self._parts)
        self.names = _checked_names(names, len(self._parts))
        total = sum(self.sizes)
        if total > MAX_ITEMS:
            raise ValueError(f"a mixture has at most 2^62 items, but its sources have {total}")
        self._starts = np.cumsum([0, *self.sizes], dtype=np.int64)
        stages = self._read_stages(list(self.sizes) if shares is None else shares)
        self._set_up(stages, len(stages))

    def _set_up(self, stages: list[tuple[int, list[int]]], built_in: int) -> None:
        self._core = _core.Mixture(self.window)
        for part in self._parts:
            if isinstance(part, int):
                self._core.add_items(part)
            elif isinstance(part, AliasTable):
                self._core.add_table(part._core)
            else:
                self._core.add_classes(part._core, len(part))
        self._built_in = built_in
        self._apply(stages)

    def _apply(self, stages: list[tuple[int, list[int]]]) -> None:
        """Takes stages: (first window, masses)."""
        made = [self._core.stage(first, *stage_intervals(masses, self.window)) for first, masses in stages]
        self._core.set_stages(made)
        self._stages = stages

    @property
    def num_items(self) -> int:
        """How many items all sources have."""
        return int(self._starts[-1])

    @property
    def fingerprint(self) -> str:
        """Of the sources, the window, and the stages given at construction: those set later are in the state."""
        digest = hashlib.sha256(f"mixture, window {self.window}, permutation {_core.PERMUTATION_VERSION}".encode())
        for part in self._parts:
            digest.update(f"; {part if isinstance(part, int) else part.fingerprint}".encode())
        for first, masses in self._stages[: self._built_in]:
            digest.update(f"| {first}: {masses}".encode())
        return digest.hexdigest()[:32]

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws; padding is drawn independently, by the shares at the epoch's end.

        Raises:
            ValueError: The epoch ends beyond position 2^62.
        """
        return _core.MixtureDraws(self._core, key, epoch, draws)

    def at(self, position: int, shares: Any) -> None:
        """Makes ``shares`` hold from the window on that holds ``position``, for running iterators too.

        What has been handed out stays as it was, so all ranks must do the same, at a position that none of them has
        handed out yet: this is not checked. A stage that began with the same window is replaced.

        Args:
            position: Among those of all epochs: that of epoch e of k draws begins at e * k.
            shares: As at construction.

        Raises:
            ValueError: A position before the last stage's, or that of a stage given at construction; shares as at
                construction.
        """
        first = whole_number(position, "position", 0, MAX_POSITION - 1) // self.window
        last = self._stages[-1][0]
        replaces = first == last and len(self._stages) > self._built_in
        if first < last or (first == last and not replaces):
            raise ValueError(
                f"position {position} lies in window {first}, but the last stage begins with window {last}: a new "
                f"stage begins at position {(last + 1) * self.window} or later"
            )
        kept = self._stages[:-1] if replaces else self._stages
        self._apply([*kept, (first, self._masses(shares))])

    def locate(self, index: int) -> tuple[str, int]:
        """Returns the name of the source that item ``index`` belongs to, and the item's index in it."""
        item = whole_number(index, "index", 0, self.num_items - 1)
        source = int(np.searchsorted(self._starts, item, side="right")) - 1
        return self.names[source], item - int(self._starts[source])

    def counts(self, position: int, *, seed: int) -> dict[str, int]:
        """Returns how many items of each source come before ``position``: in closed form, plus at most a window.

        Divided by a source's size, how many passes it has had.
        """
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
        return dict(zip(self.names, numbers.tolist(), strict=True))

    def draws_until(self, stop: Literal["first", "all"], *, seed: int) -> int:
        """Returns how many draws of whole windows end a run with a source's first pass.

        Args:
            stop: "first": before the first window in which any source begins its second pass. "all": after the window
                in which the last source ends its first pass. Of the sources of a size; tables have no passes.
            seed: The seed of the run.

        Raises:
            ValueError: There is no such position below 2^62, as where a source's share is 0 in the end.
        """
        plain = [i for i, part in enumerate(self._parts) if isinstance(part, int) and part > 0]
        if stop not in ("first", "all"):
            raise ValueError(f"stop must be 'first' or 'all', but got {stop!r}")
        find = self._core.first_window_of if stop == "first" else self._core.last_window_of
        sought = [self.sizes[i] - (stop == "all") for i in plain]
        window = find(seed_key(seed), plain, sought) if plain else TOTAL - 1
        if window == TOTAL - 1:
            raise ValueError(f"stop={stop!r}: the passes of sources of a size do not end before position 2^62")
        return (window + (stop == "all")) * self.window

    def state(self) -> dict[str, Any]:
        """Returns the stages that ``at`` set: those of the construction belong to the fingerprint."""
        later = self._stages[self._built_in :]
        return {"stages": [[first, list(masses)] for first, masses in later]} if later else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on with the stages of ``state`` in the place of those that ``at`` has set here.

        Raises:
            ValueError: Not a state of this mixture.
        """
        if not set(state) <= {"stages"}:
            raise ValueError(f"this is no state of a mixture: it has {sorted(set(state) - {'stages'})}")
        stages, last = list(self._stages[: self._built_in]), self._stages[self._built_in - 1][0]
        for number, stage in enumerate(state.get("stages", [])):
            first, masses = stage
            sound = type(first) is int and last < first < MAX_POSITION and len(masses) == len(self._parts)
            if not sound or any(type(m) is not int or m < 0 for m in masses) or sum(masses) != TOTAL:
                raise ValueError(f"the state is damaged: stage {number} of the mixture")
            self._check_filled(masses)
            stages.append((first, list(masses)))
            last = first
        if stages != self._stages:
            self._apply(stages)

    def probabilities(self) -> torch.Tensor:
        """What each item is drawn with in the last stage, in the long run: float64 of shape (num_items,). O(N)."""
        shares = [mass / TOTAL for mass in self._stages[-1][1]]
        parts = [
            torch.full((part,), share / max(part, 1), dtype=torch.float64, device="cpu")
            if isinstance(part, int)
            else part.probabilities() * share
            for part, share in zip(self._parts, shares, strict=True)
        ]
        return torch.cat(parts)

    def _read_stages(self, shares: Any) -> list[tuple[int, list[int]]]:
        is_list = isinstance(shares, Sequence) and not isinstance(shares, str)
        if not (is_list and len(shares) > 0 and all(isinstance(stage, tuple) for stage in shares)):
            return [(0, self._masses(shares))]
        stages: list[tuple[int, list[int]]] = []
        for number, stage in enumerate(shares):
            if len(stage) != 2:
                raise ValueError(f"a stage is (position, shares), but stage {number} has {len(stage)} entries")
            first = whole_number(stage[0], "position", 0, MAX_POSITION - 1) // self.window
            if (number == 0 and first != 0) or (number > 0 and first <= stages[-1][0]):
                raise ValueError(
                    f"stages begin at position 0 and each a window of {self.window} or more after the one before it, "
                    f"but stage {number} begins at position {stage[0]}"
                )
            stages.append((first, self._masses(stage[1])))
        return stages

    def _masses(self, shares: Any) -> list[int]:
        if isinstance(shares, Mapping):
            unknown = [name for name in shares if name not in self.names]
            missing = [name for name in self.names if name not in shares]
            if unknown or missing:
                name, fault = (unknown[0], "unknown") if unknown else (missing[0], "missing")
                raise ValueError(
                    f"shares must name each source, but {name!r} is {fault}: sources are {self.names[:20]}"
                )
            shares = [shares[name] for name in self.names]
        values = list(as_array(shares, "shares") if isinstance(shares, torch.Tensor) else shares)
        if len(values) != len(self._parts):
            raise ValueError(f"there must be a share for each of {len(self._parts)} sources, but got {len(values)}")
        masses = share_masses(values, self.names)
        self._check_filled(masses)
        return masses

    def _check_filled(self, masses: Sequence[int]) -> None:
        for mass, size, name in zip(masses, self.sizes, self.names, strict=True):
            if mass > 0 and size == 0:
                raise ValueError(f"source {name} has no items but a positive share: give it share 0 or leave it out")

    def __repr__(self) -> str:
        return f"Mixture({len(self._parts)} sources of {self.num_items} items, window={self.window})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._parts, self._stages, self._built_in, self.window, self.names)

    def __copy__(self) -> Mixture:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Mixture:
        return _restored(self._parts, self._stages, self._built_in, self.window, self.names)


def _restored(
    parts: list[_Part], stages: list[tuple[int, list[int]]], built_in: int, window: int, names: tuple[str, ...]
) -> Mixture:
    mixture = Mixture(parts, [1 if part != 0 else 0 for part in parts], window=window, names=names)
    mixture._built_in = built_in
    mixture._apply(stages)
    return mixture


def _parts_of(sources: Any) -> list[_Part]:
    if isinstance(sources, torch.utils.data.ConcatDataset):
        sources = sources.datasets
    parts: list[_Part] = []
    for number, source in enumerate(sources):
        if isinstance(source, (AliasTable, ClassTable)):
            parts.append(source)
        elif isinstance(source, Sized) and not isinstance(source, str | bytes) and getattr(source, "ndim", 1) != 0:
            parts.append(len(source))
        else:
            parts.append(whole_number(source, f"the size of source {number}", 0, MAX_ITEMS))
    if not 0 < len(parts) <= MAX_SOURCES:
        raise ValueError(f"a mixture has between 1 and 2^16 sources, but got {len(parts)}")
    return parts


def _checked_names(names: Sequence[str] | None, sources: int) -> tuple[str, ...]:
    if names is None:
        return tuple(str(number) for number in range(sources))
    given = tuple(names)
    if len(given) != sources:
        raise ValueError(f"there must be a name for each of {sources} sources, but got {len(given)}")
    seen: set[str] = set()
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, but got {name!r}")
        if name in seen:
            raise ValueError(f"each source needs a name of its own, but {name!r} is given twice")
        seen.add(name)
    return given
