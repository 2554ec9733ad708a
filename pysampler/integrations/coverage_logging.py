"""Coverage as numbers for loggers: TensorBoard, and whatever takes scalars."""

from __future__ import annotations

from typing import Any, Protocol

from pysampler.coverage.tracker import CoverageTracker


class ScalarWriter(Protocol):
    """What ``torch.utils.tensorboard.SummaryWriter`` offers."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> Any:
        """Logs a number."""


def coverage_scalars(tracker: CoverageTracker, *, per_class: bool = False) -> dict[str, float]:
    """Returns what a tracker knows as numbers with names. O(N / 64), or O(N) by class.

    "unique" and "fraction" of the items that have come in all, "unseen" of those that have not, "draws"; where
    epochs are tracked "unique_this_epoch" and "fraction_this_epoch"; by class "fraction/NAME", for classes with items.

    Raises:
        RuntimeError: ``per_class`` for a tracker without labels.
    """
    unique = tracker.unique
    scalars: dict[str, float] = {
        "unique": unique,
        "fraction": unique / tracker.num_items,
        "unseen": tracker.num_items - unique,
        "draws": tracker.draws,
    }
    if tracker.tracks_epochs:
        this_epoch = tracker.unique_this_epoch
        scalars |= {"unique_this_epoch": this_epoch, "fraction_this_epoch": this_epoch / tracker.num_items}
    if per_class:
        classes = tracker.class_coverage()
        for name, items, fraction in zip(classes.classes, classes.num_items, classes.fraction, strict=True):
            if items > 0:
                scalars[f"fraction/{name}"] = float(fraction)
    return scalars


def log_coverage(
    writer: ScalarWriter,
    tracker: CoverageTracker,
    step: int,
    *,
    per_class: bool = False,
    prefix: str = "coverage",
) -> None:
    """Logs coverage to TensorBoard: the scalars of ``coverage_scalars``, as "coverage/unique" and so on.

    Call it before ``tracker.new_epoch()``; over several ranks, on ``tracker.merged_over_ranks()``.

    Args:
        writer: A ``torch.utils.tensorboard.SummaryWriter``, or anything with its ``add_scalar``.
        tracker: The tracker.
        step: The step or epoch to log under.
        per_class: Whether to log each class too.
        prefix: What names begin with.

    Raises:
        RuntimeError: ``per_class`` for a tracker without labels.

    Example:
        >>> writer = SummaryWriter()
        >>> log_coverage(writer, tracker, step=epoch)
    """
    for name, value in coverage_scalars(tracker, per_class=per_class).items():
        writer.add_scalar(f"{prefix}/{name}", value, step)
