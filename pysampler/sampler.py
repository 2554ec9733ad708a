"""WeightedRandomSampler: torch's class over an alias table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.utils.data

from pysampler import _core
from pysampler.arguments import check_positions, key_from_generator, positive_count, seed_key
from pysampler.passes import Passes
from pysampler.table import AliasTable
from pysampler.weights import check_shape, readable, to_tensor


class WeightedRandomSampler(torch.utils.data.WeightedRandomSampler):
    """Draws indices with given weights: a drop-in for ``torch.utils.data.WeightedRandomSampler``.

    Indices are handed out as Python ints while they are drawn, in C++: an epoch is never held in memory, the first
    index comes within microseconds, and the number of items is limited by memory only (below 2^32).

    Args:
        weights: One weight per item: 1-d tensor, array or sequence, finite and >= 0, not all zero. The sampler keeps a
            copy in the same dtype. Or an ``AliasTable``, which is shared.
        num_samples: Draws per epoch; by default the number of items.
        replacement: Whether an item may come again within an epoch. Without, the law is that of successive sampling,
            the epoch's indices (8 bytes each) are drawn at its beginning, and ``num_samples`` must not exceed the
            number of positive weights.
        generator: Where each pass takes its 64-bit key from; by default torch's global generator, so that
            ``torch.manual_seed`` works. Read when a pass begins; may be set at any time.
        seed: Instead of a generator: the same indices for the same epoch, in every process and on every machine. In
            [-2^63, 2^64).
        method: "iid": independent draws.

    A pass begins at the first ``next`` of an iterator and takes the epoch pinned by ``set_epoch``, else the one after
    the last begun. With a seed, epoch e always yields the same indices. Iterators that are running are unaffected by
    anything.

    In-place changes of ``sampler.weights`` and assignments to it are honoured when the next pass begins; the table is
    then built again, 6 to 9 ns per item.

    Raises:
        ValueError: See ``AliasTable``; num_samples that is not a positive int; seed and generator together.
        TypeError: See ``AliasTable``; replacement that is no bool.

    Example:
        >>> sampler = WeightedRandomSampler([0.1, 0.9], num_samples=3, seed=0)
        >>> len(list(sampler))
        3
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int | None = None,
        replacement: bool = True,
        generator: torch.Generator | None = None,
        *,
        seed: int | None = None,
        method: str = "iid",
    ) -> None:
        # torch's constructor is not called: it would copy the weights as float64.
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        if method != "iid":
            raise ValueError(f"method must be 'iid', but got method={method!r}")
        if seed is not None and generator is not None:
            raise ValueError("give either seed (the same indices for the same epoch) or generator, not both")
        self._key = None if seed is None else seed_key(seed)
        self._own = _OwnWeights(weights)
        self.num_samples = positive_count(len(self._own.table) if num_samples is None else num_samples, "num_samples")
        self.replacement = replacement
        self.generator = generator
        self.method = method
        self._passes = Passes()
        check_positions(self.num_samples, 0, 1)
        if not replacement:
            self._own.check_enough(self.num_samples)

    @property
    def table(self) -> AliasTable:
        """The table that the next pass draws from, built again if the weights have changed."""
        return self._own.table

    @property
    def weights(self) -> torch.Tensor:
        """The sampler's copy of the weights, in the dtype they were given in.

        If the sampler was given a table, its probabilities: built on request, and changes to them have no effect.
        """
        return self._own.weights

    @weights.setter
    def weights(self, weights: Any) -> None:
        own = _OwnWeights(weights)
        if not self.replacement:
            own.check_enough(self.num_samples)
        self._own = own

    @property
    def seed(self) -> int | None:
        """The seed modulo 2^64, or None if passes take their keys from a generator."""
        return self._key

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass, an int in [0, 2^48)."""
        self._passes.set_epoch(epoch)

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        return _core.IndexIterator(self.begin_pass)

    def begin_pass(self) -> _core.IndexSource:
        """Begins a pass and returns where its indices come from. Iterators call this at their first ``next``."""
        table = self._own.table
        if not self.replacement:
            self._own.check_enough(self.num_samples)
        # Only now, when nothing can go wrong any more, the epoch is counted and something taken from the generator.
        epoch = self._passes.begin()
        key = key_from_generator(self.generator) if self._key is None else self._key
        if self.replacement:
            pass_draws = table._pass_draws(key, epoch, self.num_samples)
            return _core.PositionSource(pass_draws, 0, 1, self.num_samples, self.num_samples)
        return _core.BufferSource(self._own.draw_without_replacement(self.num_samples, key, epoch).numpy())


class _OwnWeights:
    """A copy of the weights and the table built from it, kept in step."""

    def __init__(self, weights: Any) -> None:
        self._weights: torch.Tensor | None = None
        self._version = 0
        if isinstance(weights, AliasTable):
            self._table = weights
            return
        tensor = to_tensor(weights)
        check_shape(tensor)
        # Tensors made in inference mode do not count their changes.
        with torch.inference_mode(False):
            own = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu").copy_(tensor)
        self._table = AliasTable(own)
        self._weights, self._version = own, own._version

    @property
    def table(self) -> AliasTable:
        """The table of the weights as they are now."""
        if self._weights is not None and self._weights._version != self._version:
            version = self._weights._version
            self._table = AliasTable(self._weights)
            self._version = version
        return self._table

    @property
    def weights(self) -> torch.Tensor:
        return self._table.probabilities() if self._weights is None else self._weights

    def check_enough(self, count: int) -> None:
        """Raises ValueError unless ``count`` distinct items can be drawn."""
        source = readable(self.weights)
        positive = _core.positive_weights(
            source.data_ptr(), source.numel(), source.dtype == torch.float64, torch.get_num_threads()
        )
        if count > positive:
            raise ValueError(
                f"num_samples={count} draws without replacement need as many positive weights, but there are {positive}"
            )

    def draw_without_replacement(self, count: int, key: int, epoch: int) -> torch.Tensor:
        """Draws ``count`` distinct items, in the order of successive sampling."""
        source = readable(self.weights)
        indices = torch.empty(count, dtype=torch.int64, device="cpu")
        _core.draw_without_replacement_into(
            indices.data_ptr(),
            count,
            source.data_ptr(),
            source.numel(),
            source.dtype == torch.float64,
            self.table._core,
            key,
            epoch,
            torch.get_num_threads(),
        )
        return indices

    def __getstate__(self) -> dict[str, Any]:
        return {"weights": self._weights, "table": self.table}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Version numbers are not copied along with tensors.
        self._weights, self._table = state["weights"], state["table"]
        self._version = 0 if self._weights is None else self._weights._version
