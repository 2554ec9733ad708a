"""ns per draw of every library under pytest-benchmark; the interleaved run is `-m benchmarks`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from .gather_limit import VARIANTS, GatherLimit
from .peers import PEERS, Peer, Problem
from .registry_peers import REGISTRY_PEERS
from .timing import Unavailable
from .weight_families import make_weights

DRAWS = 100_000

pytestmark = pytest.mark.benchmark(max_time=0.2, min_rounds=3, warmup=True, warmup_iterations=1)


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("peer", [*PEERS, *REGISTRY_PEERS], ids=lambda peer: peer.name)
def test_draw(benchmark: BenchmarkFixture, peer: Peer, items: int, threads: int) -> None:
    if threads > 1 and not peer.threaded:
        pytest.skip(f"{peer.name} has no threads")
    benchmark.group = f"{DRAWS:.0e} draws, N = {items:.0e}, threads = {threads}"
    try:
        draw = peer.prepare(Problem(make_weights(items), DRAWS))
    except Unavailable as reason:
        pytest.skip(str(reason))
    benchmark.extra_info["draws"] = DRAWS
    benchmark(partial(draw, DRAWS))


def test_gather_limit(benchmark: BenchmarkFixture, items: int, threads: int) -> None:
    benchmark.group = f"{DRAWS:.0e} draws, N = {items:.0e}, threads = {threads}"
    try:
        limit = GatherLimit(items, Problem(make_weights(items), DRAWS).out)
    except Unavailable as reason:
        pytest.skip(str(reason))
    fastest = limit.contenders(threads, best=1)[0]
    benchmark.extra_info["how"] = fastest.how
    benchmark(fastest.call)


def test_every_way_to_gather_stores_what_indexing_gives() -> None:
    try:
        limit = GatherLimit(1000, Problem(make_weights(1000), 10_003).out)
    except Unavailable as reason:
        pytest.skip(str(reason))
    for variant in VARIANTS:
        for threads in (1, 2, 3):
            limit.clear()
            limit.gather(variant, 10_003, threads)
            assert limit.is_right(), f"{variant}, {threads} threads"
