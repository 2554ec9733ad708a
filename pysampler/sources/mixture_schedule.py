"""Schedules of a mixture: stages of shares, as they are given, joined and interpolated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from pysampler.inputs.listed import by_label, listed
from pysampler.inputs.numbers import whole_number
from pysampler.inputs.shown import shown
from pysampler.sources.mixture_shares import MAX_SOURCES, exact_share, share_masses

MAX_POSITION = 2**62
MAX_POINTS = 2**20


class Stage(NamedTuple):
    """Shares that hold from a window on.

    Attributes:
        first: The number of the window.
        masses: Of each source; they sum to 2^64.
    """

    first: int
    masses: list[int]


@dataclass(frozen=True)
class ScheduleReader:
    """Reads shares and stages for the sources of one mixture.

    Attributes:
        names: Of the sources.
        sizes: Their items.
        lengths: How long their items are in the mean, so that shares are of length; None if they are of items.
        window: Positions of a window.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    lengths: tuple[Fraction, ...] | None
    window: int

    def masses(self, shares: Any) -> list[int]:
        """Returns the masses of shares: a number for each source, or a dict by name.

        Raises:
            ValueError: One that is negative or not finite, none that is positive, not one for each source, or a
                positive one of an empty source.
            TypeError: No numbers.
        """
        values = by_source(shares, self.names, "shares")
        if self.lengths is not None:
            exact = [exact_share(value, name) for value, name in zip(values, self.names, strict=True)]
            values = [value / length for value, length in zip(exact, self.lengths, strict=True)]
        masses = share_masses(values, self.names)
        self.check_filled(masses)
        return masses

    def check_filled(self, masses: Sequence[int]) -> None:
        """Raises ValueError if a source without items has a positive mass."""
        for mass, size, name in zip(masses, self.sizes, self.names, strict=True):
            if mass > 0 and size == 0:
                raise ValueError(f"source {name} has no items but a positive share: give it share 0 or leave it out")

    def stages(self, shares: Any) -> list[Stage]:
        """Returns the stages of a list of (position, shares), or the one stage of shares that hold from the beginning.

        Raises:
            ValueError: As ``masses``; stages that do not begin at position 0 and ascend by a window or more each.
        """
        listed = isinstance(shares, Sequence) and not isinstance(shares, str) and len(shares) > 0
        if not (listed and isinstance(shares[0], tuple | list)):
            return [Stage(0, self.masses(shares))]
        stages: list[Stage] = []
        for number, stage in enumerate(shares):
            if not isinstance(stage, tuple | list) or len(stage) != 2:
                raise ValueError(f"a stage is (position, shares), but stage {number} is {shown(stage)}")
            first = self.window_of(stage[0])
            if (number == 0 and stage[0] != 0) or (number > 0 and first <= stages[-1].first):
                raise ValueError(
                    f"stages begin at position 0 and each a window of {self.window} or more after the one before it, "
                    f"but stage {number} begins at position {stage[0]}"
                )
            stages.append(Stage(first, self.masses(stage[1])))
        return stages

    def window_of(self, position: Any) -> int:
        """Returns the number of the window that holds a position."""
        return whole_number(position, "position", 0, MAX_POSITION - 1) // self.window


def by_source(values: Any, names: Sequence[str], what: str) -> list[Any]:
    """Returns a value for each source, in order, of a sequence of them or a dict by name.

    Raises:
        ValueError: Unknown or missing names, or another number of values than sources.
        TypeError: Nothing of the kind.
    """
    named = by_label(values, what)
    if named is not None:
        known = set(names)
        unknown = [name for name in named if name not in known]
        missing = [name for name in names if name not in named]
        if unknown or missing:
            name, fault = (unknown[0], "unknown") if unknown else (missing[0], "missing")
            by_place = "" if isinstance(values, Mapping) else "; if they are in this order, pass .tolist()"
            raise ValueError(f"{what} must name each source, but {name!r} is {fault}: {_names(names)}{by_place}")
        return [named[name] for name in names]
    entries = listed(values, what, len(names), "a number for each source or a dict by name")
    if len(entries) != len(names):
        got = len(entries) if len(entries) < len(names) or not isinstance(values, Sized) else len(values)
        raise ValueError(f"{what} must be one for each of {len(names)} sources, but got {got}: {_names(names)}")
    return entries


