"""CoverageCallback: logs in Lightning what training has seen.

Works with ``lightning`` and ``pytorch_lightning``: import the one that is used first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed

from pysampler.coverage.tracker import CoverageTracker
from pysampler.integrations.coverage_logging import coverage_scalars
from pysampler.integrations.lightning_base import callback_class

Callback = callback_class()


class CoverageCallback(Callback):  # type: ignore[misc, valid-type]
    """Logs coverage at the end of each training epoch, over all ranks, and keeps it in checkpoints.

    Logged are the scalars of ``coverage_scalars`` as "coverage/unique" and so on, to whatever loggers the Trainer has;
    other callbacks can monitor them. Then the tracker's next epoch begins.

    What is counted: with ``indices``, what was trained on, for which batches have to carry the indices of their items.
    Without, whatever the tracker is fed otherwise, as by ``tracker.watch(sampler)``: what was drawn, which with workers
    is ahead of training, and with ``limit_train_batches`` more than what is trained on.

    Args:
        tracker: One for each rank, of all items of the dataset.
        indices: Where in a batch the indices are: a key or position, as in ``batch["index"]`` or ``batch[2]``, or a
            function of the batch that returns them.
        per_class: Whether to log each class too; the tracker needs labels.
        prefix: What names begin with.

    A checkpoint holds the tracker of all ranks together, N / 8 bytes and more; saving one is a collective call, as
    Lightning requires anyway. Any number of ranks can go on from it.

    Raises:
        TypeError: ``tracker`` is none.
        RuntimeError: ``per_class`` for a tracker without labels.

    Example:
        >>> tracker = CoverageTracker(len(dataset))
        >>> trainer = Trainer(callbacks=[CoverageCallback(tracker, indices="index")])
    """

    def __init__(
        self,
        tracker: CoverageTracker,
        *,
        indices: Callable[[Any], Any] | str | int | None = None,
        per_class: bool = False,
        prefix: str = "coverage",
    ) -> None:
        super().__init__()
        if not isinstance(tracker, CoverageTracker):
            raise TypeError(f"tracker must be a pysampler.CoverageTracker, but got {type(tracker).__name__}")
        if per_class and tracker.labels is None:
            raise RuntimeError("per_class needs a tracker that knows the classes: make it with labels=")
        self.tracker = tracker
        self._indices = indices
        self._per_class = per_class
        self._prefix = prefix

    @property
    def state_key(self) -> str:
        """What the state is called in checkpoints: one for each prefix."""
        return f"pysampler.CoverageCallback[{self._prefix}]"

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Marks the batch's indices."""
        if self._indices is not None:
            self.tracker.update(self._indices(batch) if callable(self._indices) else batch[self._indices])

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Logs, and begins the next epoch."""
        scalars = coverage_scalars(self._everywhere(), per_class=self._per_class)
        # They are the same on all ranks already; sync_dist keeps Lightning from doubting it.
        pl_module.log_dict({f"{self._prefix}/{name}": float(value) for name, value in scalars.items()}, sync_dist=True)
        self.tracker.new_epoch()

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the state of all ranks together."""
        checkpoint[self.state_key] = self._everywhere().state_dict()

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Goes on from it, if there is one: on rank 0, so that it counts once when ranks are merged again."""
        state = checkpoint.get(self.state_key)
        if state is not None:
            self.tracker.load_state_dict(state if trainer.global_rank == 0 else _emptied(state))

    def _everywhere(self) -> CoverageTracker:
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        return self.tracker.merged_over_ranks() if several else self.tracker


def _emptied(state: dict[str, Any]) -> dict[str, Any]:
    zeros = {name: torch.zeros_like(value) for name, value in state.items() if isinstance(value, torch.Tensor)}
    kept = {name: value for name, value in state.items() if name != "checksum"}  # which is that of the whole
    return {**kept, **zeros, "draws": 0, "draws_this_epoch": 0}
