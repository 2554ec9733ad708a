"""torch.set_default_device changes nothing: every tensor that is made says where."""

from __future__ import annotations

import ast
import copy
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pysampler

_FACTORIES = {"empty", "zeros", "ones", "full", "arange", "tensor", "rand", "randn", "randint", "randperm", "linspace"}
_FACTORIES |= {"as_tensor", "asarray", "eye", "empty_strided", "empty_permuted", "logspace", "range", "scalar_tensor"}


def _makes_a_tensor(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FACTORIES):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id == "torch"


def test_every_call_that_makes_a_tensor_says_on_which_device() -> None:
    package = Path(pysampler.__file__).parent
    silent = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        if "demo" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if _makes_a_tensor(node) and not any(word.arg == "device" for word in node.keywords)
    ]
    assert silent == []


LABELS = [0, 0, 0, 1, 1, 2, 2, 2]
WEIGHTS = [1.0, 2.0, 0.0, 4.0, 1.0, 1.0, 3.0, 1.0]
TABLE = pysampler.AliasTable(WEIGHTS)
FOLDER = tempfile.TemporaryDirectory()


def _of_table(table: Any) -> list[Any]:
    again = pickle.loads(pickle.dumps(table))
    drawn = [table.draw(5, seed=1), table.draw(5, seed=1, dtype=torch.int32), again.draw(5, seed=2)]
    return [*drawn, table.probabilities(), table.log_prob(drawn[0].cpu()), table.fingerprint]


def _saved(table: Any) -> Any:
    path = Path(FOLDER.name, "saved")
    table.save(path)
    return type(table).load(path)


def _of_sampler(sampler: Any) -> list[Any]:
    running = iter(sampler)
    begun = [next(running), next(running)]
    state = running.state_dict()
    copied = copy.deepcopy(sampler)
    copied.load_state_dict(state)
    return [begun, state, list(copied), list(running), len(sampler)]


def _dynamic() -> list[Any]:
    table = pysampler.DynamicTable(WEIGHTS)
    table.update([1, 2], [5.0, 6.0])
    table.append([1.0])
    other = pysampler.DynamicTable([1.0])
    other.load_state_dict({**table.state_dict(), "weights": table.weights.tensor()})
    table = _saved(table)
    distinct = table.draw(3, seed=0, without_replacement=True)
    return [*_of_table(table), distinct, table.importance_weights([0, 1], 0.5), table.weights[[0, 1]], other.total]


def _tracked() -> list[Any]:
    tracker = pysampler.CoverageTracker(8, counts=True, labels=LABELS)
    tracker.update([0, 1, 1])
    tracker.new_epoch()
    tracker.load_state_dict(tracker.state_dict())
    tracker = _saved(tracker)
    watched = list(tracker.watch(pysampler.WeightedRandomSampler(WEIGHTS, 4, seed=0)))
    return [tracker.unseen_items(), tracker.counts, tracker.items_per_count(), tracker.unique, watched]


def _audited() -> list[Any]:
    audit = pysampler.audit_coverage(TABLE, seed=0, epochs=2, counts=True, labels=LABELS)
    return [audit.unseen_items(), str(audit), audit.tracker.counts, list(audit.class_coverage().num_items)]


def _operator() -> list[Any]:
    state = pysampler.stream_state(3, epoch=1)
    return [torch.ops.pysampler.draw(TABLE.as_tensor(), state, 6, 2), state]


def _python() -> Any:
    class Custom(pysampler.Source):
        num_items = 8  # type: ignore[assignment]
        fingerprint = "custom"  # type: ignore[assignment]

        def epoch(self, key: int, epoch: int, draws: int) -> Any:
            return pysampler.python_draws(lambda start, step, count: [(start + i * step) % 8 for i in range(count)])

    return [Custom().draw(5, seed=0), list(pysampler.WeightedRandomSampler(Custom(), seed=0))]


def _simulated() -> list[Any]:
    trials = pysampler.simulate_coverage([1.0, 2.0], trials=3)
    return [trials.draws_to_full_coverage, trials.unique_after_one_epoch, trials.deviations]


def _scheduled() -> Any:
    stages = pysampler.piecewise_linear([(0, [1.0, 1.0]), (80, [1.0, 3.0])], steps=4)
    return [stages, pysampler.Mixture([50, 50], stages, window=4).draw(90, seed=0)]


def _balanced() -> Any:
    dataset = [(f"{i}.png", label) for i, label in enumerate(LABELS)]
    return _of_sampler(pysampler.ImbalancedDatasetSampler(dataset, seed=0))


