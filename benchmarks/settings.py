"""Settings: how much a run measures and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from .timing import Plan


@dataclass(frozen=True)
class Settings:
    """Sizes and times of one run.

    Attributes:
        name: "quick" or "standard".
        items: Table sizes N, from the first-level cache to main memory.
        loop_items: Indices per pass for the plain sampler loops.
        loader_items: Indices per pass for the DataLoader loops.
        family_items: N at which the weight families are compared.
        without_replacement_items: N for draws without replacement.
        drained: Draws taken from one iterator while its memory is watched.
        rank_items: N of the comparison of ranks.
        rank_peer_items: Up to which N peers take part in it.
        worlds: Numbers of ranks; peers are measured for the first one.
        bulk_items: N = k for bulk draws, or 0 for none.
        plan: Rounds, block length and time budget of each contender in each case.
        limit_s: Cases that would begin later than this are skipped, visibly.
        huge: Also N = 1e9, which needs about 21 GB of memory.
    """

    name: str
    items: tuple[int, ...]
    loop_items: tuple[int, ...]
    loader_items: int
    family_items: int
    without_replacement_items: int
    drained: int
    rank_items: tuple[int, ...]
    rank_peer_items: int
    worlds: tuple[int, ...]
    bulk_items: int
    plan: Plan
    limit_s: float
    huge: bool = False

    def draws(self, items: int) -> int:
        """Draws per call in the comparison of draws: an epoch, but at least 1e6 and at most 1e7."""
        return min(max(items, 1_000_000), 10_000_000)


QUICK = Settings(
    name="quick",
    items=(1_000, 100_000, 1_000_000),
    loop_items=(200_000,),
    loader_items=20_000,
    family_items=300_000,
    without_replacement_items=300_000,
    drained=2_000_000,
    rank_items=(100_000,),
    rank_peer_items=100_000,
    worlds=(8, 64),
    bulk_items=0,
    plan=Plan(rounds=3, block_s=0.005, budget_s=0.4),
    limit_s=50,
)

STANDARD = Settings(
    name="standard",
    items=(1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
    loop_items=(1_000_000, 10_000_000),
    loader_items=200_000,
    family_items=10_000_000,
    without_replacement_items=10_000_000,
    drained=100_000_000,
    rank_items=(1_000_000, 10_000_000, 100_000_000),
    rank_peer_items=10_000_000,
    worlds=(8, 64, 512, 4096),
    bulk_items=100_000_000,
    plan=Plan(rounds=7, block_s=0.025, budget_s=16),
    limit_s=660,
)
