"""Real DistributedDataParallel training under torchrun: killed in mid-epoch, gone on with on other numbers of ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_processes import on_ranks

from pysampler import AliasTable, DistributedWeightedSampler

SCRIPT = Path(__file__).parents[1] / "support" / "ddp_run.py"
EPOCHS, DRAWS, GLOBAL_BATCH, ITEMS = 2, 120, 12, 50

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch has no torch.distributed")


def train(folder: Path, name: str, world: int, kill_at: int = 0) -> int:
    """Runs to the end or to the kill; returns torchrun's exit status."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={world}", str(SCRIPT)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [*command, str(folder), name, str(kill_at)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )
    if kill_at == 0:
        assert result.returncode == 0, result.stderr[-4000:]
    return result.returncode


def steps(folder: Path, world: int) -> dict[int, dict[str, Any]]:
    """What all ranks trained on, step by step, in the order of the global stream; later runs replace earlier ones."""
    ranks = [
        {line["step"]: line for line in map(json.loads, (folder / f"rank{rank}.jsonl").read_text().splitlines())}
        for rank in range(world)
    ]
    common = set.intersection(*(set(lines) for lines in ranks))
    return {
        step: {
            "indices": [
                index for row in zip(*(lines[step]["indices"] for lines in ranks), strict=True) for index in row
            ],
            "loss": ranks[0][step]["loss"],
        }
        for step in common
    }


def expected_indices() -> list[list[int]]:
    table = AliasTable(torch.arange(1.0, ITEMS + 1))
    draws = [table.draw(DRAWS, seed=3, epoch=epoch).reshape(-1, GLOBAL_BATCH) for epoch in range(EPOCHS)]
    batches: list[list[int]] = torch.cat(draws).tolist()
    return batches


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """The steps of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    train(folder, "indices", 1)
    return steps(folder, 1)


def test_an_uninterrupted_run_trains_on_the_draws(whole: dict[int, dict[str, Any]]) -> None:
    assert [whole[step]["indices"] for step in sorted(whole)] == expected_indices()


@pytest.mark.parametrize(("name", "worlds"), [("indices", (2, 3)), ("batches", (3, 1))])
def test_a_killed_run_goes_on_on_another_number_of_ranks(
    name: str, worlds: tuple[int, int], whole: dict[int, dict[str, Any]], tmp_path: Path
) -> None:
    elastic, (before, after) = tmp_path, worlds
    killed_at = 14  # in epoch 1; the last checkpoint is of step 12
    assert train(elastic, name, before, kill_at=killed_at) != 0
    first = steps(elastic, before)
    assert max(first) >= killed_at - 1
    for rank in range(before):
        (elastic / f"rank{rank}.jsonl").unlink()
    train(elastic, name, after)
    second = steps(elastic, after)
    assert sorted(second) == list(range(13, 21))  # from the checkpoint on, nothing twice
    together = {**{step: first[step] for step in range(1, 13)}, **second}
    assert [together[step]["indices"] for step in sorted(together)] == expected_indices()
    for step, line in together.items():  # sums over ranks are taken in another order; all in float64
        assert line["loss"] == pytest.approx(whole[step]["loss"], rel=1e-9)


def _told(rank: int) -> str:
    sampler = DistributedWeightedSampler(torch.arange(1.0, 10 + rank), 8)
    try:
        sampler.check_same_on_all_ranks()
    except ValueError as error:
        return str(error)
    return "nothing"


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
def test_ranks_that_draw_from_different_weights_are_told_so() -> None:
    for told in on_ranks(2, _told):
        assert told.startswith("ranks 1 draw from something else than rank 0")


def test_asking_all_ranks_needs_a_group() -> None:
    with pytest.raises(RuntimeError, match="process group"):
        DistributedWeightedSampler([1.0, 2.0], num_replicas=2, rank=0).check_same_on_all_ranks()
