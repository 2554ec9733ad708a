"""ImbalancedDatasetSampler balances a dataset's classes, with the arguments its users know."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset
from unreadable import Unreadable

from pysampler import AliasTable, ImbalancedDatasetSampler, WeightedRandomSampler, sample_weights

LABELS = torch.tensor([0] * 160 + [1] * 10)
CATS = TensorDataset(torch.arange(170), LABELS)


def test_arguments_come_in_the_order_ufoyms_users_know() -> None:
    positional = [
        name
        for name, parameter in inspect.signature(ImbalancedDatasetSampler).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    assert positional == ["dataset", "labels", "indices", "num_samples", "callback_get_label"]


def test_it_draws_what_the_weighted_sampler_draws() -> None:
    sampler = ImbalancedDatasetSampler(CATS, seed=3)
    assert isinstance(sampler, torch.utils.data.WeightedRandomSampler)
    assert len(sampler) == 170
    assert list(sampler) == list(WeightedRandomSampler(sample_weights(LABELS), seed=3))
    loader = DataLoader(CATS, batch_size=10, sampler=ImbalancedDatasetSampler(CATS, num_samples=50, seed=0))
    assert [len(images) for images, _ in loader] == [10] * 5


def test_manual_seed_and_generator_work_as_with_the_weighted_sampler() -> None:
    torch.manual_seed(0)
    first = list(ImbalancedDatasetSampler(CATS))
    torch.manual_seed(0)
    assert list(ImbalancedDatasetSampler(CATS)) == first
    assert list(ImbalancedDatasetSampler(CATS, generator=torch.Generator().manual_seed(1))) != first


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), np.eye(2)[LABELS], ["a"] * 160 + ["b"] * 10])
def test_labels_given_or_called_back_replace_those_of_the_dataset(labels: Any) -> None:
    dataset = Unreadable(170, targets=[0, 1] * 85)
    expected = sample_weights(LABELS)
    assert torch.equal(ImbalancedDatasetSampler(dataset, labels).weights, expected)
    called = ImbalancedDatasetSampler(dataset, callback_get_label=lambda got: labels if got is dataset else None)
    assert torch.equal(called.weights, expected)


@pytest.mark.parametrize("container", [list, np.array, torch.tensor])
def test_only_the_indices_are_drawn_and_balanced_among_themselves(container: Any) -> None:
    indices = [0, 1, 2, 165]
    sampler = ImbalancedDatasetSampler(CATS, indices=container(indices), seed=0)
    assert len(sampler) == 4
    probabilities = AliasTable(sampler.weights).probabilities()
    assert probabilities.nonzero().flatten().tolist() == indices
    assert probabilities[indices].tolist() == pytest.approx([1 / 6] * 3 + [1 / 2], abs=1e-8)
    by_entry = ImbalancedDatasetSampler(Unreadable(170), labels=[0, 0, 0, 1], indices=container(indices))
    assert torch.equal(by_entry.weights, sampler.weights)


def test_indices_that_come_twice_count_twice() -> None:
    weights = ImbalancedDatasetSampler(CATS, indices=[0, 0, 1, 169]).weights
    assert weights[[0, 1, 169]].tolist() == pytest.approx([2 / 3, 1 / 3, 1])


# Regression: ufoym/imbalanced-dataset-sampler #8 (several labels per item), #36 and #54 (wrappers).
def test_wrappers_and_several_labels_per_item_work() -> None:
    wrapped = ConcatDataset([Subset(Unreadable(3, targets=[5, 1, 0]), [1, 2]), Unreadable(2, targets=[1, 1])])
    assert ImbalancedDatasetSampler(wrapped).weights.tolist() == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])
    several = Unreadable(3, targets=np.array([[1, 0], [1, 1], [1, 0]]))
    assert ImbalancedDatasetSampler(several).weights.tolist() == pytest.approx([1 / 3, 1, 1 / 3])
    chosen = ImbalancedDatasetSampler(several, indices=[0, 1]).weights
    assert chosen.tolist() == pytest.approx([1 / 2, 1, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": []}, "at least one entry"),
        ({"indices": [[0, 1]]}, "1-d"),
        ({"indices": [0.0, 1.0]}, "whole numbers"),
        ({"indices": [0, -1, 200]}, r"in \[0, 170\), but indices\[1\] is -1 \(2 of 3"),
        ({"indices": [0, 170], "labels": [0, 1]}, r"in \[0, 170\), but they reach from 0 to 170"),
        ({"labels": [0, 1]}, "one label per item, but 2 labels for 170 items"),
        ({"num_samples": 0}, "num_samples should be a positive integer"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImbalancedDatasetSampler(CATS, **arguments)


def test_an_empty_dataset_and_two_sources_of_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="it is empty"):
        ImbalancedDatasetSampler(Unreadable(0, targets=[]))
    with pytest.raises(TypeError, match="not both"):
        ImbalancedDatasetSampler(CATS, labels=LABELS, callback_get_label=len)


def test_one_class_only_is_pointed_out() -> None:
    with pytest.warns(UserWarning, match="only class 0 has items"):
        ImbalancedDatasetSampler(CATS, indices=[0, 1])


def test_indices_and_datasets_that_cannot_be_read_are_named() -> None:
    dataset = Unreadable(4, targets=[0, 0, 0, 1])
    for indices in (
        {0, 3},
        torch.ones(2, dtype=torch.int64, device="meta"),
        torch._efficientzerotensor(2, dtype=torch.int64),
        torch.nested.nested_tensor([[1.0], [1.0, 2.0]]),
    ):
        with pytest.raises(TypeError, match="indices must"):
            ImbalancedDatasetSampler(dataset, indices=indices)
    with pytest.raises(TypeError, match="tell how many items it has, but generator has no length"):
        ImbalancedDatasetSampler(label for label in [0, 1])
