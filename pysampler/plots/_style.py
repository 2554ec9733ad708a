"""One look for every figure."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from pysampler.plots._data_figure import DataFigure

# Okabe and Ito's palette, told apart under every common form of colour blindness. Many classes are
# ordered (frequent to rare), so they get an ordered scale instead.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
# The rest of that palette and three more: ten that are told apart, the first four as above.
_TEN = (*PALETTE, "#56B4E9", "#D55E00", "#F0E442", "#7F3C8D", "#444444", "#A5A5A5")
INK, SOFT_INK, GRID = "#222222", "#666666", "#E3E3E3"


def matplotlib_modules() -> ModuleType:
    """Imports matplotlib, or says how to install it."""
    try:
        import matplotlib.backends.backend_agg  # noqa: PLC0415 - optional, and slow to import
        import matplotlib.figure  # noqa: PLC0415
        import matplotlib.layout_engine  # noqa: PLC0415
        import matplotlib.ticker  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            f"pysampler.plots needs matplotlib, which cannot be imported ({error}); "
            'install it with: pip install "pysampler[plots]"'
        ) from error
    return matplotlib


def new_figure(title: str, *, width: float, height: float) -> DataFigure:
    """Makes an empty figure of the shared style, sizes in inches."""
    mpl = matplotlib_modules()
    from pysampler.plots._data_figure import DataFigure  # noqa: PLC0415 - needs matplotlib

    layout = mpl.layout_engine.ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    figure = DataFigure(figsize=(width, height), dpi=150, layout=layout, facecolor="white")
    mpl.backends.backend_agg.FigureCanvasAgg(figure)
    figure.suptitle(plain(title), x=0.1 / width, ha="left", fontsize=14, fontweight="bold", color=INK)
    return figure


def plain(text: Any) -> str:
    """Returns a name, or number, of a class as text whose dollar signs are not read as mathematics."""
    return str(text).replace("$", r"\$")


def class_colours(num_classes: int) -> list[Any]:
    """Gives every class a colour: distinct ones for few classes, an ordered scale for many."""
    if num_classes <= len(PALETTE):
        return list(PALETTE[:num_classes])
    if num_classes <= len(_TEN):
        return list(_TEN[:num_classes])
    return list(matplotlib_modules().colormaps["viridis"](np.linspace(0.0, 0.92, num_classes)))


def dress(axes: Axes, title: str, *, xlabel: str = "", ylabel: str = "") -> None:
    """Gives axes the shared look: title on the left, light horizontal grid, no frame."""
    axes.set_title(plain(title), loc="left", fontsize=10.5, color=INK)
    axes.set_xlabel(xlabel, color=SOFT_INK)
    axes.set_ylabel(ylabel, color=SOFT_INK)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(SOFT_INK)
    axes.tick_params(colors=SOFT_INK, length=0)


def whole_numbers(axis: Axis) -> None:
    """Ticks at whole numbers only."""
    axis.set_major_locator(matplotlib_modules().ticker.MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))


def percent(axis: Axis) -> None:
    """Shares as per cent, without decimals."""
    axis.set_major_locator(matplotlib_modules().ticker.MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(matplotlib_modules().ticker.PercentFormatter(xmax=1.0, decimals=0))


def figure_legend(figure: Figure, axes: Axes, *, reverse: bool = False, spacing: float = 0.5) -> None:
    """Puts one legend for the whole figure outside its axes, on the right."""
    handles, names = axes.get_legend_handles_labels()
    look = {"frameon": False, "labelcolor": INK, "labelspacing": spacing}
    figure.legend(handles, list(map(plain, names)), loc="outside right center", reverse=reverse, **look)
