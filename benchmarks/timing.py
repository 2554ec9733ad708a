"""Interleaved timing: A B C A B C ..., so that a noisy minute hurts every contender alike.

A ratio between two figures is only worth something if both were taken under the same conditions.
Every comparison therefore runs in rounds; in each round every contender is timed once, as a block
of calls long enough for the clock, after one untimed call that refills the caches which the
contender before it has emptied.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch


class Unavailable(Exception):
    """A contender that cannot run here; the message is the reason shown in the tables."""


class Contender(Protocol):
    """Something that can be timed."""

    @property
    def name(self) -> str:
        """Who it is, as the tables call it."""

    @property
    def threads(self) -> int:
        """What `torch.get_num_threads()` says while it runs."""

    @property
    def work(self) -> int:
        """Units of work (draws, items, indices) done by one call."""

    @property
    def how(self) -> str:
        """How it is called, in words."""

    @property
    def note(self) -> str:
        """What is different about it in this case; may be empty."""

    def block_ns(self, loops: int) -> int:
        """Runs `loops` calls back to back and returns the nanoseconds they took together."""


@dataclass(frozen=True)
class Call:
    """A contender that is a plain call in this process."""

    name: str
    call: Callable[[], object]
    work: int
    threads: int = 1
    how: str = ""
    note: str = ""

    def block_ns(self, loops: int) -> int:
        """Calls in a plain loop; the loop itself costs some 20 ns a call."""
        call = self.call
        start = time.perf_counter_ns()
        for _ in range(loops):
            call()
        return time.perf_counter_ns() - start


@dataclass(frozen=True)
class Plan:
    """How long a comparison may take.

    Attributes:
        rounds: Rounds wanted; a slow contender takes part in fewer, at least one.
        block_s: Seconds that one timed block should last at least.
        budget_s: Seconds that one contender may take over all rounds.
    """

    rounds: int
    block_s: float
    budget_s: float


@dataclass(frozen=True)
class Schedule:
    """What calibration found for one contender."""

    loops: int
    rounds: int
    warm_up: bool


def schedule(contender: Contender, plan: Plan) -> Schedule:
    """Runs a contender once or twice and decides how often it can afford to be timed."""
    torch.set_num_threads(contender.threads)
    first_s = contender.block_ns(1) / 1e9
    # The first call may have faulted pages in or started a pool; ask again unless that costs much.
    call_s = first_s if first_s > plan.budget_s / 4 else contender.block_ns(1) / 1e9
    loops = max(1, math.ceil(plan.block_s / max(call_s, 1e-9)))
    warm_up = call_s < 4 * plan.block_s
    round_s = call_s * (loops + warm_up)
    return Schedule(loops, max(1, min(plan.rounds, int(plan.budget_s / round_s))), warm_up)


def interleave(contenders: Sequence[Contender], plan: Plan) -> list[list[float]]:
    """Times all contenders in rounds.

    Args:
        contenders: At least one; timed in this order in every round.
        plan: Rounds, block length and time budget.

    Returns:
        For each contender, nanoseconds per unit of work, one figure per round it took part in.
        Round r of one contender was taken right beside round r of another.
    """
    threads_before = torch.get_num_threads()
    try:
        schedules = [schedule(contender, plan) for contender in contenders]
        figures: list[list[float]] = [[] for _ in contenders]
        for round_number in range(max(each.rounds for each in schedules)):
            for contender, its, taken in zip(contenders, schedules, figures, strict=True):
                if round_number >= its.rounds:
                    continue
                torch.set_num_threads(contender.threads)
                if its.warm_up:
                    contender.block_ns(1)
                taken.append(contender.block_ns(its.loops) / (its.loops * contender.work))
    finally:
        torch.set_num_threads(threads_before)
    return figures
