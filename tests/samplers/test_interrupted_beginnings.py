"""Ctrl-C while a pass begins: wherever it comes, no pass is skipped."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
import torch

from pysampler import WeightedBatchSampler, WeightedRandomSampler
from pysampler.samplers import passes, resumable

BEGINNING = {passes.__file__, resumable.__file__}


class _At:
    """Raises KeyboardInterrupt at so many a line of those in which a pass begins."""

    def __init__(self, line: int) -> None:
        self._left = line

    def __call__(self, frame: FrameType, event: str, argument: Any) -> _At:
        if event == "line" and frame.f_code.co_filename in BEGINNING:
            self._left -= 1
            if self._left == 0:
                raise KeyboardInterrupt
        return self


def _interrupted(iterator: Any, line: int) -> bool:
    before = sys.gettrace()
    sys.settrace(_At(line))
    try:
        next(iterator)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("batches", [False, True])
def test_a_pass_whose_beginning_was_interrupted_comes_next(batches: bool) -> None:
    def made() -> WeightedRandomSampler:
        return WeightedRandomSampler(torch.ones(9), 20, seed=3)

    first, second = (list(sampler) for sampler in (made(),) * 2)
    assert first != second
    lines, begun = 0, []
    for line in range(1, 200):
        sampler = made()
        iterated = WeightedBatchSampler(sampler, 20) if batches else sampler
        if not _interrupted(iter(iterated), line):
            lines = line - 1
            break
        epoch = sampler.state_dict()["epoch"]
        drawn = list(iterated)
        got = drawn[0] if batches else drawn
        if got == second:
            begun.append(line)
        else:
            assert (epoch, got) == (0, first), f"line {line}"
    assert lines > 20
    assert begun == list(range(lines - len(begun) + 1, lines + 1))
    assert len(begun) <= 4  # those that leave the block
