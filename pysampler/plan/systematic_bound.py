"""Within how many epochs systematic draws are certain to show every item."""

from __future__ import annotations

import math

# 1 + 2 / sqrt(5), rounded up: by the three-gap theorem, no gap between the points of a golden-ratio rotation over e
# epochs is longer than this / e of an epoch's spacing.
THREE_GAP = 1.8945
_ROUNDING = 1e-9


def systematic_coverage_epochs(least_probability: float, draws_per_epoch: int) -> int:
    """Returns within how many consecutive epochs every item is certain to come.

    For systematic draws whose offset moves by the golden ratio from epoch to epoch, with weights, draws per epoch and
    order of the items unchanged. Then an item that is expected ``x = draws_per_epoch * probability`` times an epoch
    comes in every epoch if x >= 1, and otherwise within any ``ceil(1.8945 / x)`` epochs in a row.

    Args:
        least_probability: Of the items that can be drawn, in (0, 1].
        draws_per_epoch: At least 1.
    """
    expected = least_probability * draws_per_epoch
    return 1 if expected >= 1 + _ROUNDING else math.ceil(THREE_GAP / expected)
