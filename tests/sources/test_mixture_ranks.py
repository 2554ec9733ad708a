"""Shares of a mixture that change while several real processes train, unequally far ahead."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from rank_processes import on_ranks

from pysampler import DistributedWeightedSampler, Mixture, WeightedRandomSampler, audit_coverage

SIZES, SHARES, LATER = [400, 300, 50, 7], [5, 3, 1, 1], [1, 1, 1, 7]
DRAWS, WINDOW, SEED = 1200, 24, 5

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch has no torch.distributed")


class Indices(torch.utils.data.Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index


def mixture() -> Mixture:
    return Mixture(SIZES, SHARES, window=WINDOW)


def trained(rank: int, world: int) -> dict[str, Any]:
    """Trains an epoch and a half; all ranks change the shares once, each after another number of steps."""
    source = mixture()
    sampler = DistributedWeightedSampler(source, DRAWS, seed=SEED)
    ahead: dict[str, Any] = {"num_workers": 1, "prefetch_factor": 2 + 3 * rank, "persistent_workers": False}
    loader = torch.utils.data.DataLoader(Indices(), batch_size=5, sampler=sampler, **(ahead if rank else {}))
    items: list[int] = []
    position = next_position = 0
    for step, batch in enumerate(loader):
        items += batch.tolist()
        if step == 4 + 3 * rank:
            next_position = source.next_position
            position = source.change_on_all_ranks(LATER)
    state = sampler.state_dict()
    items += [index for batch in loader for index in batch.tolist()]
    return {"items": items, "position": position, "next": next_position, "state": json.dumps(state)}


@pytest.mark.parametrize("world", [2, 3])
def test_all_ranks_change_at_the_first_window_that_none_has_handed_out(world: int) -> None:
    results = on_ranks(world, lambda rank: trained(rank, world))
    positions = {result["position"] for result in results}
    nexts = [result["next"] for result in results]
    assert len(set(nexts)) > 1  # unequally far
    assert positions == {max(nexts)}
    assert 0 < max(nexts) < DRAWS
    expected = mixture()
    expected.at(max(nexts), LATER)
    whole = [*WeightedRandomSampler(expected, DRAWS, seed=SEED), *expected.draw(DRAWS, seed=SEED, start=DRAWS).tolist()]
    handed_out = [list(row) for row in zip(*(result["items"] for result in results), strict=True)]
    assert [index for row in handed_out for index in row] == whole
    # The state is the same everywhere, and restores the change on another number of ranks.
    assert len({result["state"] for result in results}) == 1
    state = json.loads(results[0]["state"])
    fresh = mixture()
    resumed = WeightedRandomSampler(fresh, DRAWS, seed=SEED)
    resumed.load_state_dict(state)
    assert list(resumed) == whole[DRAWS:]
    assert fresh.counts(2 * DRAWS, seed=SEED) == expected.counts(2 * DRAWS, seed=SEED)
    assert audit_coverage(resumed, state).unique == len(set(whole[:DRAWS]))


def refused(rank: int, shares: list[Any]) -> tuple[str, int]:
    source = mixture()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the parent looks at the message
        source.change_on_all_ranks(shares[rank])
    position = source.change_on_all_ranks(LATER)  # the group has not come out of step
    return str(error.value), position


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([LATER, [1, 1, -1, 1]], "on rank 1: shares must be finite and >= 0, but that of source 2 is -1"),
        ([LATER, "abcd"], "on rank 1: shares must be a number for each source"),
        ([LATER, SHARES], "ranks 1 have other sources, stages or new shares than rank 0"),
    ],
)
def test_shares_that_are_wrong_or_other_on_one_rank_are_refused_on_all(shares: list[Any], message: str) -> None:
    results = on_ranks(2, lambda rank: refused(rank, shares))
    for told, position in results:
        assert told.startswith(message)
        assert position == 0 + WINDOW  # a stage given at construction begins at 0


def test_one_process_without_a_group_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    source = mixture()
    iterator = iter(WeightedRandomSampler(source, DRAWS, seed=SEED))
    for _ in range(25):
        next(iterator)
    assert source.change_on_all_ranks(LATER) == 2 * WINDOW
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="WORLD_SIZE is 2, but there is no process group"):
        source.change_on_all_ranks(LATER)
