"""What a fuzzed call is made of: choices of one seed, and the law that its outcome must keep."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
CALLS = {"attempted": 0}

# NotImplementedError and RecursionError are RuntimeErrors; OverflowError is an ArithmeticError: none of them is meant.
DOCUMENTED = (TypeError, ValueError, IndexError, KeyError, MemoryError, OSError)


class Refused(Exception):
    """The call was refused as documented; ``cause`` is the error."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(repr(cause))
        self.cause = cause


class Chance(random.Random):
    """Choices, all of one seed."""

    def __init__(self, seed: Any) -> None:
        super().__init__(seed)
        self._arrays: np.random.Generator | None = None

    def maybe(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.random() < probability

    def numpy(self) -> np.random.Generator:
        """Returns a generator of arrays, always the same one: making one takes longer than most calls."""
        if self._arrays is None:
            self._arrays = np.random.Generator(np.random.SFC64(self.getrandbits(64)))
        return self._arrays

    def one(self, choices: Sequence[T]) -> T:
        """Returns one of some."""
        return choices[self.randrange(len(choices))]


def attempt(call: Callable[..., T], *arguments: Any, also: tuple[type[BaseException], ...] = (), **named: Any) -> T:
    """Calls (and counts), and turns errors of documented types into Refused; ``also``: further ones that this call documents."""
    CALLS["attempted"] += 1
    try:
        return call(*arguments, **named)
    except Refused:
        raise
    except (*DOCUMENTED, *also) as error:
        if not str(error) and not isinstance(error, MemoryError):
            raise AssertionError(f"{type(error).__name__} without a message") from error
        raise Refused(error) from error


def judged(valid: bool | None, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Calls what must be accepted (True), must be refused (False), or may be either (None)."""
    try:
        result = attempt(call, *arguments, **named)
    except Refused as refused:
        if valid:
            raise AssertionError(f"what is valid was refused: {refused}") from refused
        raise
    if valid is False:
        raise AssertionError(f"what is not valid was accepted, and gave {result!r:.200}")
    return result


def all_of(*verdicts: bool | None) -> bool | None:
    """Whether a call is valid whose arguments are: not if one is not, unknown if one is unknown."""
    if any(verdict is False for verdict in verdicts):
        return False
    return None if any(verdict is None for verdict in verdicts) else True


def must(holds: object, what: str, *details: Any) -> None:
    """Raises AssertionError unless ``holds``."""
    if not holds:
        raise AssertionError(what + "".join(f"; {detail!r:.400}" for detail in details))


def same(found: Any, expected: Any, what: str) -> None:
    """Raises AssertionError unless two arrays hold the same."""
    mine, wanted = np.asarray(found), np.asarray(expected)
    if mine.shape != wanted.shape or not np.array_equal(mine, wanted):
        raise AssertionError(f"{what}: found {mine.tolist()!r:.300}, expected {wanted.tolist()!r:.300}")
