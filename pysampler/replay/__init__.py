"""Prioritised experience replay (Schaul et al. 2016) over a ``DynamicTable``; needs nothing but torch.

``PrioritizedReplay`` keeps the items too. ``Priorities`` is what it and ``pysampler.integrations.torchrl`` share: the
priorities of a buffer's slots, whoever keeps what lies in them.
"""

from pysampler.replay.priorities import Priorities
from pysampler.replay.replay import PrioritizedReplay, ReplayBatch

__all__ = ["Priorities", "PrioritizedReplay", "ReplayBatch"]
