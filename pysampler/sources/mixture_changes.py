"""Changes of a mixture's shares while it is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysampler import _core
from pysampler.sources.handed_out import Front, HandedOut
from pysampler.sources.mixture_parts import digest_of
from pysampler.sources.mixture_ranks import Proposal, agreed_window
from pysampler.sources.mixture_readings import MixtureReadings
from pysampler.sources.mixture_schedule import ScheduleReader, Stage, joined
from pysampler.sources.mixture_shares import stage_intervals


class MixtureChanges(MixtureReadings):
    """Stages of a ``Mixture`` that are set later than at construction, and where they may begin."""

    _reader: ScheduleReader
    _front: Front
    _fixed: list[Stage]  # given at construction
    _later: list[Stage]
    _made: dict[int, tuple[list[int], _core.MixtureStage]]  # by their first windows

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

    def _digest(self, sources: int, stages: Sequence[tuple[int, Sequence[int]]] = ()) -> str:
        return digest_of(self._parts[:sources], self.window, stages, _core.PERMUTATION_VERSION)
