"""What past epochs showed, drawn again: coverage from a seed or a sampler's state alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.audit.span import DrawnSpan, drawn_span
from pysampler.coverage import marks
from pysampler.coverage.classes import ClassCoverage
from pysampler.coverage.tracker import CoverageTracker
from pysampler.inputs.indices import flat_indices
from pysampler.progress import progress_bar
from pysampler.renamed import HasOldNames, Renamed

_LISTED_DRAWS = 2**22  # of short epochs that are redrawn together
_LISTED_EPOCHS = 4096  # of which there are at most so many
_PIECE_DRAWS = 2**26  # of a long epoch; between two steps of a progress bar


@dataclass(frozen=True, eq=False)
class CoverageAudit(HasOldNames):
    """What a run has shown. Made by ``audit_coverage``.

    Attributes:
        num_items: N: all items, those of weight zero included.
        epochs: How many epochs were run in full.
        position: How many draws of the epoch after them.
        draws_per_epoch: Draws in an epoch.
        unique: How many distinct items have come. If a tracker was given that had seen items before, with these.
        tracker: The marks: what else there is to ask, and saving.
    """

    num_items: int
    epochs: int
    position: int
    draws_per_epoch: int
    unique: int
    tracker: CoverageTracker

    @property
    def draws(self) -> int:
        """How many draws that were, over all ranks."""
        return self.epochs * self.draws_per_epoch + self.position

    @property
    def fraction(self) -> float:
        """Share of the items that have come, in [0, 1]."""
        return self.unique / self.num_items

    def unseen_items(self) -> torch.Tensor:
        """Returns the items that have not come: int64 of shape (N - unique,), ascending, on the CPU. O(N)."""
        return self.tracker.unseen_items()

    @property
    def counts(self) -> torch.Tensor:
        """How often each item came, at most 65535: int32 of shape (N,), on the CPU. O(N).

        Raises:
            RuntimeError: The audit was made without ``counts=True``.
        """
        return self.tracker.counts

    def class_coverage(self) -> ClassCoverage:
        """Returns coverage by class. O(N).

        Raises:
            RuntimeError: The audit was made without ``labels``.
        """
        return self.tracker.class_coverage()

    items = Renamed("num_items")
    never_seen = Renamed("unseen_items", called=True)
    per_class = Renamed("class_coverage", called=True)

    def __str__(self) -> str:
        ended, rest = divmod(self.position, self.draws_per_epoch)
        more = f" and {rest} draws" if rest else ""
        return (
            f"{self.unique} of {self.num_items} items seen ({100 * self.fraction:.1f} %) "
            f"after {self.epochs + ended} epochs{more} of {self.draws_per_epoch} draws"
        )


def audit_coverage(
    source: Any,
    state: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    epochs: int | None = None,
    position: int | None = None,
    num_samples: int | None = None,
    counts: bool = False,
    labels: Any = None,
    tracker: CoverageTracker | None = None,
    progress: bool = False,
) -> CoverageAudit:
    """Redraws what training was shown, and reports it: all of epochs 0, 1, ..., ``epochs`` - 1, then ``position`` more.

    Nothing needs to have been recorded. Draws are counted over all ranks, without padding; epochs that were skipped
    by ``set_epoch`` or cut short count as run. All epochs are redrawn with the weights that the source has now.

    Args:
        source: A seeded sampler (or a batch sampler around one), or a table.
        state: Samplers only: what ``state_dict()`` returned; it says which epoch and position. By default the
            sampler's state now.
        seed: Tables only: of the stream.
        epochs: For a table, or instead of ``state``: full epochs.
        position: Draws of the epoch after them, by default 0.
        num_samples: Tables only: draws per epoch, by default the number of items; of ``UnderSampling`` and
            ``MPerClassBatches`` their own.
        counts: Whether to count how often each item came.
        labels: For ``class_coverage``; whatever ``read_labels`` reads.
        tracker: Marks are added to this one, for instance to go on with it; instead of ``counts`` and ``labels``.
        progress: Show a bar; needs tqdm.

    Cost: that of drawing, and a random memory access per draw: 1.5 to 2 times the draws alone. Threads:
    ``torch.get_num_threads()``. Memory: N / 8 bytes, 2 N more with counts; draws are never listed, except where an
    epoch is drawn without replacement (8 bytes for each draw of one epoch). Interruptible by Ctrl-C.

    Warns if weights were set or edited between this sampler's passes: what was really shown, only a tracker that
    watched it can tell.

    Raises:
        ValueError: An unseeded sampler; a state of another sampler; arguments out of range or of the other kind of
            source, or missing; a tracker of another number of items.
        TypeError: A source that is neither; a tracker that is none.
        ImportError: ``progress`` without tqdm.

    Example:
        >>> print(audit_coverage(AliasTable([1.0] * 100), seed=0, epochs=3))
        94 of 100 items seen (94.0 %) after 3 epochs of 100 draws
    """
    span = drawn_span(source, state, seed, epochs, position, num_samples)
    if tracker is None:
        tracker = CoverageTracker(span.num_items, counts=counts, epochs=False, labels=labels)
    elif not isinstance(tracker, CoverageTracker):
        raise TypeError(f"tracker must be a CoverageTracker, but got {type(tracker).__name__}")
    elif counts or labels is not None:
        raise ValueError("counts and labels are the tracker's: give them to it instead")
    if tracker.num_items != span.num_items:
        raise ValueError(f"the tracker has num_items={tracker.num_items}, but there are {span.num_items} to draw from")
    for first, passes, start, draws in _redrawn(span, "coverage audit", progress):
        if first == span.epochs:
            tracker._end_epochs(span.epochs)
        tracker._mark_draws(passes, start, draws)
    if span.position == 0:
        tracker._end_epochs(span.epochs)
    return CoverageAudit(span.num_items, span.epochs, span.position, span.draws_per_epoch, tracker.unique, tracker)


def positions_of(
    items: Any,
    source: Any,
    state: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    epochs: int | None = None,
    position: int | None = None,
    num_samples: int | None = None,
    progress: bool = False,
) -> torch.Tensor | dict[int, torch.Tensor]:
    """Tells when items were drawn, by drawing again: in which epochs, at which positions.

    Args:
        items: An item, or several as a list, array or tensor.
        source: As for ``audit_coverage``, and so is what follows.
        state: As for ``audit_coverage``.
        seed: As for ``audit_coverage``.
        epochs: As for ``audit_coverage``.
        position: As for ``audit_coverage``.
        num_samples: As for ``audit_coverage``.
        progress: As for ``audit_coverage``.

    Returns:
        For one item, an int64 tensor of shape (times drawn, 2) of (epoch, position), in order. For several, a dict from
        item to such a tensor. In an epoch run from its beginning, rank r of w handed out the positions r, r + w, ...

    Cost: that of drawing; N / 8 bytes, 24 more for each time an item was drawn. Interruptible by Ctrl-C.

    Raises:
        IndexError: An item outside [0, N).
        ValueError: See ``audit_coverage``.
        TypeError: See ``audit_coverage``; items that are no integers.

    Example:
        >>> positions_of(7, AliasTable([1.0] * 10), seed=0, epochs=2).tolist()
        [[1, 2]]
    """
    span = drawn_span(source, state, seed, epochs, position, num_samples)
    flat = flat_indices(items)
    wanted = marks.empty_words(span.num_items)
    marks.mark(flat, wanted, None, span.num_items)
    parts: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    for first, passes, start, draws in _redrawn(span, "looking for items", progress):
        found = marks.find_draws(passes, start, draws, wanted, span.num_items)
        parts.append(found + np.array([first, 0, 0]))
    sightings = np.concatenate(parts)
    if _is_single(items):
        return torch.from_numpy(sightings[:, :2].copy())
    return _by_item(np.unique(flat), sightings)


def _by_item(items: NDArray[np.int64], sightings: NDArray[np.int64]) -> dict[int, torch.Tensor]:
    ordered = sightings[np.argsort(sightings[:, 2], kind="stable")]
    begins = np.searchsorted(ordered[:, 2], items, side="left").tolist()
    ends = np.searchsorted(ordered[:, 2], items, side="right").tolist()
    return {
        item: torch.from_numpy(ordered[begin:end, :2].copy())
        for item, begin, end in zip(items.tolist(), begins, ends, strict=True)
    }


def _redrawn(span: DrawnSpan, title: str, progress: bool) -> Iterator[tuple[int, list[_core.PassDraws], int, int]]:
    """Yields (first epoch, it and the following ones, start, draws) of each piece, with a progress bar if wanted."""
    with progress_bar(span.total, title, "draw", progress) as advance:
        for first, count, start, draws in _pieces(span):
            yield first, [span.pass_draws(epoch) for epoch in range(first, first + count)], start, draws
            advance(count * draws)


def _pieces(span: DrawnSpan) -> Iterator[tuple[int, int, int, int]]:
    """Yields (first epoch, how many, start, draws): positions [start, start + draws) of those epochs.

    Together they are the whole span, in order. Of short epochs many come at once, of long ones a part.
    """
    together = min(max(1, _LISTED_DRAWS // span.draws_per_epoch), _LISTED_EPOCHS)
    if together > 1:
        for first in range(0, span.epochs, together):
            yield first, min(together, span.epochs - first), 0, span.draws_per_epoch
        rest = range(span.epochs, span.epochs + 1)
    else:
        rest = range(span.epochs + 1)
    for epoch in rest:
        draws = span.position if epoch == span.epochs else span.draws_per_epoch
        for start in range(0, draws, _PIECE_DRAWS):
            yield epoch, 1, start, min(_PIECE_DRAWS, draws - start)


def _is_single(items: Any) -> bool:
    return items.ndim == 0 if hasattr(items, "ndim") else not isinstance(items, Iterable)
