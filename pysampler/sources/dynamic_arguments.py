"""Arguments that a dynamic table checks alike on the CPU and on a GPU."""

from __future__ import annotations

from typing import Any

from pysampler.inputs.numbers import real_number, whole_number
from pysampler.inputs.shown import shown
from pysampler.keys import StreamRange, stream_range


def strata_of(n: Any, seed: Any, epoch: Any, start: Any, step: Any, stratified: bool | int) -> tuple[StreamRange, int]:
    """Returns what is to be drawn, and from how many equal shares of the total in turn: 0 for all of it.

    Raises:
        ValueError, TypeError: An argument out of range or of the wrong type.
    """
    wanted = stream_range(n, seed, epoch, start, step)
    if isinstance(stratified, bool):
        return wanted, wanted.draws if stratified else 0
    return wanted, whole_number(stratified, "stratified", 1, 2**54)


def correction_strength(beta: Any, normalise: Any) -> float:
    """Returns the beta of ``importance_weights`` as a float.

    Raises:
        ValueError: Not a number >= 0, or another ``normalise``.
        TypeError: No number at all.
    """
    strength = real_number(beta, "beta")
    if strength < 0:
        raise ValueError(f"beta must be a number >= 0, but got beta={shown(beta)}")
    if normalise not in ("batch", "table"):
        raise ValueError(f'normalise must be "batch" or "table", but got {shown(normalise)}')
    return strength
