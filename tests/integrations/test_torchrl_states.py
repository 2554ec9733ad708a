"""States of the PrioritizedSampler for torchrl: its own, and those of torchrl's."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from optional import require

data: Any = require("torchrl.data")
samplers: Any = require("torchrl.data.replay_buffers.samplers")

from torchrl_buffers import buffer_of, trained, weights_of  # noqa: E402

from pysampler.integrations.torchrl import PrioritizedSampler  # noqa: E402

HAS_TREES = samplers.SumSegmentTreeFp32 is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("through", ["state_dict", "torch.save", "dumps", "pickle", "deepcopy"])
def test_a_sampler_goes_on_from_its_state_with_the_same_batches(
    through: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    buffer = trained(seed=7, dtype=dtype)
    other = buffer_of(20, 0.1, 0.1, seed=1, dtype=dtype)
    other.extend(torch.arange(30))
    if through == "state_dict":
        other.sampler.load_state_dict(buffer.sampler.state_dict())
    elif through == "torch.save":
        torch.save(buffer.state_dict(), tmp_path / "state.pt")
        other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    elif through == "dumps":
        buffer.dumps(tmp_path)
        other.loads(tmp_path)
    elif through == "pickle":
        other._sampler = pickle.loads(pickle.dumps(buffer.sampler))
    else:
        other._sampler = copy.deepcopy(buffer.sampler)
    assert (other.sampler.alpha, other.sampler.beta) == (0.7, 0.5)
    assert other.sampler._max_priority == buffer.sampler._max_priority
    for _ in range(3):
        (a, info_a), (b, info_b) = buffer.sample(8, return_info=True), other.sample(8, return_info=True)
        assert torch.equal(a, b)
        assert torch.equal(info_a["index"], info_b["index"])
        assert torch.equal(info_a["priority_weight"], info_b["priority_weight"])
        for each in (buffer, other):
            each.update_priority(info_a["index"], a / 30.0)
            each.add(torch.tensor(5))


def test_a_state_is_a_copy() -> None:
    sampler = trained().sampler
    state = sampler.state_dict()
    other = PrioritizedSampler(20, alpha=0.7, beta=0.5)
    other.load_state_dict(state)
    before = weights_of(other)
    state["priorities"]["priorities"].fill_(5)
    state["priorities"]["table"]["weights"].fill_(5)
    assert torch.equal(weights_of(other), before)
    assert torch.equal(weights_of(sampler), before)


def test_a_state_of_another_capacity_or_dtype_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    sampler = trained().sampler
    before = weights_of(sampler)
    for other in (PrioritizedSampler(21, 1.0, 1.0), PrioritizedSampler(20, 1.0, 1.0, dtype=torch.float64)):
        with pytest.raises(ValueError, match="slots of torch"):
            sampler.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="no state"):
        sampler.load_state_dict({})
    PrioritizedSampler(21, 1.0, 1.0).dumps(tmp_path)
    with pytest.raises(RuntimeError, match=r"\(21\) differs from self._max_capacity \(20\)"):
        sampler.loads(tmp_path)
    assert torch.equal(weights_of(sampler), before)


@pytest.mark.skipif(not HAS_TREES, reason="torchrl's compiled trees were built for another torch")
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("through", ["state_dict", "dumps"])
def test_states_of_torchrls_own_sampler_are_taken(version: int, within: bool, through: str, tmp_path: Path) -> None:
    theirs = data.ReplayBuffer(
        storage=data.LazyTensorStorage(10),
        sampler=data.PrioritizedSampler(10, alpha=0.6, beta=0.5, max_priority_within_buffer=within),
    )
    theirs.update_priority(theirs.extend(torch.arange(6)), torch.arange(1.0, 7.0))
    theirs.update_priority(torch.tensor([5]), torch.tensor([2.0]))
    ours = buffer_of(10, 1.0, max_priority_within_buffer=within)
    ours.extend(torch.arange(6))
    if through == "state_dict":
        state = theirs.sampler.state_dict()
        if version == 0:
            del state["_schema_version"]
        ours.sampler.load_state_dict(state)
    else:
        theirs.sampler.dumps(tmp_path)
        ours.sampler.loads(tmp_path)
        version = 1
    assert weights_of(ours)[:6].tolist() == pytest.approx([p**0.6 for p in (1, 2, 3, 4, 5, 2)], rel=1e-5)
    assert (weights_of(ours)[6:] == 0).all()
    assert (ours.sampler.alpha, ours.sampler.beta) == (0.6, 0.5)
    expected = 5 if within or version == 0 else 6
    assert ours.sampler.default_priority == pytest.approx(expected, rel=1e-5)
    _, info = ours.sample(100, return_info=True)
    assert int(info["index"].max()) < 6
