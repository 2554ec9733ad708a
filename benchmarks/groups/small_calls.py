"""Small calls: microseconds per call, where fixed costs decide, and where a table does not pay."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import torch

import pysampler

from ..peers import PEERS, PYSAMPLER, Draw, Problem
from ..records import Case
from ..session import Session
from ..timing import Call, Unavailable
from ..weight_families import make_weights

UNIT = "us/call"
DRAWS = (1, 16, 256, 4096, 65536)


def run(session: Session) -> None:
    """A few draws from a standing table, then a few draws from weights seen once."""
    for items in (1_000, 1_000_000):
        for draws in DRAWS:
            if draws != 256 and items != 1_000_000:
                continue
            case: Case = {"items": items, "draws": draws}
            if session.begin("small-calls", case):
                session.compare("small-calls", case, _standing(session, case, items, draws), UNIT)
    for items in (1_000, 1_000_000):
        for draws in (1, 256):
            one_shot: Case = {"items": items, "draws": draws}
            if session.begin("one-shot", one_shot):
                session.compare("one-shot", one_shot, _one_shot(items, draws), UNIT)


def _standing(session: Session, case: Case, items: int, draws: int) -> list[Call]:
    problem = Problem(make_weights(items), draws)
    calls = []
    for peer in PEERS:
        try:
            draw = peer.prepare(problem)
        except Unavailable as reason:
            session.skip("small-calls", case, peer.name, UNIT, str(reason))
            continue
        if peer is PYSAMPLER:
            draw = _pysampler_exact_out(problem)
        calls.append(Call(peer.name, partial(draw, draws), work=1, how=peer.how))
    return calls


def _pysampler_exact_out(problem: Problem) -> Draw:
    """Draws into the whole output: cutting a view of it would cost as much as a small draw."""
    table, out, epochs = problem.table, problem.out_tensor, itertools.count()

    def draw(draws: int) -> object:
        return table.draw(draws, seed=1, epoch=next(epochs), out=out)

    return draw


def _one_shot(items: int, draws: int) -> list[Call]:
    """Weights used once: the table must be built, and a binary search over a sum may win."""
    weights = make_weights(items)
    tensor, probabilities = torch.from_numpy(weights), weights / weights.sum()
    rng = np.random.default_rng(1)
    how = "weights seen once: build and draw in every call"
    return [
        Call("pysampler", lambda: pysampler.multinomial(tensor, draws, True), 1, how=how),
        Call("torch.multinomial", lambda: torch.multinomial(tensor, draws, True), 1, how=how),
        Call("numpy Generator.choice", lambda: rng.choice(items, draws, p=probabilities), 1, how=how),
    ]
