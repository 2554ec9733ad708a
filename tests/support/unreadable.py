"""A dataset whose labels can be read, but whose items must not be loaded."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset


class Unreadable(Dataset[Any]):
    """Has the given attributes, and fails the test if an item is asked for."""

    def __init__(self, items: int = 4, **attributes: Any) -> None:
        self.items = items
        vars(self).update(attributes)

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("an item was loaded")
