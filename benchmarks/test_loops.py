"""Sampler and DataLoader loops, first index and weighted permutations under pytest-benchmark."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.utils.data import WeightedRandomSampler as TorchWeightedRandomSampler

import pysampler

from .groups.loaders import loader_contenders
from .groups.loops import loop_contenders
from .weight_families import make_weights

PASS = 20_000

pytestmark = pytest.mark.benchmark(max_time=0.2, min_rounds=3, warmup=False)


@pytest.mark.parametrize("which", range(5))
def test_loop(benchmark: BenchmarkFixture, which: int) -> None:
    contender = loop_contenders(PASS)[which]
    benchmark.group = f"one pass of {PASS:.0e} indices"
    benchmark.name = contender.name
    benchmark(contender.call)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("which", range(4))
def test_loader(benchmark: BenchmarkFixture, which: int, workers: int) -> None:
    contender = loader_contenders(PASS, workers)[which]
    benchmark.group = f"DataLoader, {workers} workers, one pass of {PASS:.0e} indices"
    benchmark.name = contender.name
    benchmark(contender.call)


def test_first_index(benchmark: BenchmarkFixture, items: int) -> None:
    benchmark.group = f"first index, N = {items:.0e}"
    table = pysampler.AliasTable(torch.from_numpy(make_weights(items)))
    benchmark(lambda: next(iter(pysampler.WeightedRandomSampler(table, items))))


def test_first_index_torch(benchmark: BenchmarkFixture, items: int) -> None:
    benchmark.group = f"first index, N = {items:.0e}"
    weights = torch.from_numpy(make_weights(items))
    benchmark(lambda: next(iter(TorchWeightedRandomSampler(weights, items))))  # type: ignore[arg-type]


@pytest.mark.parametrize("library", [pysampler, torch], ids=["pysampler", "torch"])
def test_permutation(benchmark: BenchmarkFixture, library: object, items: int) -> None:
    benchmark.group = f"without replacement, k = N = {items:.0e}"
    weights = torch.from_numpy(make_weights(items))
    benchmark(library.multinomial, weights, items, False)  # type: ignore[attr-defined]
