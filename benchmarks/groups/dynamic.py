"""Dynamic tables: draws and updates in batches, and one by one, beside trees of sums."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import torch

from ..dynamic_peers import MAKERS, NAMES, DynamicPeer, Weights
from ..records import Case
from ..session import Session
from ..timing import Call, Unavailable

BATCHES = (32, 256, 4096)
ONES = 2000
PEAK_BYTES_PER_ITEM = 120
KEPT_BATCHES = 64  # of updates, so that the same places do not come again while they are in a cache


def run(session: Session) -> None:
    """From Python in batches: ns for each draw, for each update. Then one draw and its update at a time, in C++."""
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
        ones = [
            Call(peer.name, partial(peer.ones, ONES), ONES, how="a loop in C++, a draw and an update of its item")
            for peer in peers
            if peer.ones is not None
        ]
        session.compare("dynamic-ones", case, ones, "ns/pair")


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
