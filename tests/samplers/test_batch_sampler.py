"""WeightedBatchSampler: torch's BatchSampler over our sampler, in lists of ints made in C++."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch.utils.data
from families import hashed_integers
from oracle import flat
from processes import in_child

from pysampler import AliasTable, WeightedBatchSampler, WeightedRandomSampler

TABLE = AliasTable(hashed_integers(300))
both_modes = pytest.mark.parametrize("drop_last", [False, True])


def sampler(draws: int = 1000, replacement: bool = True) -> WeightedRandomSampler:
    return WeightedRandomSampler(TABLE, draws, replacement, seed=1)


def test_it_is_an_instance_of_torchs_class_with_its_arguments() -> None:
    batches = WeightedBatchSampler(sampler(), 8, True)
    assert isinstance(batches, torch.utils.data.BatchSampler)
    theirs = list(inspect.signature(torch.utils.data.BatchSampler.__init__).parameters)
    assert list(inspect.signature(WeightedBatchSampler.__init__).parameters) == theirs
    assert isinstance(batches.sampler, WeightedRandomSampler)
    assert (batches.batch_size, batches.drop_last) == (8, True)
    assert WeightedBatchSampler(sampler(), 8).drop_last is False


@both_modes
@pytest.mark.parametrize("draws", [1, 255, 256, 257, 1000, 4352, 10_000])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 64, 255, 256, 257, 4095, 4096, 4097, 5000, 20_000])
def test_batches_are_those_of_torchs_batch_sampler(draws: int, batch_size: int, drop_last: bool) -> None:
    ours = WeightedBatchSampler(sampler(draws), batch_size, drop_last)
    theirs = torch.utils.data.BatchSampler(sampler(draws), batch_size, drop_last)
    for _ in range(2):
        assert list(ours) == list(theirs)
    assert len(ours) == len(theirs)


@both_modes
def test_batches_without_replacement_are_those_of_torchs_batch_sampler(drop_last: bool) -> None:
    positive = int((TABLE.probabilities() > 0).sum())
    ours = WeightedBatchSampler(sampler(positive, replacement=False), 7, drop_last)
    theirs = torch.utils.data.BatchSampler(sampler(positive, replacement=False), 7, drop_last)
    assert list(ours) == list(theirs)
    assert len(set(flat(ours))) == (positive // 7 * 7 if drop_last else positive)


def test_batches_are_lists_of_ints_of_their_own() -> None:
    found = list(WeightedBatchSampler(sampler(), 64))
    assert {type(batch) for batch in found} == {list}
    assert {type(index) for batch in found for index in batch} == {int}
    expected = TABLE.draw(1000, seed=1).tolist()
    found[0].clear()
    found[1].append(-1)
    assert found[2] == expected[128:192]


@both_modes
@pytest.mark.parametrize("batch_size", [1001, 2**31, 2**62, 2**63 - 1])
def test_a_batch_size_beyond_the_epoch_costs_nothing(batch_size: int, drop_last: bool) -> None:
    def batches() -> list[list[int]]:
        return list(WeightedBatchSampler(sampler(), batch_size, drop_last))

    assert in_child(batches) == ([] if drop_last else [TABLE.draw(1000, seed=1).tolist()])
    assert len(WeightedBatchSampler(sampler(), batch_size, drop_last)) == (0 if drop_last else 1)


def test_set_epoch_reaches_the_sampler() -> None:
    batches = WeightedBatchSampler(sampler(), 64)
    batches.set_epoch(8)
    assert flat(batches) == TABLE.draw(1000, seed=1, epoch=8).tolist()
    batches.sampler.set_epoch(3)  # as Lightning does
    assert flat(batches) == TABLE.draw(1000, seed=1, epoch=3).tolist()


def test_edits_of_the_samplers_weights_count_from_the_next_pass() -> None:
    batches = WeightedBatchSampler(WeightedRandomSampler([1.0, 1.0, 1.0], 100, seed=1), 10)
    running = iter(batches)
    first = next(running)
    batches.sampler.weights[0] = 0
    assert set(flat([first, *running])) == {0, 1, 2}
    assert set(flat(batches)) == {1, 2}


def test_copies_go_on_with_the_same_epoch() -> None:
    batches = WeightedBatchSampler(sampler(), 64)
    list(batches)
    for again in (pickle.loads(pickle.dumps(batches)), copy.deepcopy(batches)):
        assert flat(again) == TABLE.draw(1000, seed=1, epoch=1).tolist()


@pytest.mark.parametrize("batch_size", [0, -1, True, 2.0, "8", None, 2**63, [8]])
def test_a_batch_size_that_is_no_positive_integer_is_an_error_in_torchs_words(batch_size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size should be a positive integer value, but got batch_size="):
        WeightedBatchSampler(sampler(), batch_size)


@pytest.mark.parametrize("drop_last", [None, 1, 0, "no"])
def test_drop_last_that_is_no_bool_is_an_error_in_torchs_words(drop_last: Any) -> None:
    with pytest.raises(ValueError, match="drop_last should be a boolean value, but got drop_last="):
        WeightedBatchSampler(sampler(), 8, drop_last)


@pytest.mark.parametrize(
    "other",
    [
        torch.utils.data.WeightedRandomSampler([1.0, 2.0], 2),
        torch.utils.data.SequentialSampler([1, 2]),
        [0, 1, 2],
        TABLE,
        None,
    ],
    ids=lambda other: type(other).__name__,
)
def test_any_other_sampler_is_a_type_error(other: Any) -> None:
    """A framework that rebuilds batch samplers around its own sampler would lose the weights silently."""
    with pytest.raises(TypeError, match=f"sampler of pysampler, but got {type(other).__name__}"):
        WeightedBatchSampler(other, 8)


def test_a_subclass_that_yields_something_else_is_a_type_error() -> None:
    class Shifted(WeightedRandomSampler):
        def __iter__(self) -> Iterator[int]:
            return (index + 1000 for index in super().__iter__())

    class Sized(WeightedRandomSampler):
        batch_size = 5  # does not make it yield batches

    with pytest.raises(TypeError, match=r"Shifted has an __iter__ of its own.*torch\.utils\.data\.BatchSampler"):
        WeightedBatchSampler(Shifted(TABLE, 100, seed=1), 8)
    assert flat(WeightedBatchSampler(Sized(TABLE, 100, seed=1), 8)) == TABLE.draw(100, seed=1).tolist()
