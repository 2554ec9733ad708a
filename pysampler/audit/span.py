"""Which draws an audit is about: from what, and up to where."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch.utils.data

from pysampler import _core
from pysampler.coverage.watch import WatchedSampler
from pysampler.inputs.numbers import MAX_EPOCH, check_positions, positive_count, whole_number
from pysampler.keys import seed_key
from pysampler.samplers.resumable import Resumable
from pysampler.samplers.state import read_state
from pysampler.sources.base import Source


@dataclass(frozen=True)
class DrawnSpan:
    """Epochs 0, 1, ..., ``epochs`` - 1 in full, and the first ``position`` draws of the next.

    Attributes:
        num_items: How many items there are to draw from.
        draws_per_epoch: Draws in an epoch.
        epochs: How many epochs.
        position: How many draws of the epoch after them.
        pass_draws: Opens an epoch.
    """

    num_items: int
    draws_per_epoch: int
    epochs: int
    position: int
    pass_draws: Callable[[int], _core.PassDraws]

    @property
    def total(self) -> int:
        """All draws."""
        return self.epochs * self.draws_per_epoch + self.position


def drawn_span(
    source: Any,
    state: Mapping[str, Any] | None,
    seed: int | None,
    epochs: int | None,
    position: int | None,
    num_samples: int | None,
) -> DrawnSpan:
    """Reads the arguments of ``audit_coverage``, which says what they are and what is raised."""
    if isinstance(source, Source):
        return _of_table(source, state, seed, epochs, position, num_samples)
    sampler = _innermost(source)
    if not isinstance(sampler, Resumable):
        raise TypeError(f"an audit needs a table or a sampler of pysampler, but got {type(source).__name__}")
    if seed is not None or num_samples is not None:
        raise ValueError("a sampler has its own seed and num_samples: leave them out")
    return _of_sampler(sampler, state, epochs, position)


def _innermost(source: Any) -> Any:
    """The sampler inside of batch samplers and of those that a tracker watches."""
    while not isinstance(source, Resumable):
        if isinstance(source, WatchedSampler):
            source = source.watched_sampler
        elif isinstance(source, torch.utils.data.BatchSampler):
            source = source.sampler
        else:
            break
    return source


def _of_sampler(
    sampler: Resumable, state: Mapping[str, Any] | None, epochs: int | None, position: int | None
) -> DrawnSpan:
    key = sampler.seed
    if key is None:
        raise ValueError(
            "this sampler takes a new key from a generator for every epoch, so nobody can tell what it has drawn: "
            "make it with seed="
        )
    if sampler._source_changed:
        warnings.warn(
            "the sampler's weights were set or edited between its passes, and the audit redraws all epochs with those "
            "it has now: to know what was shown, watch the sampler with a CoverageTracker",
            stacklevel=4,
        )
    source, draws = sampler.source.current(), sampler.draws_per_epoch
    if source.auditable is not None:
        raise ValueError(f"past draws of {type(source).__name__} cannot be drawn again: {source.auditable}")
    if epochs is not None:
        if state is not None:
            raise ValueError("give either state or epochs and position, not both")
        where = _where(epochs, position, draws)
    elif position is not None:
        raise ValueError("position is that of the epoch after epochs=: give both")
    else:
        stored = read_state(sampler.state_dict() if state is None else state, sampler.identity())
        if stored.source:
            source = copy.deepcopy(source)
            source.load_state(stored.source)
        where = stored.where.epoch, stored.where.position
    return DrawnSpan(source.num_items, draws, *where, lambda epoch: source.epoch(key, epoch, draws))


def _of_table(
    table: Source,
    state: Mapping[str, Any] | None,
    seed: int | None,
    epochs: int | None,
    position: int | None,
    num_samples: int | None,
) -> DrawnSpan:
    if state is not None:
        raise ValueError("a table has no state: say seed= and epochs=, or audit the sampler that the state is of")
    if seed is None:
        raise ValueError("auditing a table needs seed=: which stream was drawn?")
    if epochs is None:
        raise ValueError("auditing a table needs epochs=: how many were run?")
    if table.auditable is not None:
        raise ValueError(f"past draws of {type(table).__name__} cannot be drawn again: {table.auditable}")
    key = seed_key(seed)
    draws = positive_count(table.epoch_draws(key) if num_samples is None else num_samples, "num_samples")
    check_positions(draws, 0, 1)
    table.check_draws(draws)
    where = _where(epochs, position, draws)
    return DrawnSpan(table.num_items, draws, *where, lambda epoch: table.epoch(key, epoch, draws))


def _where(epochs: int, position: int | None, draws: int) -> tuple[int, int]:
    """Returns the numbers of full epochs and of further draws, checked."""
    rest = whole_number(0 if position is None else position, "position", 0, draws)
    return whole_number(epochs, "epochs", 0, MAX_EPOCH + (rest == 0)), rest
