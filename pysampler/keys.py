"""Keys of streams: from seeds and generators; and which of a stream's draws are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from pysampler.cuda.generator import key_from_cuda_generator
from pysampler.inputs.memory import address_of
from pysampler.inputs.modes import plain_tensors
from pysampler.inputs.numbers import MAX_COUNT, check_positions, epoch_number, whole_number


def seed_key(value: Any) -> int:
    """Returns the 64-bit key of a seed: an int in [-2^63, 2^64), as torch.manual_seed takes it, modulo 2^64."""
    return whole_number(value, "seed", -(2**63), 2**64 - 1) % 2**64


class StreamRange(NamedTuple):
    """Which draws are asked for: ``draws`` of them at positions start, start + step, ... of the stream (key, epoch)."""

    draws: int
    key: int
    epoch: int
    start: int
    step: int


_SMALL = 2**31  # n and step below it reach no position that is too large
_new_range = tuple.__new__


def stream_range(n: Any, seed: Any, epoch: Any, start: Any, step: Any, draws: int | None = None) -> StreamRange:
    """Returns the arguments of a draw, checked. If ``draws`` is given, positions must lie below it."""
    if (
        type(n) is type(seed) is type(epoch) is type(start) is type(step) is int
        and draws is None
        and 0 <= n < _SMALL
        and 0 <= seed < 2**64
        and 0 <= epoch < _SMALL
        and 0 <= start < _SMALL
        and 0 < step < _SMALL
    ):  # what is asked for again and again, at once
        return _new_range(StreamRange, (n, seed, epoch, start, step))
    count = whole_number(n, "n", 0, MAX_COUNT)
    first = whole_number(start, "start", 0, 2**64 - 1)
    stride = whole_number(step, "step", 1, 2**64 - 1)
    if draws is not None and count > 0 and first + (count - 1) * stride >= draws:
        raise ValueError(
            f"positions must lie within the epoch of draws={draws}, but start={first} and step={stride} lead to "
            f"{first + (count - 1) * stride} for {count} draws"
        )
    check_positions(count, first, stride)
    return StreamRange(count, seed_key(seed), epoch_number(epoch), first, stride)


def key_from_generator(generator: torch.Generator | None, device: torch.device | None = None) -> int:
    """Takes a 64-bit key from ``generator`` and advances it, by default torch's global one of ``device`` (the CPU).

    A CPU generator is advanced by one draw of 64 bits. Of a CUDA generator, seed and offset are read on the host and
    the offset is moved on: nothing waits for the device.
    """
    if generator is None and device is None:  # what small calls mostly cost
        try:
            return int(_word.refill().item()) % 2**64
        except (RuntimeError, AssertionError) as error:
            raise _no_key(error) from error
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator or None, but got {type(generator).__name__}")
    place = generator.device if generator is not None else device or torch.device("cpu")
    if place.type == "cuda":
        return key_from_cuda_generator(generator or torch.cuda.default_generators[place.index])
    on_cpu = place.type == "cpu"
    try:
        word = _word.tensor if on_cpu else torch.empty((), dtype=torch.int64, device=place)
        return int(word.random_(-(2**63), None, generator=generator).item()) % 2**64
    except (RuntimeError, AssertionError) as error:
        raise _no_key(error) from error


def _no_key(error: BaseException) -> TypeError:
    """Returns the error for when torch refuses to draw a key: inside vmap, grad and FakeTensorMode."""
    return TypeError(
        "no key can be drawn from torch's generator here: draw before, and hand the draws to the function; in vmap "
        f"randomness='same' draws once for all, and draws that are given seed= need no generator [torch: {error}]"
    )


def word_of_keys() -> tuple[Callable[[], object], int]:
    """Returns what draws this thread's next key from torch's global generator of the CPU, and the address it comes to.

    For C++, which so takes the same key as ``key_from_generator(None)`` without Python in between.
    """
    return _word.refill, _word.address


class _Word(threading.local):
    """Where a thread's keys are drawn: a new tensor for each would cost more than the key."""

    tensor: torch.Tensor
    refill: Callable[[], torch.Tensor]
    address: int

    def __getattr__(self, name: str) -> Any:  # of a thread that has none yet
        if name not in ("tensor", "refill", "address"):
            raise AttributeError(name)
        with plain_tensors():
            tensor = torch.empty((), dtype=torch.int64, device="cpu")
        self.address = address_of(tensor, "the key")  # TypeError, and another try the next time
        self.refill = partial(tensor.random_, -(2**63), None)
        self.tensor = tensor
        return getattr(self, name)


_word = _Word()
