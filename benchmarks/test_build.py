"""Time to build a table under pytest-benchmark, by weight family and beside scipy and GSL."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import pysampler

from .gsl_peer import GslTable
from .peers import scipy_alias_urn
from .timing import Unavailable
from .weight_families import FAMILIES, make_weights

pytestmark = pytest.mark.benchmark(max_time=0.2, min_rounds=3, warmup=True, warmup_iterations=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_build(benchmark: BenchmarkFixture, family: str, items: int) -> None:
    benchmark.group = f"build, N = {items:.0e}"
    weights = torch.from_numpy(make_weights(items, family))
    benchmark(pysampler.AliasTable, weights)


def test_build_scipy(benchmark: BenchmarkFixture, items: int) -> None:
    benchmark.group = f"build, N = {items:.0e}"
    weights = make_weights(items)
    try:
        benchmark(scipy_alias_urn, weights / weights.sum())
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_build_gsl(benchmark: BenchmarkFixture, items: int) -> None:
    benchmark.group = f"build, N = {items:.0e}"
    try:
        benchmark(GslTable, make_weights(items))
    except Unavailable as reason:
        pytest.skip(str(reason))
