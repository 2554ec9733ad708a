"""Weights that follow losses, for tables whose weights change while training."""

from __future__ import annotations

import math
from typing import Any

import torch

from pysampler.inputs.shown import shown
from pysampler.inputs.weights import readable, to_tensor


def smoothed(losses: Any, floor: float, temperature: float = 1.0) -> torch.Tensor:
    """Returns max(loss, floor) ** (1 / temperature) for each loss: weights for ``DynamicTable.update``.

    Item by item, so that weights from different batches can be compared. With losses up to L, no item is drawn more
    than (L / floor) ** (1 / temperature) times as often as another, and none is ever given up. Prioritised replay
    (Schaul et al. 2016) has the same power, with 1 / temperature called alpha.

    Args:
        losses: Real numbers, finite, any shape, on any device; gradients are left alone. Negative ones count as
            ``floor``.
        floor: > 0, in the unit of the losses: what smaller losses count as.
        temperature: > 0. 1: in proportion to the losses; larger: closer to uniform; smaller: sharper.

    Returns:
        Tensor of the shape and on the device of ``losses``: float64 if they are float64, int32, int64 or Python's
        numbers, else float32.

    Raises:
        ValueError: A loss that is NaN or infinite (training has diverged: such a weight would stay in the table),
            a bad ``floor`` or ``temperature``, or a weight out of the dtype's range.
        TypeError: Not numbers.

    Example:
        >>> smoothed(torch.tensor([0.0, 1.0, 4.0]), floor=0.25, temperature=2.0)
        tensor([0.5000, 1.0000, 2.0000])
    """
    for name, value in (("floor", floor), ("temperature", temperature)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be a finite number > 0, but got {name}={shown(value)}")
    values = readable(to_tensor(losses, to_cpu=False))
    invalid = ~torch.isfinite(values)
    if bool(invalid.any()):
        first = int(invalid.reshape(-1).nonzero()[0])
        raise ValueError(
            f"losses must be finite, but losses[{first}] is {float(values.reshape(-1)[first])} "
            f"({int(invalid.sum())} of {values.numel()} entries are invalid)"
        )
    weights = values.clamp(min=float(floor)).pow_(1.0 / float(temperature))
    if not bool(((weights > 0) & torch.isfinite(weights)).all()):
        raise ValueError(
            f"temperature={temperature} makes weights that {weights.dtype} cannot hold: take a larger one, or pass "
            "losses.double()"
        )
    return weights
