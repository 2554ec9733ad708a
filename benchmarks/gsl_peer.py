"""GNU Scientific Library's `gsl_ran_discrete` as a peer, when its headers and library are here."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from .shim import load_shim


class GslTable:
    """An alias table of the GNU Scientific Library with its default generator (mt19937).

    Args:
        weights: Shape (N,), float64, contiguous; need not sum to 1.

    Raises:
        Unavailable: If the library is not installed or there is no C compiler.
    """

    def __init__(self, weights: npt.NDArray[np.float64]) -> None:
        self._library: Any = load_shim("gsl_peer.c", ("gsl", "gslcblas", "m"))
        self._library.gsl_peer_new.restype = ctypes.c_void_p
        self._peer: int | None = self._library.gsl_peer_new(
            ctypes.c_size_t(len(weights)), ctypes.c_void_p(weights.ctypes.data)
        )
        if not self._peer:
            raise MemoryError(f"GSL could not build a table of {len(weights)} items")

    def draw(self, out: npt.NDArray[np.int64]) -> None:
        """Fills `out` with draws."""
        self._library.gsl_peer_draw(
            ctypes.c_void_p(self._peer),
            ctypes.c_int64(len(out)),
            ctypes.c_void_p(out.ctypes.data),
        )

    def __del__(self) -> None:
        if getattr(self, "_peer", None):
            self._library.gsl_peer_free(ctypes.c_void_p(self._peer))
            self._peer = None
