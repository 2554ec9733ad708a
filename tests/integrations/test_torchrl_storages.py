"""The PrioritizedSampler for torchrl over storages of several dimensions, shared ones and ones that hold items."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from optional import require

tensordict: Any = require("tensordict")
data: Any = require("torchrl.data")

from torchrl_buffers import weights_of  # noqa: E402

from pysampler.integrations.torchrl import PrioritizedSampler  # noqa: E402

TensorDict = tensordict.TensorDict


def ways_of_holding(ndim: int) -> list[tuple[Any, Any]]:
    size = 100
    shape = [10] if ndim == 1 else [2, 5]
    items = TensorDict({"a": torch.arange(10).reshape(shape), "p": torch.ones(shape) / 2}, shape)
    made = []
    for kind in (data.ReplayBuffer, data.TensorDictReplayBuffer):
        kwargs = {"priority_key": "p"} if kind is data.TensorDictReplayBuffer else {}
        made.append(
            (
                kind(
                    storage=data.LazyTensorStorage(size, ndim=ndim),
                    sampler=PrioritizedSampler(size, alpha=1.0, beta=1.0, eps=0.0),
                    batch_size=4,
                    **kwargs,
                ),
                items.clone(),
            )
        )
    return made


@pytest.mark.parametrize("ndim", [1, 2])
def test_priorities_reach_their_items_in_storages_of_one_and_two_dimensions(ndim: int) -> None:
    torch.manual_seed(0)
    for buffer, items in ways_of_holding(ndim):
        index = buffer.extend(items)
        first = weights_of(buffer)[:10]
        assert (first == (0.5 if isinstance(buffer, data.TensorDictReplayBuffer) else 1)).all()
        buffer.update_priority(index, torch.full((), 2.0))
        assert (weights_of(buffer)[:10] == 2).all()
        batch, info = buffer.sample(return_info=True)
        buffer.update_priority(info["index"], 10_000)
        coordinates = info["index"] if isinstance(info["index"], tuple) else (info["index"],)
        kept = weights_of(buffer)[:10].reshape(tuple(buffer._storage.shape))
        assert (kept[coordinates] == 10_000).all()
        assert int((kept == 10_000).sum()) == len({*zip(*(each.tolist() for each in coordinates), strict=True)})
        again, _ = buffer.sample(return_info=True)
        assert set(again["a"].tolist()) <= set(batch["a"].tolist())
        if isinstance(buffer, data.TensorDictReplayBuffer):
            again["p"] = torch.full((4,), 10.0**6)
            buffer.update_tensordict_priority(again)
            assert set(buffer.sample()["a"].tolist()) <= set(again["a"].tolist())


def test_writers_mark_what_they_did_not_keep_with_minus_one() -> None:
    buffer = data.TensorDictReplayBuffer(
        storage=data.LazyTensorStorage(3),
        sampler=PrioritizedSampler(3, alpha=1.0, beta=1.0, eps=0.0),
        writer=data.TensorDictMaxValueWriter(rank_key="rank"),
        priority_key="p",
        batch_size=4,
    )
    buffer.extend(TensorDict({"rank": torch.arange(10.0), "p": torch.arange(10.0)}, [10]))
    assert len(buffer) == 3
    buffer.sampler.update_priority(torch.tensor([-1, 1, -1]), torch.tensor([7.0, 5.0, 7.0]))
    buffer.sampler.update_priority(torch.tensor([-1]), torch.tensor([7.0]))
    assert weights_of(buffer)[1] == 5.0
    assert buffer.sampler.default_priority <= 9


def test_one_storage_serves_a_uniform_and_a_prioritised_buffer() -> None:
    storage, writer = data.LazyTensorStorage(100), data.RoundRobinWriter()
    uniform = data.ReplayBuffer(storage=storage, writer=writer, sampler=data.RandomSampler(), batch_size=10)
    ours = PrioritizedSampler(100, alpha=0.7, beta=1.1)
    prioritised = data.ReplayBuffer(storage=storage, writer=writer, sampler=ours, batch_size=10)
    uniform.extend(TensorDict({"a": torch.arange(50)}, [50]))
    uniform.sample()
    assert len(prioritised.sample()) == 10
    assert weights_of(ours).tolist() == [1.0] * 50 + [0.0] * 50


def test_3120_a_new_sampler_over_a_storage_that_holds_items_gives_them_the_default() -> None:
    storage = data.LazyTensorStorage(10)
    first = data.ReplayBuffer(storage=storage, sampler=PrioritizedSampler(10, alpha=0.7, beta=0.5), batch_size=2)
    first.extend(torch.arange(4))
    second = data.ReplayBuffer(storage=storage, sampler=PrioritizedSampler(10, alpha=0.7, beta=0.5), batch_size=2)
    assert weights_of(second).tolist() == [1] * 4 + [0] * 6
    assert second.sample().shape == (2,)
