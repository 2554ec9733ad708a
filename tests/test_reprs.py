"""Every object that users make says what it is: in a terminal, a notebook, a log."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import pysampler
from pysampler.plan import plan_labels, plan_weights
from pysampler.sources.base import python_draws

LABELS = [0, 0, 0, 1, 1, 2]
WEIGHTS = [1.0, 2.0, 0.0, 1.0, 1.0, 1.0]


class Own(pysampler.Source):
    """A source of a user's."""

    num_items = 6  # type: ignore[assignment]
    fingerprint = "own"  # type: ignore[assignment]

    def epoch(self, key: int, epoch: int, draws: int) -> Any:
        return python_draws(lambda start, step, count: np.zeros(count, np.int64))


def _sampler() -> pysampler.WeightedRandomSampler:
    return pysampler.WeightedRandomSampler(WEIGHTS, seed=0)


def _tracker() -> pysampler.CoverageTracker:
    return pysampler.CoverageTracker(6, labels=LABELS)


_RANKS: dict[str, Any] = {"num_replicas": 2, "rank": 0}
MADE: dict[str, Any] = {
    "AliasTable": lambda: pysampler.AliasTable(WEIGHTS),
    "BatchedDataset": lambda: pysampler.BatchedDataset(list(range(6))),
    "ClassCoverage": lambda: _tracker().class_coverage(),
    "ClassTable": lambda: pysampler.ClassTable(LABELS, [1.0, 2.0, 3.0]),
    "CoverageAudit": lambda: pysampler.audit_coverage(_sampler(), epochs=1),
    "CoverageForecast": lambda: pysampler.forecast_coverage(WEIGHTS),
    "CoverageTracker": _tracker,
    "CoverageTrials": lambda: pysampler.simulate_coverage(WEIGHTS, trials=2),
    "DistributedMPerClassSampler": lambda: pysampler.DistributedMPerClassSampler(LABELS, 1, 2, 4, **_RANKS),
    "DistributedShuffleSampler": lambda: pysampler.DistributedShuffleSampler(6, **_RANKS),
    "DistributedUnderSampler": lambda: pysampler.DistributedUnderSampler(LABELS, **_RANKS),
    "DistributedWeightedBatchSampler": lambda: pysampler.DistributedWeightedBatchSampler(
        WEIGHTS, **_RANKS, batch_size=2
    ),
    "DistributedWeightedSampler": lambda: pysampler.DistributedWeightedSampler(WEIGHTS, **_RANKS),
    "DynamicTable": lambda: pysampler.DynamicTable(WEIGHTS),
    "ImbalancedDatasetSampler": lambda: pysampler.ImbalancedDatasetSampler(list(range(6)), LABELS),
    "Labels": lambda: pysampler.read_labels(LABELS),
    "MPerClassBatches": lambda: pysampler.MPerClassBatches(LABELS, 1, 2, 6),
    "MPerClassSampler": lambda: pysampler.MPerClassSampler(LABELS, 1, 2, 6),
    "Mixture": lambda: pysampler.Mixture([2, 4], [1, 1], window=6),
    "Shuffle": lambda: pysampler.Shuffle(6),
    "ShuffleSampler": lambda: pysampler.ShuffleSampler(6),
    "Source": Own,
    "SystematicTable": lambda: pysampler.SystematicTable(WEIGHTS),
    "UnderSampler": lambda: pysampler.UnderSampler(LABELS),
    "UnderSampling": lambda: pysampler.UnderSampling(LABELS),
    "WeightedBatchSampler": lambda: pysampler.WeightedBatchSampler(_sampler(), 2),
    "WeightedRandomSampler": _sampler,
}
RETURNED: dict[str, Any] = {
    "SamplingPlan": lambda: plan_labels(LABELS),
    "SamplingPlan of weights": lambda: plan_weights(WEIGHTS),
    "WatchedSampler": lambda: _tracker().watch(_sampler()),
}


def test_no_public_class_is_left_out() -> None:
    classes = {name for name in pysampler.__all__ if inspect.isclass(getattr(pysampler, name))}
    assert classes == set(MADE)


@pytest.mark.parametrize("name", [*MADE, *RETURNED])
def test_every_object_names_its_class_in_one_short_line_without_its_address(name: str) -> None:
    made = {**MADE, **RETURNED}[name]()
    text = repr(made)
    assert type(made).__name__ in text
    assert " at 0x" not in text
    assert "object" not in text.split("(")[0]
    assert len(text) < 700
    if name in ("Source", "CoverageForecast", "CoverageTrials", "CoverageAudit", "ClassCoverage"):
        return
    assert "6" in text  # how many items there are
    assert "\n" not in text


@pytest.mark.parametrize("name", [name for name in MADE if name not in ("Source", "CoverageForecast")])
def test_a_copy_reads_like_the_original(name: str) -> None:
    made = MADE[name]()
    assert repr(copy.deepcopy(made)) == repr(made)
    if name != "ImbalancedDatasetSampler":
        assert repr(pickle.loads(pickle.dumps(made))) == repr(made)


def test_a_repr_draws_nothing_and_loads_no_item() -> None:
    class Loud(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("an item was loaded")

    dataset = pysampler.BatchedDataset(Loud())
    assert repr(dataset).startswith("BatchedDataset(")
    assert "6 items" in repr(dataset)
    before = torch.get_rng_state()
    for make in MADE.values():
        repr(make())
    assert torch.equal(torch.get_rng_state(), before)


def test_iterators_say_where_they_stand() -> None:
    sampler = pysampler.WeightedRandomSampler([1.0, 2.0], 9, seed=0)
    indices = iter(sampler)
    assert repr(indices) == "IndexIterator(epoch=0, position=0)"
    next(indices)
    assert repr(indices) == "IndexIterator(epoch=0, position=1)"
    assert repr(iter(pysampler.WeightedBatchSampler(sampler, 2))) == "BatchIterator(epoch=1, position=0)"
