"""Registry: everything that the package index offers for independent draws by weight, and what its tables cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pysampler

from ..gsl_peer import GslTable
from ..peers import PEERS, Problem, scipy_alias_urn
from ..records import Case
from ..registry_peers import REGISTRY_PEERS, vose, vose_alias_method
from ..session import Session
from ..timing import Call, Unavailable
from ..weight_families import make_weights
from .draws import contenders_of

DRAWS = 100_000
LARGEST = 10_000_000
TABLES: dict[str, Callable[[Problem], object]] = {
    "pysampler": lambda problem: pysampler.AliasTable(problem.tensor),
    "GSL gsl_ran_discrete": lambda problem: GslTable(problem.weights),
    "scipy DiscreteAliasUrn": lambda problem: scipy_alias_urn(problem.probabilities),
    "vose": vose,
    "vose-alias-method": vose_alias_method,
}


def run(session: Session) -> None:
    """Draws, DRAWS a call, on one thread; then the making of a table."""
    sizes = [items for items in session.settings.items if items in (1_000, 1_000_000, LARGEST)]
    for items in sizes:
        case: Case = {"items": items, "draws": DRAWS}
        if not session.begin("registry", case, 400 * items):
            continue
        problem = Problem(make_weights(items), DRAWS)
        everybody = [*PEERS, *(REGISTRY_PEERS if items < LARGEST else REGISTRY_PEERS[:2])]  # lists of Python: 3 GB
        calls = contenders_of(session, "registry", case, problem, peers=everybody, threads=(1,))
        session.compare("registry", case, calls, "ns/draw")
    for items in sizes:
        made: Case = {"items": items}
        if session.begin("registry-tables", made, 400 * items):
            session.compare("registry-tables", made, _tables(session, made, items), "ns/item")


def _tables(session: Session, case: Case, items: int) -> list[Call]:
    problem = Problem(make_weights(items), 1)
    small = Problem(make_weights(10), 1)
    calls = []
    for name, make in TABLES.items():
        if name == "vose-alias-method" and items == LARGEST:
            continue
        try:
            make(small)
        except Unavailable as reason:
            session.skip("registry-tables", case, name, "ns/item", str(reason))
            continue
        calls.append(Call(name, partial(make, problem), items, how="a table made and freed"))
    return calls
