"""What a mixture tells of itself: which source comes when, how many of each, where passes end."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.numbers import whole_number
from pysampler.keys import seed_key
from pysampler.sources.base import Source
from pysampler.sources.mixture_ends import Stop, checked_stop, windows_until
from pysampler.sources.mixture_order import index_arrays, source_order
from pysampler.sources.mixture_parts import Part
from pysampler.sources.mixture_schedule import MAX_POSITION, Stage
from pysampler.sources.mixture_shares import TOTAL

_CHUNK = 2**16  # positions that are counted together


class MixtureReadings(Source):
    """The readings of a ``Mixture``: with the stages as they are now, at any position.

    Attributes:
        window: Positions of a window.
        names: Of the sources.
        sizes: Their items.
    """

    window: int
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    _core: _core.Mixture
    _parts: list[Part]
    _starts: NDArray[np.int64]  # of the sources, among all items
    _stages: list[Stage]

    @property
    def num_items(self) -> int:
        """How many items all sources have."""
        return int(self._starts[-1])

    def locate(self, index: int) -> tuple[str, int]:
        """Returns the name of the source that item ``index`` belongs to, and the item's index in it."""
        item = whole_number(index, "index", 0, self.num_items - 1)
        source = int(np.searchsorted(self._starts, item, side="right")) - 1
        return self.names[source], item - int(self._starts[source])

    def order(self, n: int, *, seed: int, start: int = 0, step: int = 1) -> NDArray[np.int64]:
        """Returns the numbers of the sources that positions ``start, start + step, ...`` take: int64 of shape (n,).

        Positions are those of all epochs. Costs what drawing does, without the items.

        Raises:
            ValueError: A position beyond 2^62.
        """
        return source_order(self, n, seed, start, step)

    def as_index_arrays(
        self, start: int, count: int, *, seed: int, occurrences: bool = False
    ) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Returns Megatron's two index arrays for positions ``start`` to ``start + count - 1``.

        Entry i says: take sample ``dataset_sample_index[i]`` of dataset ``dataset_index[i]``, as ``BlendedDataset``
        reads them. Any part can be made on its own, at any time, on any rank.

        Args:
            start: First position, among those of all epochs.
            count: How many.
            seed: Of the run.
            occurrences: Whether a dataset's samples are 0, 1, 2, ... in the order of positions, over all passes, for
                datasets that shuffle and repeat themselves, as Megatron's GPTDataset does; else items in [0, size).

        Returns:
            ``dataset_index``, int16, and ``dataset_sample_index``, int64, both of shape (count,).

        Raises:
            ValueError: More than 32,767 sources, or a position beyond 2^62.
        """
        return index_arrays(self, start, count, seed, occurrences)

    def counts(self, position: int, *, seed: int) -> dict[str, int]:
        """Returns how many of the positions 0 to ``position - 1`` take each source, padding not counted: exactly.

        Cost: two floor sums a source and stage for whole windows; what ``position`` cuts off a window is drawn.
        """
        return dict(zip(self.names, self._counted(position, seed).tolist(), strict=True))

    def passes(self, position: int, *, seed: int) -> dict[str, float]:
        """Returns how often each source was gone through before ``position``: its count over its size.

        The whole part is how many passes are complete. Of a table, whose items come by weight, the mean of all items.
        """
        counted = self._counted(position, seed).tolist()
        passed = [count / size if size else 0.0 for count, size in zip(counted, self.sizes, strict=True)]
        return dict(zip(self.names, passed, strict=True))

    def _counted(self, position: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        end = whole_number(position, "position", 0, MAX_POSITION)
        windows, rest = divmod(end, self.window)
        found = np.empty(len(self._parts), dtype=np.uint64)
        self._core.counts_into(seed_key(seed), windows, found.ctypes.data)
        numbers = found.astype(np.int64)
        draws = _core.MixtureDraws(self._core, seed_key(seed), 0, MAX_POSITION)
        for begin in range(end - rest, end, _CHUNK):
            sources, occurrences = np.empty((2, min(_CHUNK, end - begin)), dtype=np.int64)
            draws.locate_into(sources.ctypes.data, occurrences.ctypes.data, len(sources), begin, 1)
            numbers += np.bincount(sources, minlength=len(numbers))
        return numbers

    def draws_until(self, stop: Stop, *, seed: int) -> int:
        """Returns how many draws, in whole windows, a run must have to end where sources have been shown once.

        Args:
            stop: "first": the run ends before the first window in which any source begins its second pass. "all": after
                the window in which the last source ends its first pass. Tables do not count: they have no passes.
            seed: The seed of the run.

        Raises:
            ValueError: There is no such position below 2^62, as where a source's share is 0 in the end; or a second
                pass begins in the very first window.
        """
        plain = {i: part for i, part in enumerate(self._parts) if isinstance(part, int) and part > 0}
        return windows_until(self._core, seed_key(seed), checked_stop(stop), plain, self.names) * self.window

    def probabilities(self) -> torch.Tensor:
        """What each item is drawn with in the last stage, in the long run: float64 of shape (num_items,). O(N)."""
        shares = [mass / TOTAL for mass in self._stages[-1].masses]
        parts = [
            torch.full((part,), share / max(part, 1), dtype=torch.float64, device="cpu")
            if isinstance(part, int)
            else part.probabilities() * share
            for part, share in zip(self._parts, shares, strict=True)
        ]
        return torch.cat(parts)

    def __repr__(self) -> str:
        return f"Mixture({len(self._parts)} sources of {self.num_items} items, window={self.window})"
