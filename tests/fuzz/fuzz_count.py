"""How often lives call pysampler: each call that these files make, counted in one life of sixty-four."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pysampler

EVERY = 64
_PACKAGE = os.path.dirname(os.path.abspath(pysampler.__file__)) + os.sep
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_CALLERS = (_HERE, os.path.join(os.path.dirname(os.path.dirname(_HERE)), "support") + os.sep)


class Entries:
    """Counts calls of Python functions and of C++ methods of pysampler that files of this folder and tests/support make.

    Those of other libraries (``copy``, ``pickle``), of pysampler itself, and what its iterators hand out to ``list`` or
    ``islice`` are not counted: so it is at least so many.
    """

    def __init__(self) -> None:
        self.entered = 0
        self.lives = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts until the block ends, of all threads that begin in it too. Costs several times the calls themselves."""
        before = sys.getprofile()
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(None)  # type: ignore[arg-type]
            self.lives += 1

    def of(self, lives: int) -> int:
        """How many calls that is for so many lives."""
        return round(self.entered * lives / self.lives) if self.lives else 0

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            caller = frame.f_back
            if frame.f_code.co_filename.startswith(_PACKAGE) and caller is not None and _is_ours(caller):
                self.entered += 1
        elif event == "c_call" and _is_ours(frame):
            self.entered += type(getattr(argument, "__self__", None)).__module__.startswith("pysampler")


def _is_ours(frame: FrameType) -> bool:
    return os.path.abspath(frame.f_code.co_filename).startswith(_CALLERS)
