"""Grouped weights stand for all of them: sums over groups equal sums over items, for any weights, quickly."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, ClassTable, forecast_coverage, sample_weights, simulate_coverage
from pysampler.forecast.weight_groups import group_weights


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=50).filter(lambda weights: max(weights) > 1e-200))
def test_groups_keep_count_and_sum_and_spread(weights: list[float]) -> None:
    weights = [weight if weight > max(weights) * 1e-270 else 0.0 for weight in weights]
    groups = group_weights(weights)
    assert groups.positive + groups.zeros == len(weights)
    assert groups.zeros == weights.count(0.0)
    assert (groups.count * groups.probability).sum() == pytest.approx(1, rel=1e-14)
    assert (np.diff(groups.probability) > 0).all()
    assert ((groups.spread >= 0) & (groups.spread <= 2.4e-7)).all()
    second_moment = (groups.count * groups.probability**2 * (1 + groups.spread)).sum()
    scaled = np.array(weights) / max(weights)
    assert second_moment == pytest.approx((scaled**2).sum() / scaled.sum() ** 2, rel=1e-10)


@pytest.mark.parametrize("family", ["uniform", "lognormal", "two octaves"])
def test_many_distinct_weights_agree_with_sums_over_all_items(family: str) -> None:
    random = np.random.default_rng(1)
    weights = {
        "uniform": random.random(300_000),
        "lognormal": random.lognormal(size=300_000),
        "two octaves": random.uniform(1, 4, 300_000),
    }[family]
    forecast, p = forecast_coverage(weights), weights / weights.sum()
    for draws in (1, 1000, len(weights), 50 * len(weights)):
        expected = -np.expm1(draws * np.log1p(-p)).sum()
        assert forecast.expected_unique_after(draws) == pytest.approx(expected, rel=1e-9)
    for level in (1e-6, 0.5, 0.99):
        draws = forecast.full_coverage_draws_quantile(level)
        for factor in (1 - 1e-6, 1 + 1e-6):  # the wanted level lies between
            log_probability = np.log(-np.expm1(-p * draws * factor)).sum()
            assert (log_probability > math.log(level)) == (factor > 1)


def test_runs_of_zeros_of_any_length_are_skipped() -> None:
    weights = np.concatenate([np.zeros(600_000), [1.0, 2.0], np.zeros(300_000)])
    forecast = forecast_coverage(weights, 3)
    assert (forecast.positive_weight_items, forecast.zero_weight_items, forecast.num_items) == (2, 900_000, 900_002)
    assert forecast.expected_unique == pytest.approx(2 - (2 / 3) ** 3 - (1 / 3) ** 3)


def test_float32_weights_are_read_as_they_are_and_tables_as_they_draw() -> None:
    weights = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    forecast = forecast_coverage(weights)
    assert forecast == forecast_coverage(weights.double())
    drawn = forecast_coverage(AliasTable(weights))
    assert drawn.expected_unique == pytest.approx(forecast.expected_unique, rel=1e-7)
    tiny = torch.tensor([1.0, 1e-20])
    assert forecast_coverage(tiny).full_coverage_draws_mean == pytest.approx(1e20, rel=1e-6)
    assert forecast_coverage(AliasTable(tiny)).full_coverage_draws_mean == pytest.approx(2.0**33, rel=1e-6)


def test_class_tables_are_forecast_and_tried_as_the_weights_of_their_items() -> None:
    labels = [0] * 160 + [1] * 10
    table = ClassTable(labels, [1 / 160, 1 / 10])
    flat = forecast_coverage(sample_weights(labels))
    assert forecast_coverage(table).expected_unique == pytest.approx(flat.expected_unique, rel=1e-7)
    assert forecast_coverage(table).full_coverage_draws_mean == pytest.approx(flat.full_coverage_draws_mean, rel=1e-7)
    assert abs(simulate_coverage(table, trials=200).deviations["expected_unique"]) < 5


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30), st.integers(0, 20), st.integers(-30, 30))
def test_zeros_order_and_powers_of_two_change_nothing(weights: list[float], zeros: int, power: int) -> None:
    forecast = forecast_coverage(weights, 100)
    other = [0.0] * zeros + [weight * 2.0**power for weight in sorted(weights)]
    assert dataclasses.replace(forecast_coverage(other, 100), zero_weight_items=0) == forecast


def test_ten_million_distinct_weights_become_a_few_thousand_groups() -> None:
    groups = group_weights(np.random.default_rng(0).random(10_000_000))
    assert groups.positive == 10_000_000
    assert len(groups.count) < 40_000  # 1024 for each power of two that occurs
