"""Advice in messages is run: whatever an error says to do instead must work, and give what was meant.

Where the way out is code, it is taken out of the message and evaluated.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import pysampler
from pysampler import (
    AliasTable,
    BatchedDataset,
    ClassTable,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    DynamicTable,
    ImbalancedDatasetSampler,
    MPerClassSampler,
    SystematicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
    class_weights,
    read_labels,
)

TABLE = AliasTable([1.0, 2.0, 3.0, 4.0])


def code_in(refused: Callable[[], Any], pattern: str) -> str:
    """What the group of ``pattern`` finds in the message of the error."""
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        refused()
    found = re.search(pattern, str(caught.value))
    assert found, f"{pattern} is not in: {caught.value}"
    return found.group(1)


class Pairs(Dataset[Any]):
    """Keeps its labels in no known place."""

    def __getitem__(self, index: int) -> tuple[str, int]:
        return "item", index % 2

    def __len__(self) -> int:
        return 4


# ---- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.array, torch.tensor])
@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_a_row_or_column_of_weights(make: Any, shape: tuple[int, int]) -> None:
    weights = make([1.0, 2.0, 3.0]).reshape(shape)
    code = code_in(lambda: WeightedRandomSampler(weights), r"pass (weights\S+)")
    assert WeightedRandomSampler(eval(code)).weights.tolist() == [1, 2, 3]


def test_a_column_of_weights_in_lists() -> None:
    for weights in ([[1.0], [2.0]], [torch.tensor([1.0]), torch.tensor([2.0])], ([1], [2])):
        code = code_in(lambda weights=weights: AliasTable(weights), r"of lists, (numpy\S+ 1\))")  # type: ignore[misc]
        fixed = eval(code, {"numpy": np, "weights": weights})
        assert WeightedRandomSampler(fixed).weights.tolist() == [1, 2]


def test_class_weights_indexed_by_one_hot_labels() -> None:
    labels, class_weights = torch.eye(3, dtype=torch.int64)[[0, 0, 2, 1]], torch.tensor([0.5, 1.0, 2.0])
    code = code_in(lambda: AliasTable(class_weights[labels]), r"(class_weights\[labels\S*\]),")
    assert WeightedRandomSampler(eval(code)).weights.tolist() == [0.5, 0.5, 2.0, 1.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([1.0, 3.0]).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.tensor([1.0, 3.0]), 1.0, 0, torch.quint8),
        lambda: torch._efficientzerotensor(2),
    ],
)
def test_tensors_that_are_no_plain_ones(make: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor = make()
    code = code_in(lambda: AliasTable(tensor), r"(?:call|pass) (\.\w+\(\))")
    plain = eval(f"tensor{code}")
    if plain.any():
        assert AliasTable(plain).probabilities().tolist() == [0.25, 0.75]
    else:
        with pytest.raises(ValueError, match="zero"):
            AliasTable(plain)


# ---- labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", ["get_labels", "callback_get_label"])
def test_datasets_with_labels_nowhere(argument: str) -> None:
    refused = read_labels if argument == "get_labels" else ImbalancedDatasetSampler
    code = code_in(lambda: refused(Pairs()), rf"{argument}=(lambda.*\])$")
    assert refused(Pairs(), **{argument: eval(code)}) is not None
    if argument == "get_labels":
        assert read_labels(Pairs(), get_labels=eval(code)).codes.tolist() == [0, 1, 0, 1]


def test_a_dataset_of_one_tensor() -> None:
    dataset = TensorDataset(torch.tensor([1, 0, 1]))
    code = code_in(lambda: read_labels(dataset), r"(dataset\.tensors\[0\])")
    assert read_labels(eval(code)).codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize("mask", [[True, False, True], np.array([1, 0, 1], bool), torch.tensor([True, False, True])])
def test_a_subset_by_a_mask(mask: Any) -> None:
    class Kept(Pairs):
        targets = (2, 1, 0)

        def __len__(self) -> int:
            return 3

    code = code_in(lambda: read_labels(Subset(Kept(), mask)), r"with (numpy\.\S+)")
    indices = eval(code, {"numpy": np, "mask": mask})
    assert read_labels(Subset(Kept(), indices)).codes.tolist() == [2, 0]


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_a_column_of_labels_and_scores(make: Any) -> None:
    labels = make([[1], [0], [2]])
    code = code_in(lambda: read_labels(labels), r"pass (labels\[.*?\])")
    assert read_labels(eval(code)).codes.tolist() == [1, 0, 2]
    code = code_in(lambda: read_labels(labels), r"of a list, (\[.*\])\)$")
    assert read_labels(eval(code, {"labels": [[1], [0], [2]]})).codes.tolist() == [1, 0, 2]
    scores = make([[0.1, 0.7], [0.6, 0.4]])
    code = code_in(lambda: read_labels(scores), r"for scores use (\.argmax\(1\))")
    assert read_labels(eval(f"scores{code}")).codes.tolist() == [1, 0]


def test_class_indices_of_items_in_ragged_rows() -> None:
    labels = [torch.tensor([0, 2]), torch.tensor([1])]
    code = code_in(lambda: read_labels(labels), r"as a set: (\[.*\])$")
    assert read_labels(eval(code, {"labels": labels})).counts.tolist() == [1, 1, 1]


def test_ids_of_classes() -> None:
    ids = [2**30, 5, 2**30]
    assert code_in(lambda: read_labels(ids), r"list these: read_labels\(\.\.\., (classes=)\)")
    assert read_labels(ids, classes=[5, 2**30]).codes.tolist() == [1, 0, 1]
    assert code_in(lambda: read_labels(["a", 1]), r"read_labels\(\.\.\., (classes=)\)")
    assert read_labels(["a", 1], classes=[1, "a"]).codes.tolist() == [1, 0]


def test_tables_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"colour": ["red", "blue"], "label": ["car", "bus"]})
    code = code_in(lambda: read_labels(table), r"as in (table\['label'\])")
    assert read_labels(eval(code)).classes == ("bus", "car")
    counts = pandas.Series([0, 1, 1], index=pandas.Index([4, 5, 6], name="place"))
    code = code_in(lambda: read_labels(counts), r"pass (\.to_numpy\(\))")
    assert read_labels(eval(f"counts{code}")).codes.tolist() == [0, 1, 1]
    table = pandas.DataFrame({"colour": [0, 1, 1], "kind": [0, 1, 0]})
    with pytest.warns(UserWarning, match="joint classes") as caught:
        read_labels(table)
    code = re.search(r"(table\.astype.*\))$", str(caught[0].message)).group(1)  # type: ignore[union-attr]
    assert read_labels(eval(code)).classes == ("0 0", "1 0", "1 1")


@pytest.mark.filterwarnings("ignore:only class")
def test_classes_without_items_and_items_without_labels() -> None:
    assert code_in(lambda: class_weights([0, 2]), r"set (empty='zero')")
    assert class_weights([0, 2], empty="zero").tolist() == [1, 0, 1]
    labels: Any = [{0}, set()]
    assert code_in(lambda: pysampler.sample_weights(labels), r"as (unlabelled=)")
    assert pysampler.sample_weights(labels, unlabelled=0.5).tolist() == [1, 0.5]


# ---- samplers -----------------------------------------------------------------------------------


def test_a_state_of_other_weights_says_how_to_begin_anew() -> None:
    before, sampler = WeightedRandomSampler([1.0, 2.0], seed=0), WeightedRandomSampler([2.0, 1.0], seed=0)
    running = iter(before)
    next(running)
    code = code_in(lambda: sampler.load_state_dict(before.state_dict()), r"by (set_epoch\(\d+\))")
    eval(f"sampler.{code}")
    assert sampler.epoch == 1
    assert list(sampler) == list(AliasTable([2.0, 1.0]).draw(2, seed=0, epoch=1))


def test_a_position_that_was_dropped_can_be_loaded_again_and_kept() -> None:
    sampler = WeightedRandomSampler(TABLE, 6, seed=0)
    state = {**sampler.state_dict(), "epoch": 3, "position": 4}
    sampler.load_state_dict(state)
    with pytest.warns(UserWarning, match="load it again, and call") as caught:
        sampler.set_epoch(2)
    code = re.search(r"call (set_epoch\(\d\)) or nothing", str(caught[0].message)).group(1)  # type: ignore[union-attr]
    for pin in (True, False):
        sampler.load_state_dict(state)
        if pin:
            eval(f"sampler.{code}")
        assert list(sampler) == TABLE.draw(2, seed=0, epoch=3, start=4).tolist()


def test_a_foreign_sampler_is_replaced_by_what_frameworks_leave_alone() -> None:
    items: Any = list(range(4))
    with pytest.raises(TypeError, match="give the loader what frameworks leave alone") as caught:
        WeightedBatchSampler(torch.utils.data.SequentialSampler(items), 2)  # type: ignore[arg-type]
    assert "sampler= with a batch_size" in str(caught.value)
    sampler = DistributedWeightedSampler(TABLE, num_replicas=2, rank=1)
    expected = TABLE.draw(2, seed=0, start=1, step=2).tolist()
    assert [batch.tolist() for batch in DataLoader(items, 2, sampler=sampler)] == [expected]
    batches = DistributedWeightedBatchSampler(TABLE, num_replicas=2, rank=1, batch_size=2)
    loader = DataLoader(BatchedDataset(items), sampler=batches, batch_size=None)
    assert [batch.tolist() for batch in loader] == [expected]


def test_batches_of_a_sampler_with_an_iter_of_its_own() -> None:
    class Twice(WeightedRandomSampler):
        def __iter__(self) -> Any:
            return (2 * index for index in super().__iter__())

    code = code_in(lambda: WeightedBatchSampler(Twice(TABLE, seed=0), 2), r"use (torch\S+)")
    batches = eval(code)(Twice(TABLE, seed=0), 2, False)
    assert [index for batch in batches for index in batch] == (2 * TABLE.draw(4, seed=0)).tolist()


@pytest.mark.parametrize("advised", ["batches", "source"])
def test_batches_that_are_not_those_of_the_source(advised: str) -> None:
    labels = [0] * 8 + [1] * 8
    sampler = MPerClassSampler(labels, m=2, batch_size=4, length_before_new_iter=24)
    with pytest.warns(UserWarning, match="will not be what the source promises") as caught:
        next(iter(WeightedBatchSampler(sampler, 6)))
    said = re.search(r"batches of (\d+) on each rank, or a source made for (\d+)", str(caught[0].message))
    assert said is not None
    size, made_for = map(int, said.groups())
    if advised == "source":  # 6 is m times the number of classes, or a multiple of m below it
        labels, size = [*labels, *[2] * 8], 6
        sampler = MPerClassSampler(labels, m=2, batch_size=made_for, length_before_new_iter=24)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batches = list(WeightedBatchSampler(sampler, size))
    assert all(np.bincount(np.array(labels)[batch]).tolist() == [2] * (size // 2) for batch in batches)


def test_draws_that_drop_last_leaves_out() -> None:
    def sampler(draws: int) -> DistributedWeightedSampler:
        return DistributedWeightedSampler(TABLE, draws, 4, 0, drop_last=True, method="systematic")

    with pytest.warns(UserWarning, match="promises: take num_samples=") as caught:
        next(iter(sampler(10)))
    for draws in map(int, re.findall(r"\d+", str(caught[0].message).split("num_samples=")[1])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(list(sampler(draws))) * 4 == draws


def test_an_epoch_without_a_batch_on_each_rank() -> None:
    def sampler(draws: int, batch: int) -> DistributedWeightedBatchSampler:
        return DistributedWeightedBatchSampler(TABLE, draws, 2, 0, batch_size=batch, drop_last=True)

    with pytest.raises(ValueError, match="lower batch_size or raise num_samples"):
        len(sampler(6, 4))
    assert len(list(sampler(6, 3))) == len(list(sampler(8, 4))) == 1


def test_a_loader_that_asks_for_single_items_of_whole_batches() -> None:
    dataset = BatchedDataset([10, 11, 12, 13])
    with pytest.raises(TypeError, match="batch_size=None and a sampler that yields batches, such as Distributed"):
        next(iter(DataLoader(dataset, 2)))
    sampler = DistributedWeightedBatchSampler(TABLE, 4, 1, 0, batch_size=2)
    drawn = [batch.tolist() for batch in DataLoader(dataset, sampler=sampler, batch_size=None)]
    assert drawn == (TABLE.draw(4, seed=0) + 10).view(2, 2).tolist()


# ---- tables, audits, trackers -------------------------------------------------------------------


def test_other_weights_for_a_systematic_table_of_classes() -> None:
    source = ClassTable([0, 0, 1], [1.0, 1.0])
    code = code_in(
        lambda: SystematicTable(source).with_weights([1.0, 2.0, 3.0]), r"from (source\.with_class_weights)\(\.\.\.\)"
    )
    table = SystematicTable(eval(code)([1.0, 2.0]))
    assert table.probabilities().tolist() == [0.25, 0.25, 0.5]


def test_audits_of_what_cannot_be_told() -> None:
    unseeded = WeightedRandomSampler(TABLE)
    assert code_in(lambda: audit_coverage(unseeded, epochs=1), r"make it with (seed=)")
    assert audit_coverage(WeightedRandomSampler(TABLE, seed=0), epochs=1).draws == 4
    with pytest.raises(ValueError, match="leave them out"):
        audit_coverage(WeightedRandomSampler(TABLE, seed=0), seed=0, epochs=1)
    assert code_in(lambda: audit_coverage(TABLE, epochs=1), r"needs (seed=)")
    assert audit_coverage(TABLE, epochs=1, seed=0).draws == 4


@pytest.mark.parametrize("name", ["counts", "epochs"])
def test_trackers_that_keep_more_than_what_they_are_given(name: str) -> None:
    ours: Any = pysampler.CoverageTracker(3, **{name: True})
    other: Any = pysampler.CoverageTracker(3, **{name: False})
    other.update([1])
    said = code_in(lambda: ours.merge(other), r"make it with (\w+=\w+)")
    again: Any = eval(f"pysampler.CoverageTracker(3, {said})")
    again.merge(other)
    assert again.unique == 1


def test_numbers_too_large_for_a_type() -> None:
    assert code_in(lambda: read_labels([2**70]), r"(larger ids as strings)")
    assert read_labels([str(2**70), "1"]).classes == ("1", str(2**70))
    table = DynamicTable([1.0, 2.0])
    with pytest.raises(ValueError, match="without replacement are neither stratified nor addressed"):
        table.draw(1, seed=0, without_replacement=True, start=3)
    assert table.draw(1, seed=0, without_replacement=True).tolist() in ([0], [1])
