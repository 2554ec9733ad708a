"""Keys from CUDA generators: read and moved on by the host alone. A stand-in shows it where there is no GPU."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pysampler.cuda.generator import key_from_cuda_generator
from pysampler.philox import TAG_GENERATOR_KEY, words


class StandIn:
    """The part of a CUDA generator that may be used: anything else is an AttributeError."""

    def __init__(self, seed: int, offset: int = 0) -> None:
        self._seed, self._offset = seed, offset

    def initial_seed(self) -> int:
        return self._seed

    def get_offset(self) -> int:
        return self._offset

    def set_offset(self, offset: int) -> None:
        assert offset % 4 == 0  # what torch demands
        self._offset = offset


@pytest.fixture(autouse=True)
def capturing(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a graph is being captured; no."""
    state = [False]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: state[0])
    return state


def keys(generator: StandIn, count: int) -> list[int]:
    return [key_from_cuda_generator(generator) for _ in range(count)]  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_keys_and_each_call_another() -> None:
    first = keys(StandIn(7), 100)
    assert first == keys(StandIn(7), 100)
    assert len(set(first) | set(keys(StandIn(8), 100))) == 200
    assert all(0 <= key < 2**64 for key in first)
    assert max(first) > 2**63  # all 64 bits


def test_going_on_from_a_saved_offset_gives_the_same_keys() -> None:
    generator = StandIn(-5)
    first = keys(generator, 3)
    assert keys(StandIn(-5, 4 * 2), 1) == first[2:]


def test_keys_are_words_of_a_stream_of_their_own() -> None:
    assert keys(StandIn(3, 40), 1) == [int(words(3, 0, TAG_GENERATOR_KEY, 40, 41)[0])]
    assert TAG_GENERATOR_KEY == 32  # frozen, as csrc/core/stream.h has it


def test_no_key_is_taken_while_a_graph_is_captured(capturing: list[bool]) -> None:
    capturing[0] = True
    generator = StandIn(1)
    with pytest.raises(RuntimeError, match=r"a CUDA graph cannot hold a key .* torch\.ops\.pysampler\.draw"):
        keys(generator, 1)
    assert generator.get_offset() == 0


def test_threads_never_take_the_same_key() -> None:
    class Slow(StandIn):
        def get_offset(self) -> int:
            offset = super().get_offset()
            time.sleep(0.001)  # others get their turn
            return offset

    generator = Slow(1)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys(generator, 1)[0], range(40)))
    assert len(set(found)) == 40
