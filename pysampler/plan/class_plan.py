"""What to expect of the draws of one class."""

from __future__ import annotations

from dataclasses import dataclass

from pysampler.renamed import HasOldNames, Renamed


@dataclass(frozen=True)
class ClassPlan(HasOldNames):
    """A class that has items.

    Attributes:
        name: What it is called.
        num_items: How many items it has.
        data_share: Its share of the items, in [0, 1].
        weight: What an item weighs; of an item with several classes the largest weight counts.
        target_share: The share of the draws that scheme or targets aim at. None if items have several classes: these
            come along with each other.
        draw_share: Its share of the draws as the table really makes them, zeros and rounding included.
        draws_per_epoch: Expected draws of the class.
        draws_per_item: Expected draws of one of its items in an epoch, the mean over the class.
        unseen_share: Expected share of its items that an epoch of independent draws does not show.
    """

    name: str
    num_items: int
    data_share: float
    weight: float
    target_share: float | None
    draw_share: float
    draws_per_epoch: float
    draws_per_item: float
    unseen_share: float

    items = Renamed("num_items")
