"""A figure that keeps the numbers it shows. Needs matplotlib: imported when the first figure is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from pysampler.plots._fonts import add_fallback_fonts


class DataFigure(Figure):
    """A ``matplotlib.figure.Figure`` with the data that were drawn.

    Attributes:
        data: Name -> array: everything that the figure shows, in the units of its axes. What each holds is said by
            the function that draws the figure.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.data: dict[str, npt.NDArray[Any]] = {}

    def _repr_png_(self) -> bytes:
        """Shows the figure where a notebook's cell ends with it."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()

    def draw(self, renderer: RendererBase) -> None:
        """Draws the figure, names in any script included."""
        add_fallback_fonts(self)
        super().draw(renderer)

    def keep(self, data: Mapping[str, npt.ArrayLike]) -> None:
        """Adds copies of ``data`` to those kept."""
        self.data.update({name: np.array(values) for name, values in data.items()})
