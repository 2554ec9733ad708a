"""What holds no classes is not read as classes without a word."""

from __future__ import annotations

import re
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


JOIN = re.escape("[' '.join(map(str, item)) for item in labels]")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([("red", "car"), ("blue", "car")], rf"tuples such as \('red', 'car'\) are read as several labels .*{JOIN}"),
        ([("red", 3), ("blue", 4), ("red", 4), ("red", 3), ("red", 4)], rf"are read as an item, or its path, .*{JOIN}"),
    ],
)
def test_labels_of_several_tasks_are_told_how_to_become_joint_classes(labels: Any, words: str) -> None:
    with pytest.warns(UserWarning, match=words) as caught:
        read_labels(labels)
    assert caught[0].filename == __file__
    joint = read_labels([" ".join(map(str, item)) for item in labels])  # what the message says
    assert joint.offsets is None
    assert joint.classes[0].startswith("blue ")


def test_labels_of_several_tasks_that_cannot_be_read_name_joint_classes_too() -> None:
    with pytest.raises(TypeError, match=f"numbers and names have no common order; .*{JOIN}"):
        read_labels([(0, "car"), (1, "car")])
    with pytest.raises(ValueError, match="for several tasks joint classes"):
        read_labels(np.array([["red", "car"], ["blue", "bus"]]))
    table = require("pandas").DataFrame({"colour": ["red", "blue"], "kind": ["car", "bus"]})
    with pytest.raises(ValueError, match=r"joint classes.*table\.agg"):
        read_labels(table)
    assert read_labels(table.agg(" ".join, axis=1)).classes == ("blue bus", "red car")


@pytest.mark.parametrize("labels", [[["red", "car"], ["car"]], [{"red", "car"}], [("red",), ("red", "car")], [("a",)]])
def test_several_labels_of_an_item_are_read_without_a_word(labels: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_labels(labels)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([(0, torch.zeros(3)), (1, torch.zeros(3))], r"a tuple of int, Tensor: .*\[item\[0\] for item in labels\]"),
        ([(np.zeros(3), 0, 7)], r"a tuple of ndarray, int, int: .*\[item\[1\] for item in labels\]"),
        ([[{"a": 1}, "cat", 3]], r"a list of dict, str, int: .*\[item\[1\] for item in labels\]"),
        ([([[1], [2, 3]], "cat", 3)], r"a tuple of list, str, int: .*\[item\[1\] for item in labels\]"),
        ([{"image": 1, "label": 2}], r"a dict of 'image', 'label': .*\[item\['label'\] for item in labels\]"),
        ([{"image": 1, "breed": 2}], r"a dict of 'image', 'breed': .*\[item\[\.\.\.\] for item in labels\]"),
    ],
)
def test_items_that_hold_more_than_labels_say_how_to_take_these_out(items: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        read_labels(items)


@pytest.mark.parametrize("counts", [[900, 100], [100, 50, 20], np.array([5000, 31])])
def test_counts_of_classes_are_doubted(counts: Any) -> None:
    with pytest.warns(UserWarning, match="labels that all differ, .*: are these counts of the items of classes"):
        read_labels(counts)


def test_few_items_of_close_classes_are_no_counts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_labels([5, 7])
        read_labels([0, 1])
        read_labels([900])
        read_labels([0, 900])  # a class without items is no class


@pytest.mark.parametrize(
    "read",
    [
        lambda: read_labels([3, 871], classes=range(1000)),
        lambda: read_labels(torch.eye(100)[[1, 5, 9]]),
        lambda: read_labels([{3}, {871}]),
        lambda: read_labels(Unreadable(2, targets=[3, 871])),
        lambda: read_labels(Subset(Unreadable(1000, targets=list(range(1000))), [3, 871])),
        lambda: read_labels(TensorDataset(torch.zeros(2, 1), torch.tensor([3, 871]))),
        lambda: read_labels(Unreadable(2), get_labels=lambda dataset: [3, 871]),
    ],
)
def test_few_items_of_many_classes_are_no_counts_where_they_cannot_be(read: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read()) in (2, 3)


def test_counts_of_values_are_no_labels_whatever_the_index_is_called() -> None:
    pandas = require("pandas")
    counts = pandas.Series([0, 0, 1, 1, 1, 2]).value_counts()
    with pytest.raises(ValueError, match=r"counts by \[1, 0, 2\] and so on"):
        read_labels(counts)
    plain = pandas.Series([3, 2, 1], name="count")  # a column of that name
    assert read_labels(plain).classes == (0, 1, 2, 3)
