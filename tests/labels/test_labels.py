"""Labels are read alike from every container and dataset, in its order, without loading items."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optional import require
from torch.utils.data import Subset, TensorDataset
from unreadable import Unreadable

from pysampler import Labels, read_labels

CATS = ["Siamese", "Birman", "Siamese", "Bombay"]


def codes(source: Any, **options: Any) -> list[int]:
    labels = read_labels(source, **options)
    assert labels.offsets is None
    assert labels.codes.dtype == np.int64
    return list(labels.codes)


def sets(labels: Labels) -> list[list[int]]:
    assert labels.offsets is not None
    bounds = labels.offsets.tolist()
    return [labels.codes[a:b].tolist() for a, b in itertools.pairwise(bounds)]


# ---- containers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "container",
    [
        list,
        tuple,
        np.array,
        torch.tensor,
        lambda values: np.array(values, np.uint8),
        lambda values: np.array(values, np.float16),
        lambda values: torch.tensor(values, dtype=torch.bfloat16),
        lambda values: [torch.tensor(value) for value in values],
        lambda values: [np.int32(value) for value in values],
        lambda values: [{value} for value in values],
        lambda values: np.array(values, object),
        lambda values: np.eye(4)[values],
        lambda values: torch.eye(4, dtype=torch.bool)[values],
        lambda values: np.eye(4, dtype=int)[values].tolist(),
        lambda values: list(torch.eye(4)[values]),
    ],
)
def test_class_indices_mean_the_same_in_every_container(container: Callable[[list[int]], Any]) -> None:
    labels = read_labels(container([3, 0, 3, 1]))
    assert labels.offsets is None
    assert labels.codes.tolist() == [3, 0, 3, 1]
    assert labels.classes == (0, 1, 2, 3)
    assert labels.counts.tolist() == [1, 1, 0, 2]
    assert len(labels) == 4


@pytest.mark.parametrize("container", [list, tuple, np.array, lambda names: np.array(names, object)])
def test_names_are_numbered_in_sorted_order_not_by_frequency(container: Callable[[list[str]], Any]) -> None:
    labels = read_labels(container(CATS))
    assert labels.classes == ("Birman", "Bombay", "Siamese")
    assert labels.codes.tolist() == [2, 0, 2, 1]


def test_booleans_are_two_classes() -> None:
    assert codes([True, False, True]) == [1, 0, 1]
    assert codes(torch.tensor([True, False])) == [1, 0]


def test_given_classes_set_the_order_and_may_have_no_items() -> None:
    labels = read_labels(CATS, classes=["Siamese", "Sphynx", "Birman", "Bombay"])
    assert labels.codes.tolist() == [0, 2, 0, 3]
    assert labels.counts.tolist() == [2, 0, 1, 1]


def test_given_classes_name_indices_or_list_ids() -> None:
    assert read_labels([1, 0, 1], classes=["cat", "dog", "cow"]).classes == ("cat", "dog", "cow")
    assert codes([90, 18, 90], classes=[18, 44, 90]) == [2, 0, 2]
    assert read_labels([1, 0], classes=range(10)).counts.shape == (10,)
    assert codes([10**15, 7], classes=[7, 10**15]) == [1, 0]


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=20).filter(any))
def test_sets_and_the_multi_hot_matrix_say_the_same(items: list[set[int]]) -> None:
    matrix = np.array([[column in item for column in range(6)] for item in items])
    from_sets, from_matrix = read_labels(items, classes=range(6)), read_labels(matrix)
    assert from_matrix.counts.tolist() == from_sets.counts.tolist() == matrix.sum(0).tolist()
    if from_matrix.offsets is None:
        assert from_matrix.codes.tolist() == from_sets.codes.tolist()
    else:
        assert sets(from_matrix) == [sorted(item) for item in items]
        assert [sorted(item) for item in sets(from_sets)] == [sorted(item) for item in items]


def test_lists_of_names_are_several_labels_per_item_each_counted_once() -> None:
    labels = read_labels([["cat", "dog"], [], ["dog", "dog"]])
    assert sets(labels) == [[0, 1], [], [1]]
    assert labels.counts.tolist() == [1, 2]


def test_labels_that_are_read_already_are_returned_as_they_are() -> None:
    labels = read_labels(CATS)
    assert read_labels(labels) is labels
    with pytest.raises(TypeError, match="read already"):
        read_labels(labels, classes=["a"])


def test_the_repr_tells_the_counts() -> None:
    assert repr(read_labels(CATS)) == "Labels(4 items; 'Birman': 1, 'Bombay': 1, 'Siamese': 2)"


def test_pandas_columns_categories_and_tables() -> None:
    pd = require("pandas")
    frame = pd.DataFrame({"image": list("abcd"), "label": CATS}, index=[9, 8, 7, 6])
    for source in (frame["label"], frame[["label"]], frame["label"].astype("string"), pd.Index(CATS)):
        assert read_labels(source).classes == ("Birman", "Bombay", "Siamese")
        assert codes(source) == [2, 0, 2, 1]
    assert codes(frame, column="label") == [2, 0, 2, 1]
    assert codes(pd.Series([1, 0], dtype="Int64")) == codes(pd.Series([1.0, 0.0])) == [1, 0]
    categories = pd.Categorical(CATS, categories=["Siamese", "Sphynx", "Birman", "Bombay"])
    for source in (categories, pd.Series(categories)):
        assert read_labels(source).classes == ("Siamese", "Sphynx", "Birman", "Bombay")
        assert codes(source) == [0, 2, 0, 3]
    one_hot = pd.get_dummies(frame["label"])
    assert read_labels(one_hot).classes == ("Birman", "Bombay", "Siamese")
    assert codes(one_hot) == [2, 0, 2, 1]


def test_pandas_missing_labels_and_wrong_columns_are_named() -> None:
    pd = require("pandas")
    for source in (pd.Series([0, None, 1]), pd.Series(["a", None, "b"]), pd.Series([0, None, 1], dtype="Int64")):
        with pytest.raises(ValueError, match=r"labels\[1\] is missing .*1 of 3"):
            read_labels(source)
    with pytest.raises(ValueError, match=r"labels\[1\] is missing"):
        read_labels(pd.Categorical.from_codes([0, -1], categories=["a"]))
    frame = pd.DataFrame({"image": list("ab"), "label": ["x", "y"]})
    with pytest.raises(ValueError, match="pass the column"):
        read_labels(frame)
    with pytest.raises(ValueError, match=r"must be one of .*'image', 'label'"):
        read_labels(frame, column="lable")


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "at least one item"),
        ([[], []], "none of the 2 items has any label"),
        (np.ma.array([1, 2, 3], mask=[0, 1, 1]), r"labels\[1\] is missing \(masked; 2 of 3"),
        ([set(), set()], "none of the 2 items has any label"),
        ([0, -1, 1, -1], r"in \[0, 16777216\), but labels\[1\] is -1 \(2 of 4"),
        ([0, 1 << 40], r"labels\[1\] is 1099511627776 .*classes="),
        ([0, 1 << 70], "below 2\\^63"),
        (np.array([0, 2**63], np.uint64), r"labels\[1\] is 9223372036854775808"),
        ([0.0, float("nan")], r"labels\[1\] is missing \(nan; 1 of 2"),
        (torch.tensor([0.0, 0.5]), r"whole numbers, but labels\[1\] is 0.5"),
        (["a", None, float("nan")], r"labels\[1\] is missing \(None; 2 of 3"),
        (np.array([[0.2, 0.8]]), r"zeros and ones, but labels\[0, 0\] is 0.2 .*argmax"),
        (np.array([[0.0, np.nan]]), r"labels\[0, 1\] is nan"),
        (np.zeros((3, 1)), r"are a column: pass labels\[:, 0\]"),
        (np.zeros((3, 1, 1)), "1-d"),
        (torch.tensor(3), "1-d"),
        ([[0, 1], [2]], "as a set"),
        ([{0, 1}, {-2}], "a label of item 1 is -2"),
        (Unreadable(3, targets=[0, 1]), "one label per item, but 2 labels for 3 items"),
        (Unreadable(2, targets=[0, 2], classes=["a", "b"]), r"in \[0, 2\), but labels\[1\] is 2"),
        (Subset(Unreadable(2, targets=[0, 1]), [0, 5]), r"in \[0, 2\), but indices\[1\] is 5"),
        (TensorDataset(torch.zeros(2, 3), torch.rand(2)), "whole numbers"),
    ],
)
def test_labels_that_make_no_sense_are_named(source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_labels(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "but got int"),
        ("Siamese", "but got str"),
        (iter([0, 1]), "iterator"),
        (["a", 1], "types int and str"),
        ([torch.tensor(1), "a"], "mix Tensor and str"),
        (torch.eye(2).to_sparse(), "dense"),
        (torch.empty(2, device="meta"), "meta device"),
        (Unreadable(), "get_labels=lambda"),
        (Unreadable(targets={"a.png": 0}), "but got dict"),
        (Unreadable(targets=[{"boxes": []}] * 4), r"labels\[0\] is a dict"),
        ([0, 1, [2]], r"labels\[2\] is a list"),
        ([["a"], [["b"]]], "an item's labels must be numbers or names"),
        ({"train": [0]}, "which part"),
    ],
)
def test_what_holds_no_labels_is_refused_without_loading_items(source: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        read_labels(source)


def test_classes_must_be_distinct_and_hold_every_label() -> None:
    with pytest.raises(ValueError, match=r"label number 1 is 'Birman' \(1 of 4"):
        read_labels(CATS, classes=["Siamese", "Bombay"])
    with pytest.raises(ValueError, match="label number 0 is 5"):
        read_labels([5, 1], classes=[1, 2])
    with pytest.raises(ValueError, match=r"in \[0, 2\), but labels\[0\] is 5"):
        read_labels([5, 1], classes=["a", "b"])
    with pytest.raises(ValueError, match="'a' comes twice"):
        read_labels(["a"], classes=["a", "b", "a"])


def test_options_that_cannot_apply_are_refused() -> None:
    with pytest.raises(TypeError, match="named columns"):
        read_labels([0, 1], column="label")
    with pytest.raises(TypeError, match="named columns"):
        read_labels(Unreadable(targets=[0] * 4), column="label")
    with pytest.raises(TypeError, match="not both"):
        read_labels(Unreadable(), column="label", get_labels=len)
