"""PassKeys: which key a pass draws with."""

from __future__ import annotations

import base64
import binascii
import threading
from dataclasses import replace
from typing import Any

import torch

from pysampler.keys import key_from_generator, seed_key
from pysampler.samplers.passes import Pass


class PassKeys:
    """A sampler's keys: one for all passes if it has a seed, else one for each, taken from a generator.

    Args:
        seed: In [-2^63, 2^64), or None.
        generator: Read when a pass begins; None is torch's global one. May be set at any time.
        one_key: Whether passes without a seed share the key that the first one takes.

    Raises:
        ValueError: Both a seed and a generator.
        TypeError: A seed that is no integer.
    """

    def __init__(self, seed: Any, generator: torch.Generator | None, one_key: bool) -> None:
        if seed is not None and generator is not None:
            raise ValueError("give either seed (the same indices for the same epoch) or generator, not both")
        self.seed = None if seed is None else seed_key(seed)
        self.generator = generator
        self._one_key = one_key
        self._kept: int | None = None
        self._before: torch.Tensor | None = None  # the generator's state before it gave the last pass its key
        self._rewind = False  # whether to go back there when a loaded pass begins
        self._lock = threading.RLock()  # passes begin on any thread

    def known(self, where: Pass) -> Pass:
        """Returns a pass with its key, if that is known already."""
        if self.seed is not None:
            return replace(where, key=self.seed, stream_epoch=where.epoch)
        if where.key is None and self._kept is not None:
            return replace(where, key=self._kept, stream_epoch=where.epoch)
        return where

    def taken(self, where: Pass) -> tuple[Pass, torch.Tensor | None]:
        """Returns a pass that begins, with its key: taken from the generator now, unless it has one.

        Returns:
            The pass, and the state of the sampler's own generator before its key was taken: None if it has none, or if
            the state that was loaded did not tell.
        """
        with self._lock:
            return self._taken(where)

    def _taken(self, where: Pass) -> tuple[Pass, torch.Tensor | None]:
        if self._rewind and self._before is not None and self.generator is not None:
            # Whatever has drawn from it since the state was loaded has drawn what it had drawn before.
            self._set_generator(self._before, where.key is not None)
        self._rewind = False
        where = self.known(where)
        if where.key is not None:
            return where, self._before
        before = self._current_state()
        key = key_from_generator(self.generator)
        self._before = before
        if not self._one_key:
            stream_epoch = where.epoch if where.pinned else 0
            return Pass(where.epoch, where.position, key, stream_epoch, where.pinned), before  # quicker than replace()
        self._kept = key
        return replace(where, key=key, stream_epoch=where.epoch), before

    def generator_state(self, where: Pass) -> torch.Tensor | None:
        """The state of the sampler's own generator as it was before ``where`` had its key; None if it is not known."""
        return self._current_state() if where.key is None else self._before

    def _current_state(self) -> torch.Tensor | None:
        if self.generator is None or self.seed is not None:
            return None
        return self.generator.get_state() if isinstance(self.generator, torch.Generator) else None

    def load(self, where: Pass, generator_state: torch.Tensor | None, finished: bool) -> None:
        """Goes on with the keys of a pass that was loaded.

        Args:
            where: The pass.
            generator_state: The generator's state before the pass had its key, if the state told it.
            finished: Whether the pass has come to its end.
        """
        with self._lock:
            if self._one_key:
                self._kept = where.key
            self._before, self._rewind = None, False
            if generator_state is not None and self.seed is None and self.generator is not None:
                self._set_generator(generator_state, where.key is not None)
                self._before, self._rewind = generator_state, not finished

    def _set_generator(self, state: torch.Tensor, key_taken: bool) -> None:
        assert self.generator is not None
        try:
            self.generator.set_state(state)
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"the state is of another kind of generator: {error}") from None
        if key_taken:
            key_from_generator(self.generator)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()


def generator_text(state: torch.Tensor | None) -> str | None:
    """Returns a generator's state as text, for JSON."""
    return None if state is None else base64.b64encode(state.cpu().numpy().tobytes()).decode("ascii")


def generator_from_text(text: Any) -> torch.Tensor | None:
    """Returns what ``generator_text`` was given. ValueError if it cannot have been."""
    if text is None:
        return None
    try:
        if not isinstance(text, str):
            raise TypeError(f"it is {type(text).__name__}")
        return torch.frombuffer(bytearray(base64.b64decode(text, validate=True)), dtype=torch.uint8).clone()
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError(f"the state is damaged: generator is no text of a generator's state ({error})") from None
