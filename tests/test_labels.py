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
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset, random_split

from pysampler import Labels, read_labels

CATS = ["Siamese", "Birman", "Siamese", "Bombay"]


class Unreadable(Dataset[Any]):
    """A dataset whose items must not be loaded."""

    def __init__(self, items: int = 4, **attributes: Any) -> None:
        self.items = items
        vars(self).update(attributes)

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("an item was loaded")


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


# ---- datasets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["targets", "labels", "_labels"])
@pytest.mark.parametrize("container", [list, np.array, torch.tensor])
def test_label_attributes_are_read_without_loading_items(attribute: str, container: Any) -> None:
    assert codes(Unreadable(**{attribute: container([3, 0, 3, 1])})) == [3, 0, 3, 1]


@pytest.mark.parametrize("attribute", ["samples", "imgs", "_samples"])
def test_image_folders_are_read_by_their_pairs_and_named_by_their_classes(attribute: str) -> None:
    pairs = [("a.png", 1), ("b.png", 0), ("c.png", 1), ("d.png", 1)]
    labels = read_labels(Unreadable(classes=["Birman", "Siamese", "Sphynx"], **{attribute: pairs}))
    assert labels.codes.tolist() == [1, 0, 1, 1]
    assert labels.classes == ("Birman", "Siamese", "Sphynx")


def test_a_dataset_that_is_no_torch_dataset_is_read_too() -> None:
    class Plain:
        targets = (1, 0)

        def __getitem__(self, index: int) -> None:
            raise AssertionError

        def __len__(self) -> int:
            return 2

    assert codes(Plain()) == [1, 0]


# Regression: ufoym/imbalanced-dataset-sampler #36 and #54.
def test_subsets_and_concatenations_keep_their_own_order_at_any_depth() -> None:
    base = Unreadable(5, targets=[4, 3, 2, 1, 0])
    subset = Subset(base, [3, 0, 0])
    assert codes(subset) == [1, 4, 4]
    assert codes(Subset(subset, torch.tensor([2, 0]))) == [4, 1]
    whole = ConcatDataset([subset, base, TensorDataset(torch.zeros(2, 3), torch.tensor([2, 0]))])
    assert codes(whole) == [1, 4, 4, 4, 3, 2, 1, 0, 2, 0]
    assert codes(Subset(whole, np.array([9, 0]))) == [0, 1]
    first, second = random_split(base, [2, 3], generator=torch.Generator().manual_seed(0))
    assert codes(first) + codes(second) == [base.targets[i] for i in [*first.indices, *second.indices]]


def test_subsets_and_concatenations_of_several_labels_per_item() -> None:
    base = Unreadable(3, targets=np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]]))
    assert sets(read_labels(Subset(base, [2, 1, 0, 2]))) == [[1, 2], [], [0, 1], [1, 2]]
    one_hot = TensorDataset(torch.zeros(2, 3), torch.eye(3)[[2, 0]])
    assert sets(read_labels(ConcatDataset([one_hot, base]))) == [[2], [0], [0, 1], [], [1, 2]]


def test_a_subset_keeps_the_named_classes_it_has_no_items_of() -> None:
    labels = read_labels(Subset(Unreadable(2, targets=[1, 0], classes=["a", "b"]), [0]))
    assert labels.classes == ("a", "b")
    assert labels.counts.tolist() == [0, 1]


def test_names_of_concatenated_parts_are_numbered_together() -> None:
    whole = ConcatDataset([Unreadable(2, targets=["b", "c"]), Unreadable(1, targets=["a"])])
    assert codes(whole) == [1, 2, 0]


def test_concatenated_parts_with_different_classes_are_refused() -> None:
    parts = [Unreadable(1, targets=[0], classes=["a"]), Unreadable(1, targets=[0], classes=["b"])]
    with pytest.raises(ValueError, match="part 0 has classes 'a' and part 1 has classes 'b'"):
        read_labels(ConcatDataset(parts))


def test_a_callback_sees_the_whole_dataset_once() -> None:
    calls = []

    def get_labels(dataset: Unreadable) -> list[str]:
        calls.append(dataset)
        return CATS

    dataset = Unreadable(targets=[0, 0, 0, 0])
    assert codes(dataset, get_labels=get_labels) == [2, 0, 2, 1]
    assert calls == [dataset]
    with pytest.raises(ValueError, match="returned 4 for 5 items"):
        read_labels(Unreadable(5), get_labels=get_labels)


def test_hugging_face_columns_are_read_with_their_names_and_without_decoding_images() -> None:
    datasets = require("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "species": datasets.ClassLabel(names=["cat", "dog"]),
            "breed": datasets.Value("string"),
        }
    )
    rows = {"image": [{"bytes": b"no image", "path": None}] * 4, "species": [0, 0, 1, 0], "breed": [*"zyxy"]}
    table = datasets.Dataset.from_dict(rows, features=features)
    assert read_labels(table).classes == ("cat", "dog")
    assert codes(table) == [0, 0, 1, 0]
    assert codes(table.with_format("torch").select([2, 0])) == [1, 0]
    assert codes(Subset(table, [2, 1])) == [1, 0]
    assert codes(table, column="breed") == [2, 1, 0, 1]
    assert codes(table["breed"]) == [2, 1, 0, 1]
    with pytest.raises(ValueError, match="must be one of"):
        read_labels(table, column="bread")
    with pytest.raises(ValueError, match="which column"):
        read_labels(table.select_columns(["image", "breed"]))
    with pytest.raises(TypeError, match="'train'"):
        read_labels(datasets.DatasetDict({"train": table}))


def test_hugging_face_lists_of_class_labels_are_several_labels_per_item() -> None:
    datasets = require("datasets")
    features = datasets.Features({"labels": datasets.Sequence(datasets.ClassLabel(names=["a", "b", "c"]))})
    table = datasets.Dataset.from_dict({"labels": [[0, 2], [], [1]]}, features=features)
    labels = read_labels(table, column="labels")
    assert sets(labels) == [[0, 2], [], [1]]
    assert labels.classes == ("a", "b", "c")


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "at least one item"),
        ([[], []], "none of the 2 items has any label"),
        (np.ma.array([1, 2, 3], mask=[0, 1, 1]), r"labels\[1\] is missing \(masked; 2 of 3"),
        ([set(), set()], "none of the 2 items has any label"),
        ([0, -1, 1, -1], r"in \[0, 16777216\), but labels\[1\] is -1 \(2 of 4"),
        ([0, 1 << 40], r"labels\[1\] is 1099511627776 .*give classes="),
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
        (torch.empty(2, device="meta"), "dense"),
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
