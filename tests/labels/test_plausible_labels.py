"""What holds no classes is not read as classes without a word."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from optional import require
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from unreadable import Unreadable

from pysampler import ImbalancedDatasetSampler, class_weights, read_labels, repeat_factors, sample_weights


def test_a_list_of_items_with_their_labels_is_read_by_its_labels() -> None:
    for items in (["a.png", "b.png", "c.png"], list(torch.zeros(3, 2, 2)), [None, None, None]):
        assert read_labels(list(zip(items, [1, 0, 1], strict=True))).codes.tolist() == [1, 0, 1]


def test_targets_that_are_names_of_files_are_refused() -> None:
    with pytest.raises(TypeError, match=r"names of files, such as '1.xml'"):
        read_labels(Unreadable(2, targets=["1.xml", "2.xml"]))


def test_a_tensor_dataset_of_inputs_alone_is_refused() -> None:
    with pytest.raises(TypeError, match="single tensor holds inputs"):
        read_labels(TensorDataset(torch.arange(4)))


def test_a_subset_by_mask_is_refused() -> None:
    mask: Any = torch.tensor([True, False, True, True])
    with pytest.raises(ValueError, match=r"numpy.flatnonzero\(mask\)"):
        read_labels(Subset(Unreadable(targets=[0, 1, 0, 1]), mask))


def test_labels_of_one_item_each_are_doubted() -> None:
    with pytest.warns(UserWarning, match="30 classes for 30 items"):
        sample_weights(range(30))


@pytest.mark.parametrize("kind", [tuple, list])
def test_paths_with_names_of_classes_are_read_by_the_classes(kind: Any) -> None:
    pairs: list[Any] = [kind(pair) for pair in (("cats/1.png", "cat"), ("2.jpeg", "dog"), ("x\\\\3", "cat"))]
    assert read_labels(pairs).classes == ("cat", "dog")
    assert ImbalancedDatasetSampler(pairs).weights.tolist() == [0.5, 1, 0.5]
    assert read_labels([kind((f"{i}.png", i % 2)) for i in range(4)]).codes.tolist() == [0, 1, 0, 1]


def test_ids_with_names_of_classes_are_read_by_the_classes_and_few_are_two_labels() -> None:
    pairs = [(f"id {i}", "cat" if i % 3 else "dog") for i in range(12)]
    assert read_labels(pairs).counts.tolist() == [8, 4]
    assert read_labels([("red", "car"), ("blue", "bus")]).classes == ("blue", "bus", "car", "red")
    two_labels = [("red" if i % 2 else "blue", "car") for i in range(12)]
    assert read_labels(two_labels).classes == ("blue", "car", "red")


def test_a_concatenation_of_ranges_has_no_labels() -> None:
    """Its items are numbers, and no classes: weights would be those of places that parts have in common."""
    for parts in ([range(3), range(3)], [[0, 1], [1, 1]], [torch.arange(4), torch.arange(4)]):
        with pytest.raises(TypeError, match="keeps its labels in no place that is known"):
            read_labels(ConcatDataset(parts))  # type: ignore[type-var]
        with pytest.raises(TypeError, match="callback_get_label="):
            ImbalancedDatasetSampler(ConcatDataset(parts))  # type: ignore[type-var]


def test_rows_that_may_be_sets_of_both_classes_are_doubted() -> None:
    rows = [np.unique(labels) for labels in ([0, 1, 1], [1, 0], [0, 1])]
    with pytest.warns(UserWarning, match="3 rows \\[0, 1\\] are read as one-hot") as caught:
        read_labels(rows)
    way_out = str(caught[0].message).rsplit(": ", 1)[1]
    assert read_labels(eval(way_out, {"labels": rows})).counts.tolist() == [3, 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_labels([np.array([0, 1]), np.array([1, 0])]).codes.tolist() == [1, 0]


def test_ragged_arrays_are_told_to_be_sets() -> None:
    with pytest.raises(ValueError, match=r"set\(row.tolist\(\)\)"):
        read_labels([torch.tensor([0, 1]), torch.tensor([2])])


def test_counts_by_class_are_no_labels_and_two_columns_are_doubted() -> None:
    pd = require("pandas")
    frame = pd.DataFrame({"a": [0, 1, 1], "b": [1, 1, 0]})
    with pytest.raises(ValueError, match="counts by"):
        read_labels(frame.groupby("a").size())
    with pytest.warns(UserWarning, match="joint classes"):
        read_labels(frame)


def test_the_imbalanced_sampler_asks_the_dataset_for_get_labels_and_names_its_own_arguments() -> None:
    assert ImbalancedDatasetSampler(Unreadable(4, get_labels=lambda: [0, 0, 0, 1])).weights[3] == 1
    with pytest.raises(TypeError, match="callback_get_label="):
        ImbalancedDatasetSampler(Unreadable(4))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("progress", lambda big: class_weights([0, 1], "progressive", progress=big)),
        ("alpha", lambda big: class_weights([0, 1], "power", alpha=big)),
        ("beta", lambda big: class_weights([0, 1], "effective", beta=big)),
        ("targets", lambda big: class_weights([0, 1], targets={0: big, 1: 0})),
        ("targets", lambda big: class_weights([0, 1], targets=[big, 0])),
        ("unlabelled", lambda big: sample_weights([{0, 1}, {0}, set()], unlabelled=big)),
        ("threshold", lambda big: repeat_factors([0, 1], big)),
    ],
)
def test_numbers_beyond_floats_are_value_errors(name: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=name):
        call(10**400)
