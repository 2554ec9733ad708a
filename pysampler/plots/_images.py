"""Some images of each class, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pysampler.plots._style import SOFT_INK, new_figure, plain

if TYPE_CHECKING:
    from pysampler.plots._data_figure import DataFigure


def example_images(images: Mapping[str, npt.ArrayLike], *, title: str = "Examples of each class") -> DataFigure:
    """Draws images, a row per class.

    Args:
        images: Class name -> images of shape (n, height, width) in grey, or (n, height, width, 3) in colour, of values
            in [0, 1]; at least one per class.
        title: Title of the figure.

    Returns:
        The figure, an axes per image. ``data``: class name -> the images.

    Raises:
        ImportError: If matplotlib is missing.
        ValueError: No classes, a class without images, or another shape.
    """
    arrays = {name: np.asarray(own) for name, own in images.items()}
    if not arrays:
        raise ValueError("images must have at least one class, but they are empty")
    for name, own in arrays.items():
        if own.ndim not in (3, 4) or len(own) == 0 or (own.ndim == 4 and own.shape[3] != 3):
            raise ValueError(
                f"images of a class must be (n, height, width) or (n, height, width, 3), but {name!r} "
                f"has shape {own.shape}"
            )
    columns = max(map(len, arrays.values()))
    figure = new_figure(title, width=1.6 + 1.25 * columns, height=0.7 + 1.3 * len(arrays))
    grid = figure.subplots(len(arrays), columns, squeeze=False)
    for row, (name, own) in zip(grid, arrays.items(), strict=True):
        for column, axes in enumerate(row):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if column < len(own):
                axes.imshow(own[column], cmap="gray", vmin=0.0, vmax=1.0)
        row[0].set_ylabel(plain(name), rotation=0, ha="right", va="center", color=SOFT_INK)
    figure.keep(arrays)
    return figure