def joined(fixed: Sequence[Stage], later: Sequence[Stage]) -> list[Stage]:
    """Returns the stages given at construction and those set later in the order in which they hold."""
    return sorted([*fixed, *later], key=lambda stage: stage.first)


def piecewise_linear(points: Sequence[tuple[int, Any]], *, steps: int) -> list[tuple[int, Any]]:
    """Returns stages whose shares go from point to point in straight lines, in equal steps.

    Between two points there are ``steps`` stages, each with the shares of its middle, so that as many items of a source
    come as if its share had moved continuously. Before the first point its shares hold, and from the last on its.

    Args:
        points: (position, shares), positions ascending. Shares as for ``Mixture``, in proportion: all points as
            sequences of one length, or as dicts of the same names.
        steps: Stages between two points, >= 1. Each needs a window at least.

    Returns:
        A list for ``Mixture(shares=)``; shares sum to 1.

    Raises:
        ValueError: Fewer than two points, positions that do not ascend by ``steps`` at least, or shares of another
            number or with other names than the first point's.
        TypeError: Shares that are no numbers.

    Example:
        >>> piecewise_linear([(0, [1, 0]), (100, [0, 1])], steps=2)
        [(0, [0.75, 0.25]), (50, [0.25, 0.75]), (100, [0.0, 1.0])]
    """
    pieces = whole_number(steps, "steps", 1)
    given = [_point(point, number) for number, point in enumerate(_points(points))]
    if len(given) < 2:
        raise ValueError(f"a line needs two points or more, but got {len(given)}")
    positions = [whole_number(position, "position", 0, MAX_POSITION - 1) for position, _ in given]
    for before, after in pairwise(positions):
        if after - before < pieces:
            raise ValueError(
                f"positions must ascend, by {pieces} at least so that {pieces} stages lie between two, but {after} "
                f"follows {before}"
            )
    first = given[0][1]
    names = tuple(first) if isinstance(first, Mapping) else tuple(str(i) for i in range(len(first)))
    lines = [_proportions(by_source(shares, names, "shares"), names) for _, shares in given]

    def stage(position: int, shares: list[float]) -> tuple[int, Any]:
        return position, dict(zip(names, shares, strict=True)) if isinstance(first, Mapping) else shares

    stages = [] if positions[0] == 0 else [stage(0, lines[0])]
    for (begin, end), (low, high) in zip(pairwise(positions), pairwise(lines), strict=True):
        for piece in range(pieces):
            there = (2 * piece + 1) / (2 * pieces)
            shares = [a * (1 - there) + b * there for a, b in zip(low, high, strict=True)]
            stages.append(stage(begin + (end - begin) * piece // pieces, shares))
    return [*stages, stage(positions[-1], lines[-1])]


def _points(points: Any) -> list[Any]:
    return listed(points, "points", MAX_POINTS, "a sequence of (position, shares)")


def _point(point: Any, number: int) -> tuple[Any, Any]:
    """Returns a point's position and its shares: a mapping, or a list."""
    if not isinstance(point, tuple | list) or len(point) != 2:
        raise ValueError(f"a point is (position, shares), but point {number} is {shown(point)}")
    named = by_label(point[1], "shares")
    wanted = "a number for each source or a dict by name"
    return point[0], listed(point[1], "shares", MAX_SOURCES, wanted) if named is None else named


def _proportions(values: Sequence[Any], names: Sequence[str]) -> list[float]:
    exact = [exact_share(value, name) for value, name in zip(values, names, strict=True)]
    total = sum(exact)
    if total == 0:
        raise ValueError(f"shares must not all be 0, but those of all {len(exact)} sources are")
    return [float(value / total) for value in exact]


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"the sources are {', '.join(map(repr, names[:20]))}{more}"
