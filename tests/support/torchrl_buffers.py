"""Buffers of torchrl over our sampler, for its tests."""

from __future__ import annotations

from typing import Any

import torch
from optional import require

data: Any = require("torchrl.data")

from pysampler.integrations.torchrl import PrioritizedSampler  # noqa: E402


def weights_of(buffer_or_sampler: Any) -> torch.Tensor:
    sampler = getattr(buffer_or_sampler, "sampler", buffer_or_sampler)
    return sampler.priorities.table.weights.tensor()  # type: ignore[no-any-return]


def buffer_of(capacity: int, alpha: float = 1.0, beta: float = 1.0, **kwargs: Any) -> Any:
    return data.ReplayBuffer(
        storage=data.LazyTensorStorage(capacity),
        sampler=PrioritizedSampler(capacity, alpha=alpha, beta=beta, **kwargs),
    )


def trained(seed: int | None = None, **kwargs: Any) -> Any:
    buffer = buffer_of(20, 0.7, 0.5, seed=seed, **kwargs)
    buffer.extend(torch.arange(30))
    generator = torch.Generator().manual_seed(3)
    for _ in range(5):
        _, info = buffer.sample(8, return_info=True)
        buffer.update_priority(info["index"], torch.rand(8, generator=generator))
    return buffer
