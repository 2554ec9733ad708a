"""Dynamic tables: draws and updates in batches, and one by one, beside trees of sums.

Twice: warm, one call after the other, and cold, each call after 64 MB of other memory were read, as a training step may
do between two batches.
"""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from ..dynamic_peers import MAKERS, NAMES, DynamicPeer, Weights
from ..records import Case
from ..session import Session
from ..timing import Call, Plan, Unavailable

BATCHES = (32, 256, 4096)
COLD_ONES = 256
PEAK_BYTES_PER_ITEM = 120
COLD_BATCHES = (256, 4096)
COLD_BLOCK_S = 0.0002  # of what is timed: between two calls lie some ten milliseconds
WARM_ONES = 10**6  # more than once through the leaves of a table, of sixteen weights
OTHER_MEMORY = 64 << 20
KEPT_BATCHES = 64  # of updates, so that the same places do not come again while they are in a cache


def run(session: Session) -> None:
    """From Python in batches: ns for each draw, for each update. Then one draw and its update at a time, in C++."""
    other = np.ones(OTHER_MEMORY // 8)
    rounds = session.settings.plan.rounds
    cold = Plan(rounds, COLD_BLOCK_S, budget_s=1)
    once = Plan(min(rounds, 5), block_s=0.001, budget_s=30)  # one call a round, and an untimed one before it
    for items in (10**5, 10**6, 10**7):
        if items > max(session.settings.items):
            continue
        case: Case = {"items": items}
        if not session.begin("dynamic", case, PEAK_BYTES_PER_ITEM * items):
            continue
        weights = np.random.default_rng(5).random(items, dtype=np.float32) + np.float32(0.01)
        peers = _peers(session, case, weights)
        for batch in BATCHES:
            both: Case = {**case, "batch": batch}
            session.compare("dynamic-draws", both, [_drawing(peer, batch) for peer in peers], "ns/draw")
            session.compare("dynamic-updates", both, [_updating(peer, items, batch) for peer in peers], "ns/update")
        for batch in COLD_BATCHES:
            both = {**case, "batch": batch}
            draws = [ColdCall(_drawing(peer, batch), other) for peer in peers]
            session.compare("dynamic-draws-cold", both, draws, "ns/draw", cold)
            updates = [ColdCall(_updating(peer, items, batch), other) for peer in peers]
            session.compare("dynamic-updates-cold", both, updates, "ns/update", cold)
        pairs = min(items, WARM_ONES if rounds > 3 else WARM_ONES // 10)
        warm = [WarmCall(each) for each in _ones(peers, pairs)]
        session.compare("dynamic-ones", case, warm, "ns/pair", once)
        few = [ColdCall(each, other) for each in _ones(peers, COLD_ONES)]
        session.compare("dynamic-ones-cold", case, few, "ns/pair", cold)


def _ones(peers: list[DynamicPeer], pairs: int) -> list[Call]:
    how = "a loop in C++, a draw and an update of its item"
    return [Call(each.name, partial(each.ones, pairs), pairs, how=how) for each in peers if each.ones is not None]


class _OtherCall:
    """A call that is timed in another way."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.name, self.threads, self.work, self.how, self.note = (
            call.name,
            call.threads,
            call.work,
            call.how,
            call.note,
        )


class WarmCall(_OtherCall):
    """A long call, timed after an untimed one: what others before it have pushed out of the caches is back."""

    def block_ns(self, loops: int) -> int:
        """What the calls take, without the first."""
        self._call.block_ns(1)
        return self._call.block_ns(loops)


class ColdCall(_OtherCall):
    """A call before each of which, untimed, other memory is read that is larger than the caches."""

    def __init__(self, call: Call, other: npt.NDArray[np.float64]) -> None:
        super().__init__(call)
        self._other = other

    def block_ns(self, loops: int) -> int:
        """What the calls take, without the reading."""
        total = 0
        for _ in range(loops):
            self._other.sum()
            total += self._call.block_ns(1)
        return total


def _peers(session: Session, case: Case, weights: Weights) -> list[DynamicPeer]:
    peers = []
    for name, make in zip(NAMES, MAKERS, strict=True):
        try:
            peers.append(make(weights))
        except Unavailable as reason:
            session.skip("dynamic", case, name, "ns/draw", str(reason))
    return peers


def _drawing(peer: DynamicPeer, batch: int) -> Call:
    return Call(peer.name, partial(peer.draw, batch), batch, how=peer.how)


def _updating(peer: DynamicPeer, items: int, batch: int) -> Call:
    generator = torch.Generator().manual_seed(3)
    indices = [torch.randint(items, (batch,), generator=generator) for _ in range(KEPT_BATCHES)]
    weights = [torch.rand(batch, generator=generator) + 0.01 for _ in range(KEPT_BATCHES - 1)]  # others every time
    turn = itertools.count()

    def update() -> None:
        number = next(turn)
        peer.update(indices[number % KEPT_BATCHES], weights[number % len(weights)])

    return Call(peer.name, update, batch, how=peer.how)
