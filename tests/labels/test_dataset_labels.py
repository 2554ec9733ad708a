"""Labels of datasets are read in the dataset's own order, without loading items."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from optional import require
from torch.utils.data import ConcatDataset, Subset, TensorDataset, random_split
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
