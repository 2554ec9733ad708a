"""Targets of some classes are completed by those of the others."""

from __future__ import annotations

import pytest

from pysampler import ClassTable, complete_targets, sample_weights

LABELS = ["Siamese"] * 3 + ["Persian"] + ["Birman"] * 4


def test_the_others_share_the_rest_by_their_items_or_equally() -> None:
    assert complete_targets(LABELS, {"Birman": 0.5}) == {"Birman": 0.5, "Persian": 0.125, "Siamese": 0.375}
    assert complete_targets(LABELS, {"Birman": 0.5}, "equal") == {"Birman": 0.5, "Persian": 0.25, "Siamese": 0.25}
    assert complete_targets(LABELS, {"Birman": 0.0, "Persian": 1.0}) == {"Birman": 0.0, "Persian": 1.0}
    assert complete_targets(LABELS, {}) == {"Birman": 0.5, "Persian": 0.125, "Siamese": 0.375}


def test_classes_without_items_take_no_part() -> None:
    assert complete_targets([0, 0, 3], {0: 0.25}) == {0: 0.25, 3: 0.75}


def test_what_comes_out_is_what_all_that_take_targets_take() -> None:
    targets = complete_targets(LABELS, {"Birman": 0.2})
    weights = sample_weights(LABELS, targets=targets)
    assert float(weights[4:].sum()) == pytest.approx(0.2)
    assert float(weights[:3].sum()) == pytest.approx(0.6)
    assert ClassTable.from_targets(LABELS, targets).probabilities()[3] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({"Birman": 0.7, "Siamese": 0.7}, "must leave a rest, but they sum to 1.4"),
        ({"Birman": -0.1}, "must be in"),
        ({"Birman": float("nan")}, "must be in"),
        ({"Sphynx": 0.1}, "'Sphynx', which is none of the classes"),
        ({"Birman": 0.1, "Siamese": 0.1, "Persian": 0.1}, "leave a rest of 0.7, but they name every class"),
    ],
)
def test_targets_that_leave_no_rest_or_a_rest_for_nobody_are_refused(targets: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        complete_targets(LABELS, targets)


def test_other_containers_and_words_are_refused() -> None:
    with pytest.raises(TypeError, match="must be a mapping"):
        complete_targets(LABELS, [0.5, 0.25, 0.25])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'data' or 'equal'"):
        complete_targets(LABELS, {}, "none")  # type: ignore[arg-type]


def test_partial_targets_elsewhere_name_the_way_out() -> None:
    with pytest.raises(ValueError, match="complete_targets"):
        sample_weights(LABELS, targets={"Birman": 1.0})
