"""Random small movements of images, in plain torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

MAX_ROTATION_DEGREES = 10.0
MAX_SHIFT = 1 / 16  # of the width: half a pixel of 8


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Rotates each image by up to 10 degrees and shifts it by up to a sixteenth of its width each way.

    Args:
        images: float32, shape (batch, channels, size, size).
        generator: Source of the angles and shifts; nothing else is random.

    Returns:
        New images of the same shape; what moves in from outside is 0.
    """
    uniform = torch.rand(len(images), 3, generator=generator) * 2 - 1
    angle = uniform[:, 0] * math.radians(MAX_ROTATION_DEGREES)
    shift = uniform[:, 1:] * MAX_SHIFT * 2  # affine_grid measures in half image widths
    cosine, sine = angle.cos(), angle.sin()
    rows = [cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]]
    movement = torch.stack(rows, dim=1).view(-1, 2, 3)
    grid = functional.affine_grid(movement, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
