"""torch.set_default_device changes nothing: every tensor that is made says where."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import pysampler

_FACTORIES = {"empty", "zeros", "ones", "full", "arange", "tensor", "rand", "randn", "randint", "randperm", "linspace"}


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


@pytest.mark.filterwarnings("ignore")
def test_public_functions_work_under_a_meta_default_device() -> None:
    with torch.device("meta"):
        assert pysampler.repeat_indices([1.0, 2.0], seed=0).tolist() == [0, 1, 1]
        tracker = pysampler.CoverageTracker(2, counts=True)
        tracker.update([0, 1])
        assert tracker.unseen_items().tolist() == []
        trials = pysampler.simulate_coverage([1.0, 2.0], trials=3)
        assert trials.draws_to_full_coverage.device.type == trials.unique_after_one_epoch.device.type == "cpu"
        assert pysampler.positions_of(0, pysampler.AliasTable([1.0]), seed=0, epochs=1).tolist() == [[0, 0]]
        assert pysampler.multinomial([1.0], 2, True).tolist() == [0, 0]
        assert list(pysampler.WeightedRandomSampler([1.0, 0.0], 2)) == [0, 0]
        assert sorted(pysampler.ShuffleSampler(3, seed=0)) == [0, 1, 2]
        assert pysampler.sample_weights([0, 1]).tolist() == pysampler.class_weights([0, 1]).tolist() == [1, 1]
        assert len(pysampler.ImbalancedDatasetSampler([("x.png", 0), ("y.png", 1)], seed=0)) == 2
