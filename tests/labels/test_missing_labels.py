"""Items without a label: named, left out, or a class of their own, in whatever container they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from optional import require

from pysampler.labels.missing import read_where_missing
from pysampler.labels.read import read_labels
from pysampler.plan import plan_labels

NUMBERS = [1.0, float("nan"), 0.0, 1.0, float("nan")]
CONTAINERS: dict[str, Any] = {
    "a list of names": ["b", None, "a", "b", None],
    "a list of numbers": NUMBERS,
    "an array": np.array(NUMBERS),
    "an array of objects": np.array(["b", None, "a", "b", float("nan")], dtype=object),
    "a tensor": torch.tensor(NUMBERS),
    "sets": [{"b"}, set(), {"a"}, {"b"}, None],
    "labels": read_labels([{"b"}, set(), {"a"}, {"b"}, set()]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_missing_labels_are_found_in_any_container(name: str) -> None:
    dropped, count = read_where_missing(CONTAINERS[name], "drop")
    assert (len(dropped), count, dropped.counts.tolist()) == (3, 2, [1, 2])
    own, count = read_where_missing(CONTAINERS[name], "class")
    assert (len(own), count, own.counts.tolist(), own.classes[2]) == (5, 2, [1, 2, 2], "no label")
    assert own.codes.tolist() == [1, 2, 0, 1, 2]
    with pytest.raises(ValueError, match=r"item 1 has none \(2 of 5 have none\); the option missing"):
        read_where_missing(CONTAINERS[name], "error")


def test_a_series_may_have_gaps() -> None:
    series = require("pandas").Series(["b", None, "a", "b", None])
    assert read_where_missing(series, "class")[0].codes.tolist() == [1, 2, 0, 1, 2]
    assert read_where_missing(series, "drop")[0].codes.tolist() == [1, 0, 1]


def test_items_of_several_labels_keep_them_beside_those_that_have_none() -> None:
    own, count = read_where_missing([{"a", "b"}, set(), {"b"}], "class")
    assert count == 1
    assert own.offsets is not None
    assert [sorted(own.codes[a:b].tolist()) for a, b in zip(own.offsets, own.offsets[1:], strict=False)] == [
        [0, 1], [2], [1]
    ]  # fmt: skip
    dropped, _ = read_where_missing([{"a", "b"}, set(), {"b"}], "drop")
    assert dropped.counts.tolist() == [1, 2]


def test_where_none_is_missing_nothing_changes() -> None:
    for missing in ("error", "drop", "class"):
        read, count = read_where_missing(["b", "a"], missing)
        assert (read.classes, read.codes.tolist(), count) == (("a", "b"), [1, 0], 0)


def test_all_missing_and_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="none of the 2 has one"):
        read_where_missing([None, None], "drop")
    with pytest.raises(ValueError, match="'error', 'drop' or 'class'"):
        read_where_missing(["a"], "skip")  # type: ignore[arg-type]


def test_a_plan_says_what_became_of_them() -> None:
    plan = plan_labels(["a", None, "b", "b"], missing="drop")
    assert (plan.num_items, plan.advice[0]) == (3, "1 item has no label and is left out.")
    plan = plan_labels(["a", None, "b", None], missing="class")
    assert [(own.name, own.num_items) for own in plan.classes] == [("a", 1), ("b", 1), ("no label", 2)]
    assert plan.advice[0] == "2 items have no label and are a class of their own."
