"""Images from and to files, with Pillow, which comes along with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pysampler.demo.data import all_digits

MOST_PIXELS = 32


def load_images(paths: Sequence[Path], size: int | None = None) -> Tensor:
    """Reads images and scales them to squares.

    Args:
        paths: The files, at least one.
        size: Height and width; by default those of the smallest image, made even, but at most 32.

    Returns:
        float32 of shape (n, channels, size, size), values in [0, 1]; 1 channel if all images are grey, else 3.

    Raises:
        ImportError: If Pillow is missing.
        OSError: A file that cannot be read as an image.
    """
    from PIL import Image  # noqa: PLC0415 - optional

    opened = []
    for path in paths:
        try:
            with Image.open(path) as image:
                opened.append(image.convert("RGB"))
        except OSError as error:
            raise OSError(f"{path} cannot be read as an image: {error}") from error
    if size is None:
        size = min(MOST_PIXELS, *(min(image.size) for image in opened))
        size = max(size - size % 2, 2)
    pixels = [np.asarray(image.resize((size, size), Image.Resampling.BILINEAR)) for image in opened]
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    grey = bool((images == images[:, :1]).all())
    return images[:, :1].contiguous() if grey else images.contiguous()


def write_digits(folder: Path) -> None:
    """Writes scikit-learn's 1797 digits as PNG files laid out like Oxford Pets: ``digit_3_17.png`` is a three.

    Raises:
        ImportError: If scikit-learn or Pillow is missing.
        OSError: If the folder does not exist or cannot be written to.
    """
    from PIL import Image  # noqa: PLC0415 - optional

    images, labels = all_digits()
    for number, (image, digit) in enumerate(zip(images, labels.tolist(), strict=True)):
        pixels = (image[0] * 255).round().to(torch.uint8).numpy()
        Image.fromarray(pixels).save(folder / f"digit_{digit}_{number}.png")
