"""Samplers pickled, copied and sent to other processes: they go on where the original stood."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers

from pysampler import AliasTable, WeightedRandomSampler

WEIGHTS = hashed_integers(500) + 1
TABLE = AliasTable(WEIGHTS)

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda sampler: pickle.loads(pickle.dumps(sampler)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def two_passes(samplers: list[WeightedRandomSampler]) -> list[list[int]]:
    return [list(sampler) for sampler in samplers for _ in range(2)]


@pytest.mark.parametrize("replacement", [True, False])
@copies
def test_a_copy_goes_on_with_the_same_epoch(copied: Callable[[Any], Any], replacement: bool) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 300, replacement, seed=6)
    next(iter(sampler))
    again = copied(sampler)
    second = list(again)
    assert again.num_samples == 300
    assert again.replacement is replacement
    expected = WeightedRandomSampler(WEIGHTS, 300, replacement, seed=6)
    expected.set_epoch(1)
    assert second == list(expected)


@pytest.mark.parametrize("copied", [COPIES["pickle"], COPIES["deepcopy"]])
def test_a_copy_keeps_a_pinned_epoch_and_a_generators_state_and_leads_its_own_life(
    copied: Callable[[Any], Any],
) -> None:
    sampler = WeightedRandomSampler(WEIGHTS, 300, seed=6)
    sampler.set_epoch(41)
    again = copied(sampler)
    for epoch in (41, 42):
        assert list(again) == TABLE.draw(300, seed=6, epoch=epoch).tolist()
    assert list(sampler) == TABLE.draw(300, seed=6, epoch=41).tolist()
    again.weights[0] = 0
    assert sampler.weights[0] > 0
    with_generator = WeightedRandomSampler(WEIGHTS, 300, generator=seeded())
    list(with_generator)
    assert list(copied(with_generator)) == list(with_generator)


@copies
def test_a_copy_sees_edits_that_no_pass_has_seen(copied: Callable[[Any], Any]) -> None:
    for edits in (1, 2, 3):
        sampler = WeightedRandomSampler(torch.ones(4), 200, seed=1)
        for item in range(edits):
            sampler.weights[item] = 0
        assert set(copied(sampler)) == set(range(edits, 4))
        list(sampler)
        assert set(copied(sampler)) == set(range(edits, 4))
        again = copied(sampler)
        again.weights[edits:3] = 0
        assert set(again) == {3}


@copies
def test_a_copy_of_a_sampler_over_a_table_draws_the_same(copied: Callable[[Any], Any]) -> None:
    assert list(copied(WeightedRandomSampler(TABLE, 300, seed=6))) == TABLE.draw(300, seed=6).tolist()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_draw_the_same(tmp_path: Path, method: str) -> None:
    TABLE.save(tmp_path / "table")

    def samplers() -> list[WeightedRandomSampler]:
        return [
            WeightedRandomSampler(WEIGHTS, 300, seed=6),
            WeightedRandomSampler(WEIGHTS, 300, False, seed=6),
            WeightedRandomSampler(WEIGHTS, 300, generator=seeded()),
            WeightedRandomSampler(AliasTable.load(tmp_path / "table"), 300, seed=6),
        ]

    with get_context(method).Pool(1) as pool:
        assert pool.apply(two_passes, (samplers(),)) == two_passes(samplers())
