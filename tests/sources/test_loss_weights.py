"""Weights made of losses: the definition, exactly, and what bad input does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pysampler import DynamicTable, smoothed


@given(
    st.lists(st.floats(-10, 1e6, width=32), max_size=20),
    st.floats(1e-3, 10),
    st.floats(0.5, 10),
)
def test_each_weight_is_the_power_of_its_loss_or_the_floor(
    losses: list[float], floor: float, temperature: float
) -> None:
    found = smoothed(losses, floor, temperature)
    assert found.dtype == torch.float64
    expected = [max(loss, floor) ** (1 / temperature) for loss in losses]
    assert np.allclose(found, np.array(expected), rtol=1e-14)


def test_shapes_and_dtypes_stay_and_gradients_are_left_alone() -> None:
    losses = torch.tensor([[0.1, 2.0], [3.0, 0.5]], requires_grad=True)
    found = smoothed(losses, 0.25, temperature=2)
    assert (found.shape, found.dtype, found.requires_grad) == ((2, 2), torch.float32, False)
    assert losses.detach().tolist() == torch.tensor([[0.1, 2.0], [3.0, 0.5]]).tolist()
    assert smoothed(torch.ones(2, dtype=torch.bfloat16), 0.5).dtype == torch.float32
    assert smoothed(np.ones(2), 0.5).dtype == torch.float64
    assert smoothed(torch.empty(0), 0.5).shape == (0,)


def test_a_loss_is_never_written_to() -> None:
    losses = torch.tensor([-1.0, 5.0])
    smoothed(losses, 1.0)
    assert losses.tolist() == [-1.0, 5.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_losses_that_diverged_are_named(bad: float) -> None:
    with pytest.raises(ValueError, match=r"losses\[2\] is .*\(1 of 3 entries"):
        smoothed([1.0, 2.0, bad], 0.1)


@pytest.mark.parametrize("bad", [0, -1.0, math.inf, math.nan, True, "1"])
def test_a_floor_or_temperature_without_meaning_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="floor must be a finite number > 0"):
        smoothed([1.0], bad)
    with pytest.raises(ValueError, match="temperature must be a finite number > 0"):
        smoothed([1.0], 0.1, bad)


def test_weights_that_overflow_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        smoothed(torch.tensor([1e30]), 0.1, temperature=0.1)
    with pytest.raises(ValueError, match="cannot hold"):
        smoothed(torch.tensor([0.0]), 1e-30, temperature=0.1)


def test_no_item_is_drawn_more_often_than_the_floor_allows() -> None:
    table = DynamicTable(smoothed(torch.tensor([0.0, 0.5, 8.0]), floor=0.5, temperature=2.0))
    odds = table.probabilities() / table.probabilities()[0]
    assert torch.allclose(odds, torch.tensor([1.0, 1.0, 4.0], dtype=torch.float64))
