"""Plans say what the draws will really do, in numbers that add up and words that follow from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pysampler import AliasTable, SystematicTable, WeightedRandomSampler, forecast_coverage, sample_weights
from pysampler.plan import plan_labels, plan_weights, systematic_coverage_epochs
from pysampler.plan.sampling_plan import WIDTH

CATS = ["Siamese"] * 160 + ["Birman"] * 10


def test_the_articles_set_has_the_articles_numbers() -> None:
    plan = plan_labels(CATS)
    birman, siamese = plan.classes
    assert (birman.name, birman.num_items, siamese.name, siamese.num_items) == ("Birman", 10, "Siamese", 160)
    assert birman.data_share == pytest.approx(10 / 170)
    assert (birman.weight, siamese.weight) == (0.1, 1 / 160)
    for own in plan.classes:
        assert own.target_share == pytest.approx(0.5)
        assert own.draw_share == pytest.approx(0.5, abs=1e-9)
        assert own.draws_per_epoch == pytest.approx(85, abs=1e-6)
        assert own.draws_per_item == pytest.approx(85 / own.num_items, abs=1e-6)
        assert own.unseen_share == pytest.approx((1 - 0.5 / own.num_items) ** 170, rel=1e-6)
    assert plan.forecast.expected_unique == pytest.approx(76.017, abs=5e-4)
    assert plan.systematic_epochs == 4
    assert plan.draws_per_item == pytest.approx((85 / 160, 85 / 160, 8.5))


def test_targets_and_epoch_length_are_planned_with() -> None:
    plan = plan_labels(CATS, targets={"Siamese": 0.1, "Birman": 0.9}, num_samples=340)
    birman, siamese = plan.classes
    assert (birman.target_share, siamese.target_share) == pytest.approx((0.9, 0.1))
    assert birman.draws_per_epoch == pytest.approx(306, abs=1e-5)
    assert plan.draws_per_epoch == 340
    assert plan.systematic_epochs == math.ceil(1.8945 / (340 * 0.1 / 160))


def test_an_item_of_several_classes_counts_for_each() -> None:
    matrix = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]])
    plan = plan_labels(matrix)
    chances = AliasTable(sample_weights(matrix)).probabilities().numpy()
    assert [own.draw_share for own in plan.classes] == pytest.approx(list(chances @ matrix))
    assert [own.target_share for own in plan.classes] == [None] * 3
    assert sum(own.num_items for own in plan.classes) == 5


labels_of_classes = st.lists(st.integers(0, 5), min_size=2, max_size=60).filter(lambda own: len(set(own)) > 1)


@settings(max_examples=20)  # a forecast takes a tenth of a second
@given(labels_of_classes, st.sampled_from(["inverse", "sqrt", "effective"]), st.integers(1, 500))
def test_shares_and_draws_add_up_and_meet_their_targets(labels: list[int], scheme: Any, draws: int) -> None:
    plan = plan_labels(labels, scheme, num_samples=draws)
    assert sum(own.num_items for own in plan.classes) == plan.num_items == len(labels)
    for total in ("data_share", "target_share", "draw_share"):
        assert sum(getattr(own, total) for own in plan.classes) == pytest.approx(1)
    assert sum(own.draws_per_epoch for own in plan.classes) == pytest.approx(draws)
    seen = sum(own.num_items * (1 - own.unseen_share) for own in plan.classes)
    assert seen == pytest.approx(plan.forecast.expected_unique, rel=1e-6)
    for own in plan.classes:
        assert own.draw_share == pytest.approx(own.target_share, abs=1e-8)
    least, middle, most = plan.draws_per_item
    assert least <= middle <= most
    assert all(len(line) <= WIDTH + 10 for line in str(plan).splitlines())


def test_shares_are_those_of_real_draws() -> None:
    plan = plan_labels(CATS, "sqrt")
    drawn = torch.tensor(list(WeightedRandomSampler(sample_weights(CATS, "sqrt"), 100_000, seed=0)))
    share = float((drawn >= 160).double().mean())  # of Birman
    expected = plan.classes[0].draw_share
    assert abs(share - expected) < 4.9 * (expected * (1 - expected) / 100_000) ** 0.5


def test_weights_are_planned_item_by_item() -> None:
    plan = plan_weights([0.0, 1.0, 2.0, 5.0], num_samples=16)
    assert plan.classes == ()
    assert plan.draws_per_item == pytest.approx((2, 4, 10))
    assert plan.forecast == forecast_coverage([0.0, 1.0, 2.0, 5.0], 16)
    assert plan.systematic_epochs == 1
    assert "1 item of weight zero will never be drawn." in plan.advice
    assert plan_weights([1e308] * 3).draws_per_item == pytest.approx((1, 1, 1))  # their sum is beyond the doubles
    assert plan_weights(torch.tensor([1, 2, 3], dtype=torch.int8)).num_items == 3


# ---- the bound ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probability", "draws", "epochs"),
    [(1 / 320, 170, 4), (0.5, 10, 1), (1.0, 1, 2), (0.1, 10, 2), (0.001, 1, 1895), (0.6, 2, 1)],
)
def test_the_systematic_bound_is_one_epoch_or_three_gaps(probability: float, draws: int, epochs: int) -> None:
    assert systematic_coverage_epochs(probability, draws) == epochs


@given(st.floats(0.001, 0.999), st.integers(1, 50), st.integers(0, 2**64 - 1))
def test_golden_ratio_rotations_keep_the_bound(probability: float, draws: int, offset: int) -> None:
    """An item owns a stretch of the circle; draws are evenly spaced points whose offset turns by the golden ratio."""
    epochs = systematic_coverage_epochs(probability, draws)
    if epochs > 1000:
        return
    golden = 0x9E3779B97F4A7C15
    spacing = 1 / draws
    for first in range(3):
        hit = False
        for epoch in range(first, first + epochs):
            turn = ((offset + epoch * golden) % 2**64) / 2**64 * spacing
            place = -turn % spacing  # the next point after the stretch's begin, at 0
            hit = hit or place < probability + 1e-12
        assert hit


# ---- advice -------------------------------------------------------------------------------------


def advice(*arguments: Any, **options: Any) -> str:
    return " ".join(plan_labels(*arguments, **options).advice)


def test_balanced_data_are_told_to_be_shuffled() -> None:
    words = advice([0] * 200 + [1] * 199 + [2] * 191)
    assert "balanced already" in words
    assert "only cost coverage then: 590 of them show about" in words
    assert "a shuffle all" in words
    assert "Shuffle instead" in words
    assert "augment" not in words


def test_weights_that_keep_the_mix_of_imbalanced_data_are_not_called_balance() -> None:
    words = advice(CATS, "power", alpha=1.0)
    assert "The mix of the classes hardly changes: these weights move less than 0.1 % of the draws" in words
    assert "balanced" not in words


def test_imbalanced_data_are_told_how_long_and_what_repeats() -> None:
    words = advice(CATS)
    assert "shows about 76 of the 170 items" in words
    assert "at least 16 epochs" in words
    assert "Systematic draws show all within 4 epochs, always" in words
    assert "Each of the 10 items of 'Birman' comes 8.5 times an epoch" in words
    assert "'sqrt' would show each 3.4 times" in words
    assert "it takes 717 independent draws (4.2 times as many)" in words
    assert "'sqrt'" not in advice(CATS, "sqrt")
    assert "'sqrt'" not in advice(CATS, targets=[0.5, 0.5])


def test_what_is_never_drawn_is_said() -> None:
    assert "'Birman' will never be drawn: 10 items" in advice(CATS, targets={"Siamese": 1.0, "Birman": 0.0})


def test_labels_that_look_wrong_are_pointed_at() -> None:
    assert "2 of 4 class indices have no items" in advice([0, 0, 3])
    assert "are these labels, or names of the items?" in advice([f"img{index}" for index in range(30)])


def test_equal_weights_only_cost_coverage() -> None:
    words = " ".join(plan_weights([2.0] * 50).advice)
    assert "only cost coverage" in words
    assert "equal" in words
    assert "only cost coverage" not in " ".join(plan_weights([1.0] * 50 + [9.0]).advice)
    assert "The heaviest item comes 7.78 times an epoch" in " ".join(plan_weights([1.0] * 50 + [9.0]).advice)


# ---- bad input, text and values -----------------------------------------------------------------


def test_the_systematic_bound_is_that_of_the_masses_really_drawn_with() -> None:
    weights = [1.0] * 100 + [1.2e-9]  # an ideal mass of 5.2 units; it gets 5
    rarest = float(SystematicTable(weights).probabilities().min())
    assert rarest < 0.97 * 1.2e-9 / 100
    assert plan_weights(weights).systematic_epochs == systematic_coverage_epochs(rarest, 101)


def test_weights_of_unusual_dtypes_are_planned_alike() -> None:
    expected = plan_weights(torch.tensor([1.0, 0.0, 3.0]))
    for dtype in (torch.uint16, torch.float16, torch.int64):
        assert plan_weights(torch.tensor([1, 0, 3], dtype=dtype)) == expected


def test_one_class_only_and_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="all 3 items are of one class, 'x': nothing to balance"):
        plan_labels(["x"] * 3)
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        plan_labels(CATS, num_samples=0)
    with pytest.raises(ValueError, match="item 2 has none"):
        plan_labels([0.0, 1.0, math.nan])
    with pytest.raises(ValueError, match="must be finite"):
        plan_weights([1.0, math.nan])
    with pytest.raises(ValueError, match="sum to one"):
        plan_labels(CATS, targets={"Siamese": 0.5, "Birman": 0.9})


def test_the_text_has_the_numbers_and_no_control_characters() -> None:
    text = str(plan_labels(["a\x1b[31m"] * 5 + ["b" * 100] * 20))
    assert "\x1b" not in text
    assert "a?[31m" in text
    assert "b" * 19 + "…" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_many_classes_are_shortened_in_the_text_only() -> None:
    plan = plan_labels(np.repeat(np.arange(1000), 3))
    assert "... 960 more classes" in str(plan)
    assert len(plan.to_dict()["classes"]) == 1000


def test_values_hold_no_private_names() -> None:
    values = plan_labels(CATS).to_dict()
    assert values["independent"]["expected_unique"] == pytest.approx(76.017, abs=5e-4)
    assert values["systematic"] == {"every_item_within_epochs": 4}
    assert not [name for name in values["independent"] if name.startswith("_")]


def test_a_plan_prints_as_its_table_and_shows_as_one_line() -> None:
    plan = plan_labels(CATS)
    assert str(plan).splitlines()[1] == "170 items, scheme inverse, 170 draws per epoch"
    assert "expected after one epoch: 76.0 items" in str(plan)
    assert repr(plan) == "SamplingPlan(170 items of 2 classes, scheme inverse, 170 draws per epoch)"
    assert repr(plan_weights([1.0, 2.0])) == "SamplingPlan(2 items, weights as given, 2 draws per epoch)"
