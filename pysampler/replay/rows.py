"""Where a replay buffer's items lie: rows of tensors, or any list."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any

import torch

# A tensor, or a dict or (named) tuple of what torch.as_tensor takes.
Item = Any


class TensorRows:
    """Items as rows of tensors: of one tensor, or of a dict or tuple of them, as the first item is.

    Memory for all is taken when the first item comes, whose names, shapes and dtypes the others are given.

    Args:
        capacity: How many rows.
        device: Where they lie.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        self._capacity, self._device = capacity, device
        self._like: Item = None  # the first item, emptied: what rows are given back as
        self._columns: list[torch.Tensor] = []

    def ready(self, items: Item, single: bool) -> list[torch.Tensor]:
        """Returns the columns of some items, each with a leading dimension.

        Args:
            items: One item, if ``single``; else the same with a leading dimension in every part.
            single: Which of these.

        Raises:
            ValueError: Other names, shapes or numbers of parts than the first had.
            TypeError: What torch makes no tensor of.
        """
        columns = [part.unsqueeze(0) if single else part for part in map(torch.as_tensor, _parts(items, self._like))]
        if not columns or any(column.ndim == 0 or len(column) != len(columns[0]) for column in columns):
            raise ValueError("items must be tensors, or dicts or tuples of tensors, with one leading dimension in all")
        if self._columns:
            self._check(items, columns)
        return columns

    def write(self, slots: torch.Tensor, columns: list[torch.Tensor], items: Item) -> None:
        """Writes ready columns to slots; ``items`` is what they were made of."""
        if not self._columns:
            self._like = _rebuilt(items, [None] * len(columns))
            self._columns = [
                torch.zeros(self._capacity, *each.shape[1:], dtype=each.dtype, device=self._device) for each in columns
            ]
        place = slots.to(self._device)
        for own, column in zip(self._columns, columns, strict=True):
            own[place] = column.detach().to(own.device, own.dtype)

    def __getitem__(self, slots: torch.Tensor) -> Item:
        place = slots.to(self._device)
        return _rebuilt(self._like, [column.index_select(0, place) for column in self._columns])

    def _check(self, items: Item, columns: list[torch.Tensor]) -> None:
        same_names = not isinstance(self._like, Mapping) or (isinstance(items, Mapping) and set(items) == {*self._like})
        if not same_names or len(columns) != len(self._columns):
            raise ValueError(f"items must have the parts of the first, {self._like!r:.200}, but got {_names(items)}")
        for number, (own, column) in enumerate(zip(self._columns, columns, strict=True)):
            if own.shape[1:] != column.shape[1:]:
                raise ValueError(
                    f"items must have the shapes of the first: part {number} had {tuple(own.shape[1:])}, "
                    f"but got {tuple(column.shape[1:])}"
                )

    def state(self, count: int) -> Any:
        """Returns a copy of the first ``count`` rows, None if there are none."""
        return _rebuilt(self._like, [column[:count].clone() for column in self._columns]) if count else None

    def load(self, rows: Any, count: int) -> None:
        """Takes what ``state`` returned."""
        self._columns = []
        if count:
            self.write(torch.arange(count), self.ready(rows, single=False), rows)


class ListRows:
    """Items of any kind in a list that the caller gave."""

    def __init__(self, capacity: int, items: MutableSequence[Any]) -> None:
        if len(items) > capacity:
            raise ValueError(f"storage holds {len(items)} items, more than capacity={capacity}")
        self._capacity, self._items = capacity, items

    def ready(self, items: Item, single: bool) -> Sequence[Any]:
        """Returns a list of items."""
        return [items] if single else list(items)

    def write(self, slots: torch.Tensor, ready: Sequence[Any], items: Item) -> None:
        """Writes items to slots; the list grows by those that lie behind its end."""
        # In order of slots: of more items than there is room for, the first one kept may not lie first.
        for slot, item in sorted(zip(slots.tolist(), ready, strict=True), key=lambda pair: pair[0]):
            if slot == len(self._items):
                self._items.append(item)
            else:
                self._items[slot] = item

    def __getitem__(self, slots: torch.Tensor) -> list[Any]:
        return [self._items[slot] for slot in slots.tolist()]

    def state(self, count: int) -> Any:
        """Returns the items in a new list."""
        return list(self._items)

    def load(self, rows: Any, count: int) -> None:
        """Takes what ``state`` returned."""
        self._items[:] = rows


def _names(items: Item) -> str:
    if isinstance(items, Mapping):
        return f"{sorted(items, key=str)!r:.200}"
    return f"a {type(items).__name__}" + (f" of {len(items)}" if isinstance(items, tuple) else "")


def _parts(items: Item, like: Item) -> list[Any]:
    """The parts in the order of the first item's, where it has all of them."""
    if isinstance(items, Mapping):
        names = like if isinstance(like, Mapping) and set(like) == set(items) else items
        return [items[name] for name in names]
    return list(items) if isinstance(items, tuple) else [items]


def _rebuilt(like: Item, parts: list[Any]) -> Item:
    if isinstance(like, Mapping):
        return dict(zip(like, parts, strict=True))
    if isinstance(like, tuple):
        return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
    return parts[0]
