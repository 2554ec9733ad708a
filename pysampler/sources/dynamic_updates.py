"""How the weights of a dynamic table are changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed

from pysampler.sources.dynamic_batch import Batch, check_appended, index_batch, update_at_once, weight_batch
from pysampler.sources.dynamic_log import UpdateLog
from pysampler.sources.dynamic_ranks import RankBatch, gathered
from pysampler.sources.dynamic_readings import DynamicReadings


class DynamicUpdates(DynamicReadings):
    """The changes of a ``DynamicTable``. Each is made as a whole, or not at all."""

    _log: UpdateLog | None

    def update(self, indices: Any, weights: Any) -> None:
        """Gives items new weights, all at once: other threads see none or all of them.

        Args:
            indices: Integers in [0, N), any shape; of one that comes several times the last weight counts.
            weights: As many numbers, finite and >= 0, or a single one for all. Rounded to the table's dtype.

        Cost: see the benchmarks; some ten nanoseconds each for batches. A change of the scale, which is rare, makes all
        masses anew, O(N).

        Raises:
            ValueError: An index out of range, a weight that is negative, NaN or infinite (in the table's dtype too), or
                positive but zero in it; not as many weights as indices. Nothing is changed.
            TypeError: Not integers, or not numbers.
            RuntimeError: Called by a signal handler in the middle of a draw of this table by the same thread.
        """
        if self._log is None and update_at_once(self._core, indices, weights):
            return
        places = index_batch(indices)
        values = weight_batch(weights, self._dtype, places.entries)
        if self._log is None:
            self._update(places, values)
        else:  # copies, so that the log has what the table got whoever writes to the originals
            kept = index_batch(_copied(places).numpy()), weight_batch(_copied(values).numpy(), self._dtype)
            self._log.change(kept[0].owner, kept[1].owner, lambda: self._update(*kept))

    def _update(self, places: Batch, values: Batch) -> None:
        self._core.update(places.address, values.address, places.entries, torch.get_num_threads())

    def update_on_all_ranks(self, indices: Any, weights: Any, *, group: Any = None) -> None:
        """Updates by all ranks of ``torch.distributed``, each with its own batch: the same table is left on every rank.

        A collective call: all ranks make it, with as many updates as each has, or none. They count in the order of
        ranks, and of one rank in that of its batch: of an item that comes several times the last weight counts, so that
        of the highest rank that has one. Without an initialised process group it is ``update``.

        Args:
            indices: As for ``update``.
            weights: As for ``update``.
            group: The process group; by default that of all ranks.

        Cost: two gatherings, of 40 bytes and of 16 bytes for each weight of the largest batch, and an update of all.

        Raises:
            ValueError: As for ``update``; or the tables differed before. On all ranks alike, naming those at fault, and
                nothing is changed on any.
        """
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            self.update(indices, weights)
            return
        nothing = torch.empty(0, dtype=torch.int64, device="cpu"), torch.empty(0, dtype=self._dtype, device="cpu")
        try:
            mine = RankBatch(*self._checked_batch(indices, weights))
        except (ValueError, TypeError) as error:  # the others are about to gather
            mine = RankBatch(*nothing, error=str(error))
        self.update(*gathered(mine, self.fingerprint, group))

    def _checked_batch(self, indices: Any, weights: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Indices and weights that ``update`` takes. The same errors."""
        places = index_batch(indices)
        values = weight_batch(weights, self._dtype, places.entries)
        self._core.check(places.address, values.address, places.entries)
        return _copied(places), _copied(values)

    def append(self, weights: Any) -> None:
        """Adds items at the end, with the indices N, N + 1, ...

        Args:
            weights: As for the constructor, or a single number. Rounded to the table's dtype.

        Raises:
            ValueError: As for ``update``; more than 2^32 - 1 items. Nothing is changed.
        """
        values = weight_batch(weights, self._dtype)
        check_appended(weights)
        if self._log is None:
            self._append(values)
        else:
            kept = weight_batch(_copied(values).numpy(), self._dtype)
            self._log.change(None, kept.owner, lambda: self._append(kept))

    def _append(self, values: Batch) -> None:
        self._core.append(values.address, values.entries, torch.get_num_threads())


def _copied(batch: Batch) -> torch.Tensor:
    """A flat copy."""
    owner = torch.from_numpy(batch.owner.copy()) if isinstance(batch.owner, np.ndarray) else batch.owner.detach()
    return owner.reshape(-1).clone()
