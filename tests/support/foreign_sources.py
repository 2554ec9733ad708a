"""Sources written outside of the package, in Python alone: what anybody may add."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from pysampler import Source, _core, python_draws

HUGE = 10**12


def scattered(key: int, epoch: int, positions: Any) -> Any:
    """A hash of key, epoch and position, in NumPy."""
    with np.errstate(over="ignore"):
        word = np.asarray(positions, np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key % 2**64)
        word ^= np.uint64(epoch) << np.uint64(40)
        word = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        return word ^ (word >> np.uint64(32))


def places(start: int, step: int, count: int) -> Any:
    return start + step * np.arange(count, dtype=np.int64)


class HugeSource(Source):
    """Stateless: 10^12 items, and nothing of that length anywhere."""

    kind = "huge"

    @property
    def num_items(self) -> int:
        return HUGE

    @property
    def default_draws(self) -> int:
        return 1000

    @property
    def fingerprint(self) -> str:
        return "huge"

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        def drawn(start: int, step: int, count: int) -> Any:
            return (scattered(key, epoch, places(start, step, count)) % np.uint64(HUGE)).astype(np.int64)

        return python_draws(drawn)


class ScheduledSource(Source):
    """Position p shows p modulo the size of its stage. Stages may be added while training: they are its state."""

    kind = "scheduled"
    one_key = True

    def __init__(self, draws: int = 1000) -> None:
        self.draws = draws
        self.stages: list[list[int]] = [[0, 100]]  # from which position on, modulo what
        self.version = _core.Version()

    @property
    def num_items(self) -> int:
        return 10_000

    @property
    def default_draws(self) -> int:
        return self.draws

    @property
    def fingerprint(self) -> str:
        return "scheduled"

    def at(self, position: int, size: int) -> None:
        self.stages.append([position, size])
        self.version.advance()

    def size_at(self, position: int) -> int:
        return [size for begin, size in self.stages if begin <= position][-1]

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        first = epoch * draws

        def drawn(start: int, step: int, count: int) -> list[int]:
            global_places = [first + int(place) for place in places(start, step, count)]
            return [place % self.size_at(place) for place in global_places]

        return python_draws(drawn, lambda start, step, count: [9_999] * count, self.version)

    def state(self) -> dict[str, Any]:
        return {"stages": [list(stage) for stage in self.stages]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        stages = state.get("stages")
        if not isinstance(stages, list) or not all(isinstance(stage, list) and len(stage) == 2 for stage in stages):
            raise ValueError(f"stages must be pairs, but are {stages!r}")
        self.stages = [list(stage) for stage in stages]
        self.version.advance()

    def __deepcopy__(self, memo: dict[int, Any]) -> ScheduledSource:
        other = ScheduledSource(self.draws)
        other.load_state(self.state())
        return other


class LiveSource(Source):
    """Whatever ``value`` is now: changes in the middle of a pass, and cannot be audited."""

    kind = "live"
    auditable = "its value changes while training, and is not kept"

    def __init__(self) -> None:
        self.value = 0
        self.version = _core.Version()

    @property
    def num_items(self) -> int:
        return 50

    @property
    def default_draws(self) -> int:
        return 10_000

    @property
    def fingerprint(self) -> str:
        return "live"

    def set(self, value: int) -> None:
        self.value = value
        self.version.advance()

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        source = weakref.proxy(self)
        return python_draws(lambda start, step, count: torch.full((count,), source.value), version=self.version)

    def __deepcopy__(self, memo: dict[int, Any]) -> LiveSource:
        other = LiveSource()
        other.set(self.value)
        return other
