"""What a replay buffer is given: tensors without memory, and text."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pysampler.replay import PrioritizedReplay


def freed(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor whose memory was given back."""
    tensor = torch.ones(*shape, dtype=dtype)
    tensor.untyped_storage().resize_(0)
    return tensor


def test_items_and_priorities_whose_memory_was_freed_are_named_and_change_nothing() -> None:
    replay = PrioritizedReplay(4)
    replay.extend(torch.ones(2, 3))
    before = replay.priorities.table.fingerprint
    slots = torch.arange(2)
    for call in (
        lambda: replay.add(freed(3)),
        lambda: replay.extend(freed(2, 3)),
        lambda: replay.extend(torch.ones(2, 3), freed(2)),
        lambda: replay.update([0, 1], freed(1)),
        lambda: replay.update(freed(2, dtype=torch.int64), 1.0),
        lambda: replay.priorities.set(slots, freed(1)),
        lambda: replay.priorities.set(slots, freed(2, dtype=torch.float64)),
        lambda: replay.priorities.set(freed(2, dtype=torch.int64), 1.0),
        lambda: replay.priorities[freed(2, dtype=torch.int64)],
        lambda: replay.priorities.load_state_dict({**replay.priorities.state_dict(), "priorities": freed(4)}),
        lambda: replay.load_state_dict({**replay.state_dict(), "items": freed(2, 3)}),
    ):
        with pytest.raises(TypeError, match="memory"):
            call()
    assert len(replay) == 2
    assert replay.priorities.table.fingerprint == before
    with pytest.raises(ValueError, match="must be a tensor"):
        replay.priorities.load_state_dict({**replay.priorities.state_dict(), "priorities": [1.0] * 4})


@pytest.mark.parametrize("name", ["alpha", "beta", "eps"])
@pytest.mark.parametrize("text", ["0.5", b"0.5"])
def test_text_that_spells_a_number_is_none(name: str, text: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a number"):
        PrioritizedReplay(4, **{name: text})
    replay = PrioritizedReplay(4)
    replay.add(torch.ones(1))
    if name != "eps":
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            setattr(replay, name, text)
    with pytest.raises(TypeError, match="beta must be a number"):
        replay.sample(1, beta=text)
