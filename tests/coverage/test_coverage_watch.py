"""A watched sampler yields what it always did, and the tracker knows what that was."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from typing import Any

import pytest
import torch
from optional import require
from torch.utils.data import BatchSampler, DataLoader, Dataset, DistributedSampler, RandomSampler

from pysampler import CoverageTracker, DistributedWeightedSampler, WeightedBatchSampler, WeightedRandomSampler

ITEMS = 40


class Indices(Dataset[int]):
    """Its items are their own indices."""

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> int:
        return index


def weighted() -> WeightedRandomSampler:
    return WeightedRandomSampler(torch.arange(ITEMS), 100, seed=1)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batches", [True, False])
def test_a_loader_delivers_the_same_and_the_tracker_has_seen_it(batches: bool, workers: int) -> None:
    tracker = CoverageTracker(ITEMS, counts=True)
    expected = [batch.tolist() for batch in DataLoader(Indices(), batch_sampler=WeightedBatchSampler(weighted(), 8))]
    if batches:
        watched = tracker.watch(WeightedBatchSampler(weighted(), 8))
        loader = DataLoader(Indices(), batch_sampler=watched, num_workers=workers)
    else:
        loader = DataLoader(Indices(), 8, sampler=tracker.watch(weighted()), num_workers=workers)
    assert len(loader) == len(expected)
    assert [batch.tolist() for batch in loader] == expected
    counts = Counter(index for batch in expected for index in batch)
    assert tracker.counts.tolist() == [counts[item] for item in range(ITEMS)]
    tracker.new_epoch()
    second = [index for batch in loader for index in batch.tolist()]
    assert tracker.unique_this_epoch == len(set(second))
    assert tracker.draws == 200


def test_prefetched_indices_count_when_they_are_drawn() -> None:
    tracker = CoverageTracker(ITEMS)
    loader = DataLoader(
        Indices(), batch_sampler=tracker.watch(WeightedBatchSampler(weighted(), 5)), num_workers=1, prefetch_factor=3
    )
    iterator = iter(loader)
    next(iterator)
    assert tracker.draws == 4 * 5  # one delivered, three drawn ahead


def test_iter_alone_marks_nothing_and_a_break_marks_no_more_than_was_drawn() -> None:
    tracker = CoverageTracker(ITEMS)
    watched = tracker.watch(weighted())
    iter(watched)
    assert tracker.draws == 0
    drawn = [index for index, _ in zip(watched, range(7), strict=False)]
    assert len(drawn) == 7
    assert tracker.draws in (7, 8)  # zip asks for one more before it notices the end
    assert tracker.unique >= len(set(drawn))


def test_everything_else_is_the_samplers_own() -> None:
    tracker = CoverageTracker(ITEMS)
    sampler = weighted()
    watched = tracker.watch(sampler)
    assert isinstance(watched, torch.utils.data.Sampler)
    assert not isinstance(watched, DistributedSampler)
    watched.set_epoch(5)
    expected = WeightedRandomSampler(torch.arange(ITEMS), 100, seed=1)
    expected.set_epoch(5)
    assert list(watched) == list(expected)
    assert watched.num_samples == 100
    batches: Any = tracker.watch(BatchSampler(watched, 10, True))
    assert (batches.batch_size, batches.drop_last, batches.sampler) == (10, True, watched)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = watched.no_such_thing
    torchs = RandomSampler(range(ITEMS))
    generator = torch.Generator()
    tracker.watch(torchs).generator = generator
    assert torchs.generator is generator


def test_a_distributed_sampler_stays_one() -> None:
    tracker = CoverageTracker(ITEMS)
    sampler: Any = DistributedSampler(Indices(), num_replicas=2, rank=1, seed=3)
    watched = tracker.watch(sampler)
    assert isinstance(watched, DistributedSampler)
    assert (watched.num_replicas, watched.rank, len(watched)) == (2, 1, ITEMS // 2)
    watched.set_epoch(4)
    assert sampler.epoch == 4
    assert list(watched) == list(sampler)
    assert tracker.unique == ITEMS // 2


def test_an_index_out_of_range_is_refused_before_it_is_handed_out() -> None:
    tracker = CoverageTracker(3)
    for wrong in (3, -1, [0, 3], [0, 1, -1]):
        iterator = iter(tracker.watch([0, wrong, 1]))
        assert next(iterator) == 0
        with pytest.raises(IndexError, match=r"must lie in \[0, 3\)"):
            next(iterator)
    assert tracker.draws == 4
    assert tracker.unique == 1


def test_what_cannot_be_watched_is_a_type_error() -> None:
    tracker = CoverageTracker(ITEMS)
    with pytest.raises(TypeError, match="got int"):
        tracker.watch(5)
    with pytest.raises(TypeError, match="watch its sampler or batch_sampler"):
        tracker.watch(DataLoader(Indices()))


def test_copies_of_a_watched_sampler_have_their_own_tracker() -> None:
    tracker = CoverageTracker(ITEMS)
    watched = tracker.watch(weighted())
    for made in (copy.deepcopy(watched), pickle.loads(pickle.dumps(watched))):
        assert list(made) == list(weighted())
        assert made._watcher.unique == len(set(weighted()))
        assert made._watcher.draws == 100
    assert tracker.draws == 0


def test_state_is_passed_on_by_methods_of_the_class_where_there_is_any() -> None:
    """Python 3.12 looks for those of a protocol in the class alone."""
    tracker = CoverageTracker(ITEMS)
    torchs: Any = DistributedSampler(Indices(), num_replicas=2, rank=1)
    ours = DistributedWeightedSampler(torch.ones(ITEMS), 20, 2, 0, seed=1)
    for sampler, stateful in ((weighted(), True), (ours, True), (torchs, False), (RandomSampler(Indices()), False)):
        watched = tracker.watch(sampler)
        for each in (watched, iter(watched)):
            assert hasattr(type(each), "state_dict") == hasattr(type(each), "load_state_dict") == stateful
        assert isinstance(watched, DistributedSampler) == isinstance(sampler, DistributedSampler)
    iterator = iter(tracker.watch(weighted()))
    drawn = [next(iterator) for _ in range(10)]
    resumed = tracker.watch(weighted())
    resumed.load_state_dict(iterator.state_dict())
    assert drawn + list(resumed) == list(weighted())
    assert tracker.watch(ours).state_dict(consumed=3)["position"] == 6


def test_a_stateful_loader_resumes_a_watched_sampler() -> None:
    """torchdata asks iterators for their state: a sampler's own are passed on."""
    loaders = require("torchdata.stateful_dataloader")
    tracker = CoverageTracker(ITEMS)

    class Counting:
        """A resumable sampler, and its own iterator."""

        def __init__(self) -> None:
            self.next = 0

        def __iter__(self) -> Counting:
            return self

        def __next__(self) -> int:
            if self.next == ITEMS:
                raise StopIteration
            self.next += 1
            return self.next - 1

        def __len__(self) -> int:
            return ITEMS

        def state_dict(self) -> dict[str, Any]:
            return {"next": self.next}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.next = state["next"]

    loader = loaders.StatefulDataLoader(Indices(), 4, sampler=tracker.watch(Counting()))
    iterator = iter(loader)
    assert next(iterator).tolist() == [0, 1, 2, 3]
    state = loader.state_dict()
    other = loaders.StatefulDataLoader(Indices(), 4, sampler=tracker.watch(Counting()))
    other.load_state_dict(state)
    assert next(iter(other)).tolist() == [4, 5, 6, 7]
