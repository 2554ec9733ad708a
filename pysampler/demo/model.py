"""The small convolutional network that the demo trains."""

from __future__ import annotations

import torch
from torch import nn


def build_network(num_classes: int, seed: int) -> nn.Module:
    """Makes a network for 8 x 8 grey images, about 10,000 parameters.

    Args:
        num_classes: Number of outputs (logits).
        seed: Fixes the initial parameters; torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, num_classes),
        )
