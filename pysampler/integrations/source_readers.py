"""Sources that can only be read one item after another: passes over them, and where each stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch.utils.data import get_worker_info

MOST_LISTED = 20


class PassEnded(Exception):
    """A source has nothing left in its pass."""


class Reader(Protocol):
    """How one kind of source is read."""

    def begin(self, number: int) -> None:
        """Begins pass ``number``."""

    def resume(self, number: int, state: Any) -> None:
        """Goes on with pass ``number`` from a state."""

    def read(self) -> Any:
        """Returns the next item. StopIteration at the pass's end."""

    def state(self) -> Any:
        """Returns where the pass stands; None if the source does not tell."""


class IterableReader:
    """Reads an iterable: a pass is an ``iter``, after ``set_epoch`` if there is such a method.

    A state is that of the iterator or of the iterable, whichever has ``state_dict`` and ``load_state_dict``.
    """

    def __init__(self, iterable: Any) -> None:
        self._iterable = iterable
        epoch: Any = getattr(iterable, "_epoch", None)
        if get_worker_info() is not None and type(epoch) is torch.Tensor:
            # Hugging Face's streams share their epoch among workers, but each worker has come to another pass.
            iterable._epoch = epoch.clone()
        self._iterator: Iterator[Any] | None = None

    def begin(self, number: int) -> None:
        """Begins pass ``number``."""
        self._set_epoch(number)
        self._iterator = iter(self._iterable)

    def resume(self, number: int, state: Any) -> None:
        """Goes on from a state of the iterator, or of the iterable before it makes an iterator."""
        self._set_epoch(number)
        if state["of"] == "iterable":
            self._iterable.load_state_dict(state["state"])
        self._iterator = iter(self._iterable)
        if state["of"] == "iterator":
            own: Any = self._iterator
            own.load_state_dict(state["state"])

    def read(self) -> Any:
        """Returns the next item."""
        assert self._iterator is not None
        return next(self._iterator)

    def state(self) -> Any:
        """Returns {"of": "iterator" or "iterable", "state": its state}, or None."""
        holders: tuple[tuple[str, Any], ...] = (("iterator", self._iterator), ("iterable", self._iterable))
        for name, holder in holders:
            if callable(getattr(holder, "state_dict", None)) and callable(getattr(holder, "load_state_dict", None)):
                return {"of": name, "state": holder.state_dict()}
        return None

    def _set_epoch(self, number: int) -> None:
        if callable(getattr(self._iterable, "set_epoch", None)):
            self._iterable.set_epoch(number)


class SourceReader:
    """One source of a mixture: which pass it is in, how far, and how many items were read in all.

    Args:
        name: Of the source, for errors.
        reader: How it is read.
    """

    def __init__(self, name: str, reader: Reader) -> None:
        self.name = name
        self._reader = reader
        self.restart()

    def restart(self) -> None:
        """Begins the first pass anew, when something is read."""
        self.passes = 0  # begun before the running one
        self.taken = 0  # in the running pass
        self.read_in_all = 0
        self._open = False
        self._loaded: Any = None

    def read(self) -> Any:
        """Returns the next item.

        Raises:
            PassEnded: There is none left in this pass.
        """
        if not self._open:
            self._begin()
        try:
            item = self._reader.read()
        except StopIteration:
            raise PassEnded(self.name) from None
        self.taken += 1
        self.read_in_all += 1
        return item

    def begin_again(self) -> None:
        """Begins the next pass, after one has ended.

        Raises:
            ValueError: The last pass had no items.
        """
        if self.taken == 0:
            raise ValueError(
                f"source {self.name} has no items left and cannot be begun again: it is empty, or an iterator, which "
                "has one pass only: give what makes the iterator, something to call iter() on again"
            )
        self.passes += 1
        self.taken = 0
        self._reader.begin(self.passes)

    def state(self) -> dict[str, Any]:
        """Returns where the source stands."""
        if not self._open:
            return {"passes": self.passes, "taken": self.taken, "read": self.read_in_all, "state": self._loaded}
        own = self._reader.state()
        return {"passes": self.passes, "taken": self.taken, "read": self.read_in_all, "state": own}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from ``state`` when something is read: of a source without states, by reading again."""
        self.restart()
        self.passes, self.taken, self.read_in_all = state["passes"], state["taken"], state["read"]
        self._loaded = state["state"]

    def _begin(self) -> None:
        self._open = True
        if self._loaded is not None:
            self._reader.resume(self.passes, self._loaded)
            self._loaded = None
            return
        self._reader.begin(self.passes)
        for done in range(self.taken):
            try:
                self._reader.read()
            except StopIteration:
                raise ValueError(
                    f"source {self.name} had given {self.taken} items of this pass when the state was saved, but has "
                    f"only {done} now: resume with the same data"
                ) from None
