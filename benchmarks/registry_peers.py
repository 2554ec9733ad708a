"""Further peers: whatever else the package index offers for draws by weight, behind the interface of `peers.py`.

Each is tried and skipped with a reason where it is missing: `pip install vose vose-alias-method categorical-sampling`.
"""

from __future__ import annotations

import importlib
import itertools
import random
from typing import Any

import numpy as np

from .peers import Draw, Peer, Problem
from .timing import Unavailable


def _module(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"{package} is not installed") from error


def vose(problem: Problem) -> Any:
    """The table of `vose`, in Cython; our weights are left as they are."""
    return _module("vose", "vose").Sampler(problem.weights, seed=1)


def vose_alias_method(problem: Problem) -> Any:
    """The table of `vose-alias-method`, in plain Python; it wants a dict of probabilities."""
    table = _module("vose_sampler.vose_sampler", "vose-alias-method").VoseAlias
    return table(dict(enumerate(problem.probabilities.tolist())))


def _prepare_vose(problem: Problem) -> Draw:
    draw: Draw = vose(problem).sample
    return draw


def _prepare_vose_alias_method(problem: Problem) -> Draw:
    draw: Draw = vose_alias_method(problem).sample_n
    return draw


def _prepare_search(problem: Problem) -> Draw:
    sums, rng = np.cumsum(problem.probabilities), np.random.default_rng(1)
    sums[-1] = 1.0
    return lambda draws: sums.searchsorted(rng.random(draws), side="right")


def _prepare_choices(problem: Problem) -> Draw:
    sums, items = list(itertools.accumulate(problem.weights.tolist())), range(len(problem.weights))
    draw = random.Random(1).choices
    return lambda draws: draw(items, cum_weights=sums, k=draws)


def _prepare_categorical_sampling(problem: Problem) -> Draw:
    module, seeds = _module("categorical_samplers", "categorical-sampling"), itertools.count(1)
    return lambda draws: module.categorical(problem.probabilities, size=draws, seed=next(seeds))


REGISTRY_PEERS = (
    Peer("numpy cumsum + searchsorted", "standing sums of float64, PCG64, new array each call", _prepare_search),
    Peer("vose", "standing table (Cython), mt19937_64, new array each call", _prepare_vose),
    Peer("categorical-sampling", "categorical(p, size, seed), new array each call", _prepare_categorical_sampling),
    Peer("random.choices", "standing cum_weights, a list each call", _prepare_choices),
    Peer("vose-alias-method", "standing table (plain Python), a list each call", _prepare_vose_alias_method),
)
