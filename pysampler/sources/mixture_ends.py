"""Where a run over a mixture ends if a source's first pass ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pysampler import _core

Stop = Literal["first", "all"]
_NEVER = 2**64 - 1


def checked_stop(stop: Any) -> Stop:
    """Returns ``stop``. ValueError unless it is one of the two."""
    if stop not in ("first", "all"):
        raise ValueError(f"stop must be 'first' or 'all', but got stop={stop!r}")
    return stop  # type: ignore[no-any-return]


def windows_until(core: _core.Mixture, key: int, stop: Stop, sizes: dict[int, int], names: Sequence[str]) -> int:
    """Returns how many windows a run has.

    Args:
        core: The mixture.
        key: Of the stream.
        stop: See ``Mixture.draws_until``.
        sizes: Of the sources that have passes, by their numbers.
        names: Of all sources.

    Cost: a floor sum for each source, some 64 more for those that move the end. O(sources) if it cannot be found.

    Raises:
        ValueError: No source has passes, they do not end before position 2^62, or the run has no window.
    """
    if not sizes:
        raise ValueError(f"stop={stop!r} is about passes over sources, but these are tables, drawn by weight, or empty")
    if stop == "first":
        window = core.first_window_of(key, list(sizes), list(sizes.values()))
        if window == _NEVER:
            raise ValueError("stop='first': no source begins a second pass before position 2^62")
        if window == 0:
            first = next(i for i, size in sizes.items() if core.first_window_of(key, [i], [size]) == 0)
            raise ValueError(
                f"stop='first': source {names[first]} begins its second pass in the first window: give a smaller "
                "window, or stop='all'"
            )
        return window
    window = core.last_window_of(key, list(sizes), [size - 1 for size in sizes.values()])
    if window == _NEVER:
        never = next(i for i, size in sizes.items() if core.last_window_of(key, [i], [size - 1]) == _NEVER)
        raise ValueError(
            f"stop='all': source {names[never]} does not end its first pass before position 2^62: give it a share in "
            "the last stage, or leave it out"
        )
    return window + 1
