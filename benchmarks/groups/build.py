"""Build: ns per item to turn weights into a table, over N, threads, weight family and dtype."""

from __future__ import annotations

import torch

import pysampler

from ..gsl_peer import GslTable
from ..peers import scipy_alias_urn
from ..records import Case
from ..session import Session
from ..timing import Call, Unavailable
from ..weight_families import FAMILIES, Weights, make_weights

UNIT = "ns/item"
PEAK_BYTES_PER_ITEM = 80
SCIPY_ITEMS = 10_000_000  # scipy takes about 10 s for ten times as many.


def run(session: Session) -> None:
    """The standard family at every N, ours with one thread and two, beside scipy and GSL."""
    for items in session.settings.items:
        case: Case = {"items": items, "family": "uniform", "dtype": "float64"}
        if not session.begin("build", case, PEAK_BYTES_PER_ITEM * items):
            continue
        weights = make_weights(items)
        tensor = torch.from_numpy(weights)
        contenders = [_pysampler("pysampler", tensor, threads) for threads in (1, 2)]
        for prepare in (_scipy, _gsl):
            try:
                contenders.append(prepare(weights))
            except Unavailable as reason:
                session.skip("build", case, NAMES[prepare], UNIT, str(reason))
        session.compare("build", case, contenders, UNIT)


def _scipy(weights: Weights) -> Call:
    if len(weights) > SCIPY_ITEMS:
        raise Unavailable("one build takes about 10 s")
    probabilities = weights / weights.sum()
    scipy_alias_urn(probabilities[:2] / probabilities[:2].sum())  # Raises if scipy is missing.
    how = "DiscreteAliasUrn(p), p normalised before"
    return Call(NAMES[_scipy], lambda: scipy_alias_urn(probabilities), len(weights), how=how)


def _gsl(weights: Weights) -> Call:
    GslTable(weights[:2])  # Raises if the library is missing.
    how = "gsl_ran_discrete_preproc, freed again"
    return Call(NAMES[_gsl], lambda: GslTable(weights), len(weights), how=how)


NAMES = {_scipy: "scipy DiscreteAliasUrn", _gsl: "GSL gsl_ran_discrete"}


def run_families(session: Session) -> None:
    """Every weight family in float64 and float32, all in one interleaved comparison per dtype."""
    items = session.settings.family_items
    for dtype, item_bytes in (("float64", 8), ("float32", 4)):
        case: Case = {"items": items, "dtype": dtype}
        need_bytes = items * (len(FAMILIES) * item_bytes + 40)
        if not session.begin("build-families", case, need_bytes):
            continue
        contenders = [
            _pysampler(family, torch.from_numpy(make_weights(items, family, dtype)), 1) for family in FAMILIES
        ]
        session.compare("build-families", case, contenders, UNIT)


def _pysampler(name: str, weights: torch.Tensor, threads: int) -> Call:
    return Call(
        name,
        lambda: pysampler.AliasTable(weights),
        len(weights),
        threads,
        "AliasTable(weights), validation included",
    )
