"""torchdata's StatefulDataLoader, which saves and restores samplers by itself, with workers that are ahead."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from torch.utils.data import Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    ShuffleSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

StatefulDataLoader: Any = require("torchdata.stateful_dataloader").StatefulDataLoader

TABLE = AliasTable(hashed_integers(300))
DRAWS = 400
BATCH = 16


class Indices(Dataset[int]):
    """Every item is its own index."""

    def __len__(self) -> int:
        return 300

    def __getitem__(self, index: int) -> int:
        return index


def loader(way: str, workers: int = 0, snapshots: int = 1) -> Any:
    options: dict[str, Any] = {"num_workers": workers, "snapshot_every_n_steps": snapshots}
    if workers:
        options["multiprocessing_context"] = "fork"
    if way == "batch_sampler":
        batches = WeightedBatchSampler(WeightedRandomSampler(TABLE, DRAWS, seed=0), BATCH)
        return StatefulDataLoader(Indices(), batch_sampler=batches, **options)
    if way == "distributed batches":
        sampler: Any = DistributedWeightedBatchSampler(TABLE, DRAWS, 2, 1, batch_size=BATCH)
        return StatefulDataLoader(BatchedDataset(Indices()), batch_size=None, sampler=sampler, **options)
    sampler = {
        "sampler": lambda: WeightedRandomSampler(TABLE, DRAWS, seed=0),
        "without replacement": lambda: WeightedRandomSampler(TABLE, 250, False, seed=0),
        "unseeded": lambda: WeightedRandomSampler(TABLE, DRAWS),
        "distributed": lambda: DistributedWeightedSampler(TABLE, DRAWS, 2, 1),
        "shuffle": lambda: ShuffleSampler(300, seed=0),
    }[way]()
    return StatefulDataLoader(Indices(), BATCH, sampler=sampler, **options)


WAYS = ("sampler", "batch_sampler", "distributed", "distributed batches", "without replacement", "shuffle")
every_way = pytest.mark.parametrize("way", WAYS)


def received(batches: Any) -> list[int]:
    return [index for batch in batches for index in batch.tolist()]


def epochs(way: str, count: int) -> list[list[int]]:
    uninterrupted = loader(way)
    return [received(uninterrupted) for _ in range(count)]


def test_torchs_sampler_is_not_restored() -> None:
    """The trap: a sampler without state is replayed by drawing again, from a generator that has moved on."""

    def naive() -> Any:
        return StatefulDataLoader(
            Indices(), BATCH, sampler=torch.utils.data.WeightedRandomSampler(TABLE.probabilities(), DRAWS)
        )

    first = naive()
    torch.manual_seed(1)
    running = iter(first)
    trained = received(itertools.islice(running, 5))
    state = first.state_dict()
    rest = received(running)
    again = naive()
    again.load_state_dict(state)
    assert received(again) != rest
    assert len(trained) + len(rest) == DRAWS


@every_way
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("snapshots", [1, 3])
def test_mid_epoch_resume_in_any_epoch_is_exact(way: str, workers: int, snapshots: int) -> None:
    expected = epochs(way, 3)
    for epoch, batches in ((0, 4), (1, 7)):
        first = loader(way, workers, snapshots)
        for _ in range(epoch):
            received(first)
        trained = received(itertools.islice(first, batches))
        state = pickle.loads(pickle.dumps(first.state_dict()))
        again = loader(way, workers, snapshots)
        again.load_state_dict(state)
        assert trained + received(again) == expected[epoch]
        assert received(again) == expected[epoch + 1]


@every_way
@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_from_the_end_of_an_epoch_begins_the_next_one(way: str, workers: int) -> None:
    """A sampler that kept its loaded position would give one empty pass here."""
    expected = epochs(way, 3)
    first = loader(way, workers)
    assert received(first) == expected[0]
    again = loader(way, workers)
    again.load_state_dict(first.state_dict())
    assert received(again) == expected[1]
    assert received(again) == expected[2]


@every_way
def test_resuming_twice_in_one_epoch_is_exact(way: str) -> None:
    expected = epochs(way, 1)[0]
    seen: list[int] = []
    state: Any = None
    for batches in (2, 3, None):
        loading = loader(way, 2)
        if state is not None:
            loading.load_state_dict(state)
        seen += received(itertools.islice(loading, batches))
        state = loading.state_dict()
    assert seen == expected


def test_an_unseeded_sampler_goes_on_with_its_running_key() -> None:
    torch.manual_seed(4)
    first = loader("unseeded")
    running = iter(first)
    received(itertools.islice(running, 5))
    state = first.state_dict()
    rest = received(running)
    torch.manual_seed(5)
    again = loader("unseeded")
    again.load_state_dict(state)
    assert received(again) == rest


def test_the_state_of_other_weights_is_refused() -> None:
    first = loader("sampler")
    received(itertools.islice(first, 5))
    sampler = WeightedRandomSampler(hashed_integers(300) + 1, DRAWS, seed=0)
    again = StatefulDataLoader(Indices(), BATCH, sampler=sampler)
    again.load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match="fingerprint"):
        next(iter(again))


@pytest.mark.parametrize("layered", [False, True], ids=["bare", "prefetched-batches"])
@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("passes", [1, 2])
def test_nodes_repeat_no_epoch_after_a_state_saved_at_an_epochs_end(layered: bool, restart: bool, passes: int) -> None:
    """Its SamplerWrapper pins epochs itself, and asks for the finished one once more before it pins the next."""
    nodes = require("torchdata.nodes")

    def loader() -> Any:
        node = nodes.SamplerWrapper(WeightedRandomSampler([1.0 + item % 7 for item in range(50)], 20, seed=1))
        return nodes.Loader(
            nodes.Prefetcher(nodes.Batcher(node, 5), 2) if layered else node, restart_on_stop_iteration=restart
        )

    uninterrupted = loader()
    epochs = [list(uninterrupted) for _ in range(passes + 2)]
    first = loader()
    for _ in range(passes):
        list(first)
    again = loader()
    again.load_state_dict(first.state_dict())
    if not restart:
        assert list(again) == []  # of the finished epoch, nothing is left
    assert [list(again), list(again)] == epochs[passes:]
