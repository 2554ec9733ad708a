"""What to expect of the draws of one class, and of all: there may be millions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

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


class ClassPlans(Sequence[ClassPlan]):
    """The classes that have items, in the order of their indices. Each is made when it is asked for.

    Args:
        names: Of all classes.
        indices: Which of them have items.
        columns: By the name of a field of ``ClassPlan``, its numbers for these; None where that is what they all are.
    """

    def __init__(
        self, names: Sequence[Any], indices: NDArray[np.int64], columns: dict[str, NDArray[Any] | None]
    ) -> None:
        self._names, self._indices, self._columns = names, indices, columns

    def column(self, name: str) -> NDArray[Any] | None:
        """Returns a field's numbers of all classes; None if none has it."""
        return self._columns[name]

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> ClassPlan: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[ClassPlan, ...]: ...
    def __getitem__(self, place: int | slice) -> ClassPlan | tuple[ClassPlan, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        index = int(self._indices[place])  # IndexError beyond the end
        numbers: dict[str, Any] = {
            name: None if column is None else column[place].item() for name, column in self._columns.items()
        }
        return ClassPlan(name=str(self._names[index]), **numbers)

    def __iter__(self) -> Iterator[ClassPlan]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(own == their for own, their in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3]))
        return f"({shown}{', ...' if len(self) > 3 else ''})"
