"""Samplers in the wrong place of a loader say where they belong, and are right there."""

from __future__ import annotations

import gc
import re
import warnings
import weakref
from typing import Any

import pytest
from processes import output_of
from torch.utils.data import BatchSampler, DataLoader

import pysampler
from pysampler import (
    BatchedDataset,
    DistributedMPerClassSampler,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    MPerClassSampler,
    ShuffleSampler,
    UnderSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

LABELS = [0, 0, 0, 1, 1, 1, 2, 2]
ITEMS: Any = list(range(8))


def of_indices() -> list[Any]:
    return [
        MPerClassSampler(LABELS, 2, 4, 8),
        UnderSampler(LABELS),
        WeightedRandomSampler([1.0] * 8, seed=0),
        ShuffleSampler(8, seed=0),
        DistributedWeightedSampler([1.0] * 8, num_replicas=2, rank=1),
        DistributedMPerClassSampler(LABELS, 2, 4, 8, num_replicas=2, rank=1),
    ]


def of_batches() -> list[Any]:
    return [
        WeightedBatchSampler(WeightedRandomSampler([1.0] * 8, seed=0), 4),
        DistributedWeightedBatchSampler([1.0] * 8, num_replicas=2, rank=1, batch_size=4),
    ]


@pytest.mark.filterwarnings("ignore:MPerClassBatches")
@pytest.mark.parametrize("place", range(6))
def test_a_sampler_of_indices_as_batch_sampler_says_what_to_use(place: int) -> None:
    sampler = of_indices()[place]
    loader = DataLoader(ITEMS, batch_sampler=sampler)
    for _ in range(2):
        with pytest.raises(
            TypeError, match=rf"but {type(sampler).__name__} yields one index after the other"
        ) as caught:
            next(iter(loader))
    code = re.search(r"or batch_sampler=(.*)$", str(caught.value)).group(1).replace("...", "4")  # type: ignore[union-attr]
    batches = eval(code, vars(pysampler) | {"sampler": sampler})
    advised = [batch.tolist() for batch in DataLoader(ITEMS, batch_sampler=batches)]
    sampler.set_epoch(0)
    assert advised == [batch.tolist() for batch in DataLoader(ITEMS, 4, sampler=sampler)]


def test_with_workers_it_says_so_too() -> None:
    code = """
        from torch.utils.data import DataLoader
        from pysampler import MPerClassSampler
        try:
            next(iter(DataLoader(range(4), batch_sampler=MPerClassSampler([0, 0, 1, 1], 2), num_workers=1)))
        except TypeError as error:
            print(error)
    """
    assert "but MPerClassSampler yields one index after the other" in output_of(code)


def test_the_batch_size_of_batches_by_class_is_named() -> None:
    with pytest.raises(TypeError, match=r"sampler= and batch_size=4, or .*WeightedBatchSampler\(sampler, 4\)"):
        next(iter(DataLoader(ITEMS, batch_sampler=of_indices()[0])))


@pytest.mark.parametrize("place", range(2))
def test_a_sampler_of_batches_as_sampler_says_what_to_use(place: int) -> None:
    for batch_size in (1, 4):
        with pytest.raises(TypeError, match=r"batches already.* as batch_sampler=, or as sampler= together with"):
            next(iter(DataLoader(ITEMS, batch_size, sampler=of_batches()[place])))
    first = [batch.tolist() for batch in DataLoader(ITEMS, batch_sampler=of_batches()[place])]
    loader = DataLoader(BatchedDataset(ITEMS), sampler=of_batches()[place], batch_size=None)
    assert [batch.tolist() for batch in loader] == first


LARGE = [0] * 20 + [1] * 20 + [2] * 20


@pytest.mark.parametrize(("made_for", "taken"), [(30, 32), (30, 20), (30, 15), (30, 1), (30, 60), (10, 8), (10, 20)])
def test_batches_of_a_loader_that_are_not_those_of_the_source_are_warned_of(made_for: int, taken: int) -> None:
    sampler: Any = MPerClassSampler(LARGE, made_for // 3, made_for // 3 * 3, 300)
    if made_for == 10:
        sampler = WeightedRandomSampler(
            [1.0] * 60, 60, method="systematic", strata=LARGE, global_batch_size=made_for, seed=0
        )
    with pytest.warns(UserWarning, match=f"makes batches of {made_for} draws .* take {taken} at a time") as caught:
        next(iter(DataLoader(list(range(60)), taken, sampler=sampler)))
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(DataLoader(list(range(60)), made_for, sampler=sampler)))


@pytest.mark.parametrize("size", [1, 15, 20, 29, 31, 60])
def test_batches_made_in_cpp_are_compared_too(size: int) -> None:
    def sampler() -> MPerClassSampler:
        return MPerClassSampler(LARGE, 10, 30, 300)

    for batches in (lambda: WeightedBatchSampler(sampler(), size), lambda: sampler().batches_on("cpu", size)):
        with pytest.warns(UserWarning, match=f"makes batches of 30 draws .* take {size} at a time"):
            next(iter(batches()))


@pytest.mark.parametrize("size", [1, 5, 10])
def test_a_global_batch_may_be_taken_in_equal_parts(size: int) -> None:
    """As where gradients are accumulated."""
    balanced = WeightedRandomSampler([1.0] * 60, 60, method="systematic", strata=LARGE, global_batch_size=10, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(WeightedBatchSampler(balanced, size)))


def test_batches_of_ranks_are_compared_too() -> None:
    sampler = DistributedMPerClassSampler(LARGE, 10, 30, 300, num_replicas=2, rank=0)
    with pytest.warns(UserWarning, match="2 rank.s. take 30 at a time.* Take batches of 15 on each rank"):
        next(iter(DataLoader(list(range(60)), 30, sampler=sampler)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(DataLoader(list(range(60)), 15, sampler=sampler)))


def test_nothing_of_the_callers_is_kept_alive() -> None:
    table = pysampler.AliasTable([1.0] * 8)
    gone = weakref.ref(table)
    sampler = WeightedRandomSampler(table, seed=0)
    assert next(iter(sampler)) < 8
    del table, sampler
    gc.collect()
    assert gone() is None


def test_where_they_belong_nothing_is_said() -> None:
    sampler = WeightedRandomSampler([1.0] * 8, seed=0)
    expected = list(sampler)
    sampler.set_epoch(0)
    assert [index for batch in BatchSampler(sampler, 3, False) for index in batch] == expected

    class Named:
        """Code with a local variable of that name."""

        def through(self, loader: Any) -> Any:
            return iter(sampler)

    assert len(list(Named().through(DataLoader(ITEMS, 4)))) == 8
    assert list(map(len, of_batches()[0])) == [4, 4]
