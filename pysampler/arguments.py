"""Checks of whole-number arguments and keys, one place for each."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import torch

from pysampler.cuda.generator import key_from_cuda_generator

MAX_EPOCH = 2**48 - 1
MAX_POSITION = 2**63 - 1
MAX_COUNT = 2**60 - 1  # of int64 that an address space could hold


def whole_number(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Returns ``value`` as an int.

    Raises:
        TypeError: Not an integer; bool counts as none.
        ValueError: Outside [least, most].
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, but got {name}={value}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, but got {name}={value!r}") from None
    if number < least or (most is not None and number > most):
        limits = f">= {least}" if most is None else f"in [{least}, {most}]"
        raise ValueError(f"{name} must be {limits}, but got {name}={number}")
    return number


def positive_count(value: Any, name: str, most: int = MAX_COUNT) -> int:
    """Returns ``value`` as an int. ValueError in torch's words unless it is a positive integer (and no bool)."""
    try:
        return whole_number(value, name, 1, most)
    except (TypeError, ValueError):
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}") from None


def drop_last_flag(value: Any) -> bool:
    """Returns ``value``. ValueError in torch's words unless it is a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"drop_last should be a boolean value, but got drop_last={value}")
    return value


def epoch_number(value: Any) -> int:
    """Returns ``value`` as an epoch: an int in [0, 2^48)."""
    return whole_number(value, "epoch", 0, MAX_EPOCH)


def seed_key(value: Any) -> int:
    """Returns the 64-bit key of a seed: an int in [-2^63, 2^64), as torch.manual_seed takes it, modulo 2^64."""
    return whole_number(value, "seed", -(2**63), 2**64 - 1) % 2**64


def check_positions(count: int, start: int, step: int) -> None:
    """Raises ValueError if the last of ``count`` positions lies beyond 2^63 - 1."""
    if count > 0 and start + (count - 1) * step > MAX_POSITION:
        raise ValueError(
            f"positions must stay below 2^63, but start={start} and step={step} lead to "
            f"{start + (count - 1) * step} for {count} draws"
        )


class StreamRange(NamedTuple):
    """Which draws are asked for: ``draws`` of them at positions start, start + step, ... of the stream (key, epoch)."""

    draws: int
    key: int
    epoch: int
    start: int
    step: int


def stream_range(n: Any, seed: Any, epoch: Any, start: Any, step: Any) -> StreamRange:
    """Returns the arguments of a draw, checked."""
    count = whole_number(n, "n", 0, MAX_COUNT)
    first = whole_number(start, "start", 0, 2**64 - 1)
    stride = whole_number(step, "step", 1, 2**64 - 1)
    check_positions(count, first, stride)
    return StreamRange(count, seed_key(seed), epoch_number(epoch), first, stride)


def key_from_generator(generator: torch.Generator | None, device: torch.device | None = None) -> int:
    """Takes a 64-bit key from ``generator`` and advances it, by default torch's global one of ``device`` (the CPU).

    A CPU generator is advanced by one draw of 64 bits. Of a CUDA generator, seed and offset are read on the host and
    the offset is moved on: nothing waits for the device.
    """
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator or None, but got {type(generator).__name__}")
    place = generator.device if generator is not None else device or torch.device("cpu")
    if place.type == "cuda":
        return key_from_cuda_generator(generator or torch.cuda.default_generators[place.index])
    word = torch.empty((), dtype=torch.int64, device=place).random_(-(2**63), None, generator=generator)
    return int(word.item()) % 2**64