# Every public name, so that a new one fails here until it has a line.
PUBLIC: dict[str, Callable[[], Any]] = {
    "AliasTable": lambda: [*_of_table(pysampler.AliasTable(WEIGHTS)), *_of_table(_saved(TABLE)), TABLE.as_tensor()],
    "BatchedDataset": lambda: pysampler.BatchedDataset([5, 6, 7], list)[[0, 2]],
    "ClassCoverage": _tracked,
    "ClassTable": lambda: [
        *_of_table(pysampler.ClassTable(LABELS, [1.0, 2.0, 0.5])),
        *_of_table(_saved(pysampler.ClassTable.from_targets(LABELS, [0.5, 0.25, 0.25]))),
        pysampler.ClassTable(LABELS, [1.0, 2.0, 0.5]).with_class_weights([1, 1, 1]).class_probabilities(),
    ],
    "CoverageAudit": _audited,
    "CoverageForecast": lambda: str(pysampler.forecast_coverage(WEIGHTS)),
    "CoverageTracker": _tracked,
    "CoverageTrials": _simulated,
    "DistributedMPerClassSampler": lambda: _of_sampler(
        pysampler.DistributedMPerClassSampler(LABELS, 2, 4, 8, num_replicas=2, rank=1)
    ),
    "DistributedShuffleSampler": lambda: _of_sampler(pysampler.DistributedShuffleSampler(9, num_replicas=2, rank=1)),
    "DistributedUnderSampler": lambda: _of_sampler(pysampler.DistributedUnderSampler(LABELS, num_replicas=2, rank=1)),
    "DistributedWeightedBatchSampler": lambda: _of_sampler(
        pysampler.DistributedWeightedBatchSampler(WEIGHTS, num_replicas=2, rank=1, batch_size=2)
    ),
    "DistributedWeightedSampler": lambda: _of_sampler(
        pysampler.DistributedWeightedSampler(WEIGHTS, num_replicas=2, rank=1, replacement=False, num_samples=7)
    ),
    "DynamicTable": _dynamic,
    "ImbalancedDatasetSampler": _balanced,
    "Labels": lambda: [*pysampler.read_labels(LABELS).take(np.array([0, 3])).codes],
    "MPerClassBatches": lambda: pysampler.MPerClassBatches(LABELS, 2, 4, 8).draw(8, seed=0),
    "MPerClassSampler": lambda: _of_sampler(pysampler.MPerClassSampler(LABELS, 2, 4, 8)),
    "Mixture": lambda: pysampler.Mixture([5, TABLE], [1, 2], window=4).draw(9, seed=0),
    "Shuffle": lambda: _of_table(pysampler.Shuffle(9)),
    "ShuffleSampler": lambda: _of_sampler(pysampler.ShuffleSampler(9, seed=0)),
    "Source": _python,
    "SystematicTable": lambda: [
        *_of_table(pysampler.SystematicTable(WEIGHTS)),
        pysampler.SystematicTable(WEIGHTS, LABELS).draw(8, seed=0, global_batch_size=4),
    ],
    "UnderSampler": lambda: _of_sampler(pysampler.UnderSampler(LABELS)),
    "UnderSampling": lambda: [
        pysampler.UnderSampling(LABELS).draw(6, seed=0),
        pysampler.UnderSampling(LABELS).probabilities(),
    ],
    "WeightedBatchSampler": lambda: _of_sampler(
        pysampler.WeightedBatchSampler(pysampler.WeightedRandomSampler(WEIGHTS, seed=0), 3)
    ),
    "WeightedRandomSampler": lambda: [
        *_of_sampler(pysampler.WeightedRandomSampler(WEIGHTS, seed=0)),
        *_of_sampler(pysampler.WeightedRandomSampler(WEIGHTS, 7, False, generator=torch.Generator().manual_seed(1))),
        *_of_sampler(pysampler.WeightedRandomSampler(WEIGHTS, seed=0, method="systematic")),
    ],
    "__version__": pysampler.__version__.strip,
    "audit_coverage": _audited,
    "class_weights": lambda: pysampler.class_weights(LABELS, "effective"),
    "cpu_target": pysampler.cpu_target,
    "cpu_targets": pysampler.cpu_targets,
    "forecast_coverage": lambda: pysampler.forecast_coverage(WEIGHTS).draws_to_expect(0.5),
    "multinomial": lambda: [
        pysampler.multinomial([WEIGHTS, WEIGHTS], 3, replacement, generator=torch.Generator().manual_seed(2))
        for replacement in (True, False)
    ],
    "positions_of": lambda: [
        pysampler.positions_of(3, TABLE, seed=0, epochs=2),
        pysampler.positions_of([3, 1], TABLE, seed=0, epochs=2),
    ],
    "complete_targets": lambda: pysampler.complete_targets(LABELS, {0: 0.5}),
    "epochs": lambda: pysampler.epochs([10, 20], [1, 2]),
    "piecewise_linear": _scheduled,
    "python_draws": _python,
    "read_labels": lambda: repr(pysampler.read_labels(LABELS)),
    "repeat_counts": lambda: pysampler.repeat_counts([1.0, 2.5], seed=0),
    "repeat_factors": lambda: pysampler.repeat_factors(LABELS, 0.5),
    "repeat_indices": lambda: pysampler.repeat_indices([1.0, 2.5], seed=0),
    "sample_weights": lambda: pysampler.sample_weights(LABELS),
    "simulate_coverage": _simulated,
    "smoothed": lambda: pysampler.smoothed(torch.tensor([0.1, 2.0], device="cpu"), floor=0.1),
    "temperature": lambda: pysampler.temperature([10, 20], 2.0),
    "unimax": lambda: pysampler.unimax([10, 20], 15),
    "stream_state": _operator,
}


def test_every_public_name_is_tried() -> None:
    assert PUBLIC.keys() == set(pysampler.__all__)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_give_the_same_under_a_meta_default_device(name: str) -> None:
    expected = _plain(PUBLIC[name]())
    with torch.device("meta"):
        found = PUBLIC[name]()
    assert _plain(found) == expected  # which a tensor on the meta device could not


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return {name: _plain(each) for name, each in value.items()} if isinstance(value, dict) else value
