"""Draws: ns per draw with a standing table, over N, threads and weight family."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ..gather_limit import GatherLimit
from ..peers import PEERS, Draw, Peer, Problem, affordable_draws
from ..records import Case, axis_value
from ..session import Session
from ..timing import Call, Unavailable
from ..weight_families import FAMILIES, make_weights

UNIT = "ns/draw"
THREADS = (1, 2)
PEAK_BYTES_PER_ITEM = 110  # All peers' tables and what they need while they build them.
FAMILY_PEERS = ("pysampler", "torch.multinomial", "scipy DiscreteAliasUrn")


def run(session: Session) -> None:
    """All peers and the gather limit at every N, with one thread and with two."""
    for items in session.settings.items:
        case: Case = {"items": items, "draws": session.settings.draws(items), "family": "uniform"}
        if not session.begin("draws", case, PEAK_BYTES_PER_ITEM * items):
            continue
        problem = Problem(make_weights(items), session.settings.draws(items))
        contenders = contenders_of(session, "draws", case, problem, peers=PEERS, threads=THREADS)
        try:
            limit = GatherLimit(items, problem.out)
        except Unavailable as reason:
            session.skip("draws", case, "gather limit", UNIT, str(reason))
        else:
            for threads in THREADS:
                contenders += limit.contenders(threads)
        session.compare("draws", case, contenders, UNIT)


def run_families(session: Session) -> None:
    """A few peers for every weight family: redirects and skew change what the caches see."""
    items = min(session.settings.family_items, 1_000_000)
    peers = [peer for peer in PEERS if peer.name in FAMILY_PEERS]
    for family in FAMILIES:
        case: Case = {"items": items, "draws": items, "family": family}
        if not session.begin("families", case):
            continue
        problem = Problem(make_weights(items, family), items)
        contenders = contenders_of(session, "families", case, problem, peers=peers, threads=(1,))
        session.compare("families", case, contenders, UNIT)


def contenders_of(
    session: Session,
    group: str,
    case: Case,
    problem: Problem,
    *,
    peers: Sequence[Peer],
    threads: Sequence[int],
) -> list[Call]:
    """Prepares every peer; those that cannot take part are put on record with the reason."""
    calls = []
    for peer in peers:
        try:
            draw = peer.prepare(problem)
            plan = session.settings.plan
            count = affordable_draws(draw, problem.draws, plan.budget_s / 3)
        except Unavailable as missing:
            session.skip(group, case, peer.name, UNIT, str(missing))
            continue
        for number in threads:
            if number > 1 and not peer.threaded:
                reason = "has no threads: the figure for one thread stands"
                session.skip(group, case | {"threads": number}, peer.name, UNIT, reason)
                continue
            calls.append(_call(peer, draw, count, problem.draws, number))
    return calls


def _call(peer: Peer, draw: Draw, count: int, wanted: int, threads: int) -> Call:
    note = "" if count == wanted else f"{axis_value(count)} draws per call, to stay within its time"
    return Call(peer.name, partial(draw, count), count, threads, peer.how, note)
