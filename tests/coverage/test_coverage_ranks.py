"""Trackers of several ranks, put together through torch.distributed in real processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from rank_processes import on_ranks
from torch.utils.data import DataLoader

from pysampler import AliasTable, CoverageTracker, DistributedWeightedSampler, audit_coverage
from pysampler.coverage import ranks as rank_merging

ITEMS = 1000


def contents(tracker: CoverageTracker) -> list[Any]:
    return [value.tolist() if isinstance(value, torch.Tensor) else value for value in tracker.state_dict().values()]


def part(rank: int, epoch: int) -> list[int]:
    generator = np.random.default_rng(10 * epoch + rank)
    return [*generator.integers(ITEMS, size=300).tolist(), *[7] * 30_000]


def tracker_of(ranks: list[int], **options: Any) -> CoverageTracker:
    """What a tracker knows that was fed by all these ranks."""
    tracker = CoverageTracker(ITEMS, **options)
    for epoch in (0, 1):
        if epoch:
            tracker.new_epoch()
        for rank in ranks:
            tracker.update(part(rank, epoch))
    return tracker


@pytest.mark.parametrize("gathered", [False, True], ids=["bitwise", "gathered"])
@pytest.mark.parametrize("options", [{}, {"counts": True}, {"epochs": False}], ids=str)
def test_ranks_together_have_seen_what_one_tracker_fed_by_all_has(
    options: dict[str, bool], gathered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if gathered:  # the way of backends that have no bitwise operations
        monkeypatch.setattr(rank_merging.dist, "get_backend", lambda group=None: "other")
    monkeypatch.setattr(rank_merging, "_CHUNK", 7)

    def work(rank: int) -> tuple[list[Any], list[Any], bool]:
        tracker = tracker_of([rank], **options)
        before = contents(tracker)
        merged = tracker.merged_over_ranks()
        again = tracker.merged_over_ranks()
        return contents(merged), contents(again), contents(tracker) == before

    expected = contents(tracker_of([0, 1], **options))
    for merged, again, unchanged in on_ranks(2, work):
        assert merged == again == expected
        assert unchanged


def test_counts_of_ranks_stop_at_65535() -> None:
    def work(rank: int) -> list[int]:
        tracker = CoverageTracker(3, counts=True)
        tracker.update([0] * 40_000 + [1] * (rank * 70_000) + [2])
        return tracker.merged_over_ranks().counts.tolist()

    assert on_ranks(2, work) == [[65535, 65535, 2]] * 2


def test_trackers_that_differ_are_refused_on_every_rank() -> None:
    def work(rank: int) -> list[str]:
        messages = []
        for tracker in (
            CoverageTracker(5 + rank),
            CoverageTracker(5, counts=bool(rank)),
            CoverageTracker(5, epochs=not rank),
            CoverageTracker(5),
        ):
            if len(messages) == 3 and rank:
                tracker.new_epoch()
            try:
                tracker.merged_over_ranks()
            except ValueError as error:
                messages.append(str(error))
        return messages

    for messages in on_ranks(2, work):
        for message, words in zip(messages, ("num_items", "counts=", "epochs=", "the current epoch"), strict=True):
            assert f"the same {words}, but by rank they are [" in message


def test_a_group_of_some_ranks_merges_those() -> None:
    def work(rank: int) -> int:
        groups = [dist.new_group([0, 2]), dist.new_group([1])]
        tracker = CoverageTracker(3)
        tracker.update(rank)
        return tracker.merged_over_ranks(groups[rank % 2]).unique

    assert on_ranks(3, work) == [2, 1, 2]


def test_without_a_group_the_merged_tracker_is_a_copy() -> None:
    tracker = tracker_of([0], counts=True)
    merged = tracker.merged_over_ranks()
    assert contents(merged) == contents(tracker)
    merged.update(torch.arange(ITEMS))
    assert tracker.unique < ITEMS


def test_watched_ranks_have_together_seen_what_an_audit_says() -> None:
    table = AliasTable(torch.arange(50))

    def work(rank: int) -> tuple[list[int], list[int]]:
        sampler = DistributedWeightedSampler(table, 60, seed=4)
        tracker = CoverageTracker(50, counts=True)
        loader = DataLoader(range(50), 7, sampler=tracker.watch(sampler))  # type: ignore[arg-type]
        for epoch in range(3):
            sampler.set_epoch(epoch)
            assert sum(len(batch) for batch in loader) == 30
        audit = audit_coverage(sampler, sampler.state_dict(), counts=True)
        return tracker.merged_over_ranks().counts.tolist(), audit.counts.tolist()

    for watched, audited in on_ranks(2, work):
        assert watched == audited
        assert sum(watched) == 180
