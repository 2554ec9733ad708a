"""ignite itself on two processes: what its Engine gets from auto_dataloader."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from oracle import flat
from standing_ranks import RankProcesses
from torch.utils.data import DataLoader, Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedRandomSampler,
)
from pysampler.integrations import sampler_of

ignite = require("ignite.engine")
idist = require("ignite.distributed")

TABLE = AliasTable(hashed_integers(60) + 1)
DRAWS, WORLD, BATCH, EPOCHS = 80, 2, 5, 2
STEPS = DRAWS // (WORLD * BATCH)

Received = list[list[int]]


class Items(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return len(TABLE)


def loader_of(kind: str) -> Any:
    if kind == "batches":  # auto_dataloader cannot take batch_size=None
        sampler: Any = DistributedWeightedBatchSampler(TABLE, DRAWS, batch_size=BATCH)
        return DataLoader(BatchedDataset(Items()), sampler=sampler, batch_size=None)
    if kind == "torch":
        sampler = torch.utils.data.WeightedRandomSampler(TABLE.probabilities(), DRAWS)
    else:
        sampler = DistributedWeightedSampler(TABLE, DRAWS)
    return idist.auto_dataloader(Items(), batch_size=BATCH * WORLD, sampler=sampler)  # divides it by the ranks


def run(kind: str, set_epoch: bool, stop: int | None = None, state: Any = None) -> tuple[Received, Any]:
    loader, received = loader_of(kind), []
    if state is not None:
        sampler_of(loader).load_state_dict(state)

    def step(engine: Any, batch: torch.Tensor) -> None:
        received.append(batch.tolist())
        if len(received) == stop:
            engine.terminate()

    engine = ignite.Engine(step)
    if set_epoch:

        @engine.on(ignite.Events.EPOCH_STARTED)
        def _set_epoch(engine: Any) -> None:
            loader.sampler.set_epoch(engine.state.epoch - 1)

    engine.run(loader, max_epochs=EPOCHS)
    if kind == "torch" or stop is None:
        return received, None
    return received, loader.sampler.state_dict(consumed=(stop - STEPS) * BATCH)


def run_naively() -> tuple[Received, list[int]]:
    torch.manual_seed(1)
    received, _ = run("torch", set_epoch=False)
    after = torch.rand(3).tolist()
    torch.manual_seed(2)
    run("torch", set_epoch=False)
    return received, [after == torch.rand(3).tolist()]


@pytest.fixture(scope="module")
def ranks() -> Iterator[RankProcesses]:
    with RankProcesses(WORLD) as processes:
        yield processes


def test_trap_torchs_sampler_is_wrapped_and_replays_and_reseeds_everything(ranks: RankProcesses) -> None:
    for received, reseeded in ranks.call(run_naively):
        assert received[:STEPS] == received[STEPS:]  # the same epoch again and again
        assert reseeded == [True]  # whatever seed the user has set


@pytest.mark.parametrize("set_epoch", [True, False])
@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_two_ranks_get_the_global_stream(ranks: RankProcesses, kind: str, set_epoch: bool) -> None:
    for rank, (received, _) in enumerate(ranks.call(run, kind, set_epoch)):
        epochs = [TABLE.draw(DRAWS // WORLD, seed=0, epoch=e, start=rank, step=WORLD).tolist() for e in range(EPOCHS)]
        assert flat(received) == flat(epochs)
        assert {len(batch) for batch in received} == {BATCH}


@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_a_state_with_consumed_goes_on(ranks: RankProcesses, kind: str) -> None:
    whole = [received for received, _ in ranks.call(run, kind, False)]
    stop = STEPS + 3
    stopped = ranks.call(run, kind, False, stop)
    states = [state for _, state in stopped]
    assert states[0] == states[1]
    resumed = ranks.call(run, kind, False, None, states[0])
    for rank in range(WORLD):
        assert resumed[rank][0][: STEPS - 3] == whole[rank][stop:]


def wrapped() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loader = idist.auto_dataloader(Items(), batch_size=10, sampler=WeightedRandomSampler(TABLE, DRAWS, seed=0))
    with pytest.raises(TypeError) as caught:
        sampler_of(loader)
    return str(caught.value)


def test_sampler_of_tells_that_it_has_been_wrapped(ranks: RankProcesses) -> None:
    for message in ranks.call(wrapped):
        assert "draws from DistributedProxySampler" in message
