"""Names that have changed: the old ones work on, with a DeprecationWarning, and old pickles are read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any


class Renamed:
    """An attribute or method under the name that it had before.

    Args:
        new: Its name now.
        called: Whether an attribute became a method: the old name gives what the method returns.
    """

    def __init__(self, new: str, *, called: bool = False) -> None:
        self.new = new
        self._called = called

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        now = f"{self.new}()" if self._called else self.new
        warnings.warn(f"{owner.__name__}.{self._old} is now called {now}", DeprecationWarning, stacklevel=2)
        value = getattr(instance, self.new)
        return value() if self._called else value


class HasOldNames:
    """Has ``Renamed`` names: not offered for completion, and read from pickles of dataclasses as what they are now."""

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not isinstance(getattr(type(self), name, None), Renamed)]

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        renamed = {name: entry.new for name, entry in vars(type(self)).items() if isinstance(entry, Renamed)}
        self.__dict__.update({renamed.get(name, name): value for name, value in state.items()})
