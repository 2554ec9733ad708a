"""What epochs have in common that go through the items of classes in rounds."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from pysampler import _core
from pysampler.sources.base import Source
from pysampler.sources.class_members import ClassMembers


class ClassRounds(Source):
    """An epoch of fixed length, addressable by position. Positions beyond it are what fills up the shares of ranks.

    Attributes:
        num_samples: Positions per epoch.

    Cost: some 60 to 200 ns per position and thread, up to 1 us for thousands of small classes.
    """

    method = "permutation"
    replacement = False
    one_key = True
    num_samples: int

    _compiled: _core.UnderSampling | _core.MPerClassBatches
    _members: ClassMembers

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return len(self._members)

    @property
    def default_draws(self) -> int:
        """``num_samples``."""
        return self.num_samples

    @property
    def classes(self) -> tuple[Any, ...]:
        """What each class is called, C entries in the order of the indices."""
        return self._members.classes

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell apart what shows other items. O(N) the first time."""
        return _core.combined_fingerprint(self._members.fingerprint, self._compiled.fingerprint())

    def check_draws(self, draws: int) -> None:
        """Raises ValueError if ``draws`` is not the epoch's length."""
        if draws != self.num_samples:
            raise ValueError(f"an epoch has num_samples={self.num_samples} positions here, but got {draws}")

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns the epoch's draws by position."""
        self.check_draws(draws)
        return self._compiled.pass_draws(key, epoch)

    @abstractmethod
    def __reduce__(self) -> tuple[Any, ...]:
        """How it is pickled: by its members and numbers."""
