"""Which draws an audit is about: from what, and up to where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pysampler import _core
from pysampler.arguments import MAX_EPOCH, check_positions, positive_count, seed_key, whole_number


@dataclass(frozen=True)
class DrawnSpan:
    """Epochs 0, 1, ..., ``epochs`` - 1 in full, and the first ``position`` draws of the next.

    Attributes:
        items: How many items there are to draw from.
        draws_per_epoch: Draws in an epoch.
        epochs: How many epochs.
        position: How many draws of the epoch after them.
        pass_draws: Opens an epoch.
    """

    items: int
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
    if hasattr(source, "_pass_draws"):
        return _of_table(source, state, seed, epochs, position, num_samples)
    raise TypeError(f"an audit needs a table or a pysampler sampler, but got {type(source).__name__}")


def _of_table(
    table: Any,
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
    draws = positive_count(len(table) if num_samples is None else num_samples, "num_samples")
    check_positions(draws, 0, 1)
    key = seed_key(seed)
    where = _where(epochs, position, draws)
    return DrawnSpan(len(table), draws, *where, lambda epoch: table._pass_draws(key, epoch, draws))


def _where(epochs: int, position: int | None, draws: int) -> tuple[int, int]:
    """Returns the numbers of full epochs and of further draws, checked."""
    rest = whole_number(0 if position is None else position, "position", 0, draws)
    return whole_number(epochs, "epochs", 0, MAX_EPOCH + (rest == 0)), rest
