"""Weights from labels: the documents' numbers to the digit, shares by every scheme, bad input by name."""

from __future__ import annotations

import math
import warnings
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optional import require

from pysampler import AliasTable, WeightedRandomSampler, class_weights, read_labels, sample_weights
from pysampler.labels import schemes

CATS = ["Siamese"] * 160 + ["Birman"] * 10
counts_of_classes = st.lists(st.integers(1, 1000), min_size=2, max_size=8)


def labels_with(counts: list[int]) -> np.ndarray[Any, Any]:
    """Labels in a mixed order, with the given number of items per class."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


def shares(labels: Any, weights: torch.Tensor) -> list[float]:
    """The share of draws of each class."""
    drawn = np.bincount(read_labels(labels).codes, weights.numpy())
    return list(drawn / drawn.sum())


# ---- the documents ------------------------------------------------------------------------------


def test_the_article_on_cats_gets_its_weights() -> None:
    weights = class_weights(read_labels(CATS, classes=["Siamese", "Birman"]), dtype=torch.float64)
    assert weights.tolist() == [0.00625, 0.1]
    items = sample_weights(CATS)
    assert items.tolist() == [1.0 / 160] * 160 + [1.0 / 10] * 10
    assert shares(CATS, items) == pytest.approx([0.5, 0.5], abs=1e-15)


def test_the_article_on_cats_gets_its_target_proportions() -> None:
    items = sample_weights(CATS, targets={"Siamese": 0.1, "Birman": 0.9})
    assert shares(CATS, items) == pytest.approx([0.9, 0.1], abs=1e-15)
    probabilities = AliasTable(items).probabilities()
    assert probabilities[:160].sum().item() == pytest.approx(0.1, abs=1e-9)


# The question's value_counts() sorts by frequency: [2555, 2552, 621, 227], so classes 1 and 3 get each other's weight.
QUESTION_COUNTS = [2555, 227, 621, 2552]


@pytest.mark.parametrize("form", ["indices", "names", "one-hot array", "one-hot tensor", "one-hot table"])
def test_the_question_on_intuition_gets_the_right_weight_for_every_class(form: str) -> None:
    indices = labels_with(QUESTION_COUNTS)
    names = np.array(["0_none", "1_left", "2_right", "3_both"])
    source: Any = {
        "indices": torch.from_numpy(indices),
        "names": names[indices],
        "one-hot array": np.eye(4, dtype=int)[indices],
        "one-hot tensor": torch.eye(4)[torch.from_numpy(indices)],
    }.get(form)
    if form == "one-hot table":
        source = require("pandas").DataFrame(np.eye(4, dtype=int)[indices], columns=names)
    expected = [0.00039139, 0.00440529, 0.00161031, 0.00039185]
    assert [round(weight, 8) for weight in class_weights(source, dtype=torch.float64).tolist()] == expected
    items = sample_weights(source)
    assert items.shape == (5955,)
    assert [round(weight, 8) for weight in items.tolist()] == [expected[index] for index in indices]
    assert shares(indices, items) == pytest.approx([0.25] * 4)


def test_the_question_on_intuition_one_hot_indexing_is_refused_with_the_way_out() -> None:
    one_hot = torch.eye(4, dtype=torch.long)[torch.from_numpy(labels_with(QUESTION_COUNTS))]
    with pytest.raises(ValueError, match=r"shape \(5955, 4\).*argmax"):
        WeightedRandomSampler(class_weights(one_hot)[one_hot])


def test_influence_balanced_loss_gets_its_weights_to_the_digit() -> None:
    labels = labels_with([410, 506, 146, 103])
    weights = class_weights(labels, "effective", beta=0.9999)
    assert [f"{weight:.8f}" for weight in weights.tolist()] == ["0.00248924", "0.00202661", "0.00689909", "0.00975834"]
    assert torch.equal(weights, class_weights(labels, "effective"))
    items = sample_weights(labels, "effective", beta=0.9999)
    assert items.sum().item() == pytest.approx(4.05842922, abs=1.1e-5)  # the sum of the printed, rounded weights


def test_the_same_class_weights_go_into_the_loss() -> None:
    labels = torch.from_numpy(labels_with([410, 506, 146, 103]))
    weights = class_weights(labels, "effective")
    logits = torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(0))
    weighted = torch.nn.CrossEntropyLoss(weight=weights)(logits, labels)
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none").double()
    items = sample_weights(labels, "effective")
    assert weighted.item() == pytest.approx(((items * each).sum() / items.sum()).item(), rel=1e-5)


# ---- schemes ------------------------------------------------------------------------------------


@given(counts_of_classes)
def test_every_item_has_the_weight_of_its_class(counts: list[int]) -> None:
    labels = labels_with(counts)
    for scheme in ("inverse", "sqrt", "effective"):
        weights = class_weights(labels, scheme, dtype=torch.float64)
        assert torch.equal(sample_weights(labels, scheme), weights[torch.from_numpy(labels)])


@given(counts_of_classes, st.floats(0, 1))
def test_schemes_give_the_shares_they_promise(counts: list[int], part: float) -> None:
    labels, number = labels_with(counts), np.array(counts, float)
    data, even = number / number.sum(), np.full(len(counts), 1 / len(counts))
    expected = {
        "inverse": even,
        "sqrt": np.sqrt(number) / np.sqrt(number).sum(),
        "power": number**part / (number**part).sum(),
        "progressive": (1 - part) * data + part * even,
    }
    options: dict[str, dict[str, float]] = {"power": {"alpha": part}, "progressive": {"progress": part}}
    for scheme, share in expected.items():
        weights = sample_weights(labels, scheme, **options.get(scheme, {}))  # type: ignore[arg-type]
        np.testing.assert_allclose(shares(labels, weights), share, rtol=1e-12)


@given(counts_of_classes)
def test_schemes_meet_where_they_should(counts: list[int]) -> None:
    labels = labels_with(counts)
    power, inverse = class_weights(labels, "power", alpha=0.0), class_weights(labels)
    torch.testing.assert_close(power, inverse)
    torch.testing.assert_close(class_weights(labels, "power", alpha=0.5), class_weights(labels, "sqrt"))
    assert class_weights(labels, "power", alpha=1.0).tolist() == [1.0] * len(counts)
    assert class_weights(labels, "effective", beta=0.0).tolist() == [1.0] * len(counts)
    nearly_one = class_weights(labels, "effective", beta=1 - 1e-12, dtype=torch.float64)
    torch.testing.assert_close(nearly_one, inverse.double(), rtol=1e-4, atol=0)
    begin, end = (class_weights(labels, "progressive", progress=p, dtype=torch.float64) for p in (0, 1))
    torch.testing.assert_close(begin, torch.full_like(begin, 1 / sum(counts)))
    torch.testing.assert_close(end * len(counts), class_weights(labels, dtype=torch.float64))


@given(counts_of_classes, st.data())
def test_targets_are_met_exactly(counts: list[int], data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(1, 100), min_size=len(counts), max_size=len(counts)))
    labels, wanted = labels_with(counts), [share / sum(raw) for share in raw]
    np.testing.assert_allclose(shares(labels, sample_weights(labels, targets=wanted)), wanted, rtol=1e-12)
    by_name = sample_weights(labels, targets=dict(reversed(list(enumerate(wanted)))))
    assert torch.equal(by_name, sample_weights(labels, targets=wanted))


def test_a_target_of_zero_means_never() -> None:
    assert sample_weights([0, 1, 1, 2], targets={0: 0, 1: 1, 2: 0}).tolist() == [0, 0.5, 0.5, 0]
    assert class_weights([0, 2], targets=[0.5, 0, 0.5]).tolist() == [0.5, 0, 0.5]


# ---- several labels per item --------------------------------------------------------------------


def test_items_with_several_labels_take_the_largest_mean_or_sum_of_their_classes() -> None:
    matrix = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0]])
    assert class_weights(matrix, dtype=torch.float64).tolist() == [1 / 3, 1 / 2, 1]
    assert sample_weights(matrix).tolist() == [1 / 2, 1 / 3, 1, 1 / 3]
    assert sample_weights(matrix, combine="mean").tolist() == pytest.approx([5 / 12, 1 / 3, 3 / 4, 1 / 3])
    assert sample_weights(matrix, combine="sum").tolist() == pytest.approx([5 / 6, 1 / 3, 3 / 2, 1 / 3])


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=20).filter(any))
@pytest.mark.filterwarnings("ignore:only class")
def test_combined_weights_equal_a_loop_over_the_items(items: list[set[int]]) -> None:
    labels = read_labels(items, classes=range(6))
    weights = class_weights(labels, "sqrt", empty="zero", dtype=torch.float64).tolist()
    for combine, of in (("max", max), ("sum", math.fsum), ("mean", np.mean)):
        combined = sample_weights(labels, "sqrt", combine=combine, unlabelled=7.0)  # type: ignore[arg-type]
        expected = [of([weights[label] for label in item]) if item else 7.0 for item in items]
        assert combined.tolist() == pytest.approx(expected, rel=1e-14)


def test_items_without_labels_need_a_weight() -> None:
    matrix = np.array([[1, 1], [0, 0], [0, 0], [1, 0]])
    with pytest.raises(ValueError, match=r"item 1 has no label \(2 of 4 have none\).*unlabelled="):
        sample_weights(matrix)
    assert sample_weights(matrix, unlabelled=0.25).tolist() == [1, 0.25, 0.25, 0.5]
    with pytest.raises(ValueError, match="unlabelled=nan"):
        sample_weights(matrix, unlabelled=math.nan)


# ---- bad input ----------------------------------------------------------------------------------


def test_classes_without_items_are_an_error_or_zero_for_the_loss_and_no_matter_for_items() -> None:
    with pytest.raises(ValueError, match=r"class 1 has no items \(2 of 5 classes"):
        class_weights([0, 2, 4])
    assert class_weights([0, 2, 2, 4], empty="zero").tolist() == [1, 0, 0.5, 0, 1]
    assert sample_weights([0, 2, 2, 4]).tolist() == [1, 0.5, 0.5, 1]
    progressive = sample_weights([0, 2, 2, 4], "progressive", progress=0.5)
    assert shares([0, 2, 2, 4], progressive)[2] == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_one_class_only_is_pointed_out() -> None:
    with pytest.warns(UserWarning, match="only class 'Birman' has items") as caught:
        assert sample_weights(["Birman"] * 4).tolist() == [0.25] * 4
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="balance nothing"):
        class_weights([0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        class_weights([0, 0], targets=[1.0])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"Siamese": 0.1, "Birman": 0.8}, "must sum to one, but they sum to 0.9;"),
        ({"Siamese": 10, "Birman": 90}, "sum to 100;"),
        ({"Siamese": 1.1, "Birman": -0.1}, "that of 'Birman' is -0.1"),
        ({"Siamese": math.nan, "Birman": 0.5}, "that of 'Siamese' is nan"),
        ({"Siamese": 0.1, "Burmese": 0.9}, "name 'Burmese', which is none of the classes: 'Birman', 'Siamese'"),
        ({"Siamese": 1.0}, "'Birman' is missing"),
        ([0.1, 0.2, 0.7], r"one share per class, 2, but their shape is \(3,\)"),
    ],
)
def test_targets_that_cannot_be_met_are_named(targets: Any, message: str) -> None:
    for weigh in (class_weights, sample_weights):
        with pytest.raises(ValueError, match=message):
            weigh(CATS, targets=targets)


def test_targets_for_empty_classes_and_for_several_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share of 0\.2 of class 1, which has no items"):
        sample_weights([0, 2], targets=[0.4, 0.2, 0.4])
    with pytest.raises(ValueError, match="exactly one label per item"):
        sample_weights([{0, 1}, {1}], targets=[0.5, 0.5])


@pytest.mark.parametrize(
    ("scheme", "options", "message"),
    [
        ("inverted", {}, "scheme must be one of 'inverse', 'sqrt'"),
        ("effective", {"beta": 1.0}, r"beta must be in \[0, 1\), but got beta=1.0"),
        ("effective", {"beta": -0.1}, "beta=-0.1"),
        ("effective", {"beta": math.nan}, "beta=nan"),
        ("power", {}, "'power' needs alpha="),
        ("power", {"alpha": math.inf}, "alpha must be finite"),
        ("power", {"alpha": 1e6}, "left the range of numbers with alpha=1000000.0"),
        ("progressive", {}, "needs progress="),
        ("progressive", {"progress": 1.5}, r"progress must be in \[0, 1\]"),
        ("inverse", {"beta": 0.9}, "beta belongs to scheme 'effective'"),
        ("sqrt", {"targets": [0.5, 0.5]}, "either scheme or targets"),
    ],
)
def test_parameters_that_make_no_sense_are_named(scheme: Any, options: dict[str, Any], message: str) -> None:
    for weigh in (class_weights, sample_weights):
        with pytest.raises(ValueError, match=message):
            weigh(CATS, scheme, **options)


def test_other_arguments_are_checked_too() -> None:
    with pytest.raises(ValueError, match="empty='drop'"):
        class_weights(CATS, empty="drop")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="combine='min'"):
        sample_weights(CATS, combine="min")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dtype=torch\.int64"):
        sample_weights(CATS, dtype=torch.int64)


def test_dtypes_are_those_asked_for() -> None:
    assert class_weights(CATS).dtype == torch.get_default_dtype()
    assert class_weights(CATS, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert sample_weights(CATS).dtype == torch.float64
    assert sample_weights(CATS, dtype=torch.float32).dtype == torch.float32


def test_every_scheme_that_types_allow_has_its_weights_and_no_other() -> None:
    assert get_args(schemes.Scheme) == schemes.SCHEMES
    assert class_weights([0, 1, 1], "effective", beta=0.0).tolist() == [1.0, 1.0]
    with pytest.raises(
        ValueError, match="scheme must be one of 'inverse', 'sqrt', 'effective', 'power', 'progressive'"
    ):
        class_weights([0, 1, 1], "cubic")  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["inverse", "sqrt", "effective", "power", "progressive"])
def test_classes_that_have_no_items_at_all_weigh_nothing(scheme: Any) -> None:
    parameter = {"power": {"alpha": 0.5}, "progressive": {"progress": 0.5}}.get(scheme, {})
    assert class_weights([[0, 0], [0, 0]], scheme, empty="zero", **parameter).tolist() == [0, 0]
