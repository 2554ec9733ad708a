"""Where a replay buffer's items lie: rows of tensors, or any list."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence
from typing import Any

import torch

from pysampler.inputs.memory import check_dense

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

    def ready(self, items: Item, single: bool) -> tuple[list[torch.Tensor], int]:
        """Returns the columns of some items, and how many items there are.

        Args:
            items: One item, if ``single``; else the same with a leading dimension in every part.
            single: Which of these.

        Raises:
            ValueError: Other names, shapes or numbers of parts than the first had.
            TypeError: What torch makes no tensor of, or a tensor without memory.
        """
        columns = [_column(part) for part in _parts(items, self._like)]
        if self._columns:
            self._check(items, columns, single)
        if not columns or (not single and any(each.ndim == 0 or len(each) != len(columns[0]) for each in columns)):
            raise ValueError("items must be tensors, or dicts or tuples of tensors, with one leading dimension in all")
        return columns, 1 if single else len(columns[0])

    def write(self, slots: torch.Tensor, columns: list[torch.Tensor], items: Item, single: bool) -> None:
        """Writes the last of ready columns to slots; ``items`` is what they were made of."""
        if not self._columns:
            self._like = _rebuilt(items, [None] * len(columns))
            shapes = [each.shape if single else each.shape[1:] for each in columns]
            self._columns = [
                torch.zeros(self._capacity, *shape, dtype=each.dtype, device=self._device)
                for shape, each in zip(shapes, columns, strict=True)
            ]
        if single:
            slot = int(slots)
            for own, column in zip(self._columns, columns, strict=True):
                own[slot] = column.detach()
            return
        place = slots.to(self._device)
        for own, column in zip(self._columns, columns, strict=True):
            own[place] = column[len(column) - len(slots) :].detach().to(own.device, own.dtype)

    def __getitem__(self, slots: torch.Tensor) -> Item:
        place = slots.to(self._device)
        return _rebuilt(self._like, [column.index_select(0, place) for column in self._columns])

    def _check(self, items: Item, columns: list[torch.Tensor], single: bool) -> None:
        same_names = not isinstance(self._like, Mapping) or (isinstance(items, Mapping) and set(items) == {*self._like})
        if not same_names or len(columns) != len(self._columns):
            raise ValueError(f"items must have the parts of the first, {self._like!r:.200}, but got {_names(items)}")
        for number, (own, column) in enumerate(zip(self._columns, columns, strict=True)):
            shape = column.shape if single else column.shape[1:]
            if own.shape[1:] != shape:
                raise ValueError(
                    f"items must have the shapes of the first: part {number} had {tuple(own.shape[1:])}, "
                    f"but got {tuple(shape)}"
                )

    def state(self, count: int) -> Any:
        """Returns a copy of the first ``count`` rows, None if there are none."""
        return _rebuilt(self._like, [column[:count].clone() for column in self._columns]) if count else None

    def load(self, rows: Any, count: int) -> None:
        """Takes what ``state`` returned."""
        self._columns = []
        if count:
            self.write(torch.arange(count, device="cpu"), self.ready(rows, single=False)[0], rows, single=False)


class ListRows:
    """Items of any kind in a list that the caller gave."""

    def __init__(self, capacity: int, items: MutableSequence[Any]) -> None:
        if len(items) > capacity:
            raise ValueError(f"storage holds {len(items)} items, more than capacity={capacity}")
        self._capacity, self._items = capacity, items

    def ready(self, items: Item, single: bool) -> tuple[list[Any], int]:
        """Returns a list of items, and how many there are."""
        ready = [items] if single else list(items)
        return ready, len(ready)

    def write(self, slots: torch.Tensor, ready: list[Any], items: Item, single: bool) -> None:
        """Writes the last of the items to slots; the list grows by those that lie behind its end."""
        kept = ready[len(ready) - len(slots) :]
        # In order of slots: of more items than there is room for, the first one kept may not lie first.
        for slot, item in sorted(zip(slots.tolist(), kept, strict=True), key=lambda pair: pair[0]):
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


def _column(part: Any) -> torch.Tensor:
    if isinstance(part, torch.Tensor):
        check_dense(part, "items")  # torch copies from memory that was freed, and the process ends
    return torch.as_tensor(part, device="cpu")


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
