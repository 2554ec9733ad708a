"""Without replacement: weighted permutations and weighted subsets."""

from __future__ import annotations

import torch

import pysampler

from ..records import Case
from ..session import Session
from ..timing import Call
from ..weight_families import make_weights

UNIT = "ns/draw"


def run(session: Session) -> None:
    """All of them (k = N) and k = N / 10, from weights in every call, beside torch."""
    items = session.settings.without_replacement_items
    weights = torch.from_numpy(make_weights(items))
    for draws in (items, items // 10):
        case: Case = {"items": items, "draws": draws}
        if not session.begin("without-replacement", case, 100 * items):
            continue
        contenders = [
            Call(name, lambda call=call, draws=draws: call(weights, draws, False), draws, threads)  # type: ignore[misc]
            for name, call in (
                ("pysampler", pysampler.multinomial),
                ("torch.multinomial", torch.multinomial),
            )
            for threads in (1, 2)
        ]
        session.compare("without-replacement", case, contenders, UNIT)
