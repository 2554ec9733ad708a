"""Peers: what people draw weighted indices with today, behind one interface.

A peer is prepared once for a problem (that is its build) and then draws; only drawing is timed.
Libraries without a standing table prepare inside every call, because that is what their users pay.
"""

from __future__ import annotations

import importlib
import itertools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import pysampler

from .buffers import huge_array
from .gsl_peer import GslTable
from .records import axis_value
from .timing import Unavailable

Draw = Callable[[int], object]

TORCH_LIMIT = 2**24  # Categories that torch.multinomial accepts.


@dataclass
class Problem:
    """Weights to draw from and room for the draws.

    Attributes:
        weights: Shape (N,), float64.
        draws: Largest number of draws in one call.
    """

    weights: npt.NDArray[np.float64]
    draws: int
    out: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.out = huge_array(self.draws, np.int64)

    @cached_property
    def tensor(self) -> torch.Tensor:
        """The weights, sharing memory."""
        return torch.from_numpy(self.weights)

    @cached_property
    def out_tensor(self) -> torch.Tensor:
        """The room for draws, sharing memory."""
        return torch.from_numpy(self.out)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """The weights normalised, for libraries that ask for that."""
        # Scaled first, or the sum of weights near the largest number overflows.
        scaled: npt.NDArray[np.float64] = self.weights / self.weights.max()
        scaled /= scaled.sum()
        return scaled

    @cached_property
    def table(self) -> pysampler.AliasTable:
        """Our table over the weights."""
        return pysampler.AliasTable(self.tensor)


@dataclass(frozen=True)
class Peer:
    """A library and the way it is used here.

    Attributes:
        name: As the tables call it.
        how: How one call draws, in words.
        prepare: Builds what the library can keep between calls and returns the function that draws
            a given number; raises Unavailable if it cannot.
        threaded: Whether it can use more than one thread.
    """

    name: str
    how: str
    prepare: Callable[[Problem], Draw]
    threaded: bool = False


def _prepare_pysampler(problem: Problem) -> Draw:
    table, epochs = problem.table, itertools.count()

    def draw(draws: int) -> object:
        # A new epoch per call: never the same slots twice, so no cache remembers them.
        out = problem.out_tensor[:draws]
        return table.draw(draws, seed=1, epoch=next(epochs), out=out)

    return draw


def _prepare_pysampler_new_output(problem: Problem) -> Draw:
    table, epochs = problem.table, itertools.count()
    return lambda draws: table.draw(draws, seed=1, epoch=next(epochs))


def _prepare_torch(problem: Problem) -> Draw:
    if len(problem.weights) > TORCH_LIMIT:
        raise Unavailable("torch.multinomial refuses more than 2^24 categories")
    if not np.isfinite(problem.weights.sum()):
        # Seen with torch 2.13: no error, and every draw gives the same item.
        raise Unavailable("the sum of the weights overflows, which torch.multinomial does not notice")
    generator = torch.Generator().manual_seed(1)

    def draw(draws: int) -> object:
        out = problem.out_tensor[:draws]
        return torch.multinomial(problem.tensor, draws, True, generator=generator, out=out)

    return draw


def _prepare_numpy(problem: Problem) -> Draw:
    rng = np.random.default_rng(1)
    items, probabilities = len(problem.weights), problem.probabilities
    return lambda draws: rng.choice(items, draws, p=probabilities)


def scipy_alias_urn(probabilities: npt.NDArray[np.float64]) -> Any:
    """Alias table of scipy (DiscreteAliasUrn) over a probability vector.

    Raises:
        Unavailable: If scipy is not installed.
    """
    try:
        sampling: Any = importlib.import_module("scipy.stats.sampling")
    except ImportError as error:
        raise Unavailable("scipy is not installed") from error
    with warnings.catch_warnings():
        # It warns of round-off in its table for most inputs of a million items.
        warnings.simplefilter("ignore", RuntimeWarning)
        return sampling.DiscreteAliasUrn(probabilities, random_state=np.random.default_rng(1))


def _prepare_scipy(problem: Problem) -> Draw:
    urn = scipy_alias_urn(problem.probabilities)
    rvs: Draw = urn.rvs
    return rvs


def _prepare_gsl(problem: Problem) -> Draw:
    table = GslTable(problem.weights)
    return lambda draws: table.draw(problem.out[:draws])


PYSAMPLER = Peer("pysampler", "AliasTable.draw into a preallocated out=", _prepare_pysampler, threaded=True)
PEERS = (
    PYSAMPLER,
    Peer(
        "pysampler, new output",
        "AliasTable.draw returning a new tensor each call",
        _prepare_pysampler_new_output,
        threaded=True,
    ),
    Peer(
        "torch.multinomial",
        "float64 weights, replacement=True, preallocated out=, cumulative sum in every call",
        _prepare_torch,
        threaded=True,
    ),
    Peer(
        "scipy DiscreteAliasUrn",
        "standing table, PCG64, rvs returns a new array (there is no out=)",
        _prepare_scipy,
    ),
    Peer(
        "GSL gsl_ran_discrete",
        "standing table, mt19937, a C loop into a preallocated array",
        _prepare_gsl,
    ),
    Peer(
        "numpy Generator.choice",
        "float64 p=, new array each call (there is no out=), cumulative sum in every call",
        _prepare_numpy,
    ),
)


def affordable_draws(draw: Draw, wanted: int, call_s: float, clock: Callable[[], float] = time.perf_counter) -> int:
    """How many draws one call can make within a time, judged from two smaller calls.

    Args:
        draw: The peer's function.
        wanted: Draws asked for.
        call_s: Seconds that a call may take.
        clock: Gives the time in seconds.

    Returns:
        `wanted`, or down to a quarter of it.

    Raises:
        Unavailable: If even a quarter takes longer.
    """
    small, large = max(1, wanted // 100), max(1, wanted // 10)
    draw(small)
    small_s = _seconds(draw, small, clock)
    if small_s > call_s:
        raise Unavailable(f"a call of {axis_value(small)} draws takes {small_s:.1f} s already")
    large_s = _seconds(draw, large, clock)
    per_draw_s = max(0.0, large_s - small_s) / max(1, large - small)
    foreseen_s = large_s + (wanted - large) * per_draw_s
    if foreseen_s > 4 * call_s:
        raise Unavailable(f"a call of {axis_value(wanted)} draws would take {foreseen_s:.1f} s")
    return wanted if foreseen_s <= call_s else int(wanted * call_s / foreseen_s)


def _seconds(draw: Draw, draws: int, clock: Callable[[], float]) -> float:
    start = clock()
    draw(draws)
    return clock() - start
