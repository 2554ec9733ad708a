"""Addresses of tensors that go to C++ come from one place, which makes sure that there is memory behind them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch

import pysampler
from pysampler import AliasTable, ClassTable, CoverageTracker, DynamicTable

WITHIN = Path("inputs")  # the room that checks


def test_nothing_else_asks_a_tensor_for_its_address() -> None:
    package = Path(pysampler.__file__).parent
    asking = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        if path.relative_to(package).parent != WITHIN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "data_ptr"
    ]
    assert asking == []


def freed(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    tensor = torch.ones(4, dtype=dtype)
    tensor.untyped_storage().resize_(0)
    return tensor


def fake(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: PLC0415

    with FakeTensorMode():
        return torch.ones(4, dtype=dtype)


def meta(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.ones(4, dtype=dtype, device="meta")


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("make", [freed, fake, meta])
def test_everything_that_takes_tensors_refuses_those_without_memory(make: Any) -> None:
    """Beside AliasTable, multinomial and out=, of which tests/inputs/test_memory.py speaks."""
    dynamic, classes = DynamicTable(torch.ones(4, dtype=torch.float64)), ClassTable([0, 1, 2, 3], [1.0] * 4)
    state = {**dynamic.state_dict(), "weights": make()}
    for refused in (
        lambda: DynamicTable(make()),
        lambda: dynamic.update([0, 1, 2, 3], make()),
        lambda: dynamic.update(make(torch.int64), 1.0),
        lambda: dynamic.append(make()),
        lambda: dynamic.weights[make(torch.int64)],
        lambda: dynamic.log_prob(make(torch.int64)),
        lambda: dynamic.load_state_dict(state),
        lambda: dynamic.draw(4, seed=0, out=make(torch.int64)),
        lambda: classes.draw(4, seed=0, out=make(torch.int64)),
        lambda: classes.with_class_weights(make()),
        lambda: classes.log_prob(make(torch.int64)),
        lambda: CoverageTracker(9).update(make(torch.int64)),
        lambda: CoverageTracker(4, labels=make(torch.int64)),
    ):
        with pytest.raises((TypeError, ValueError)):
            refused()
    assert dynamic.total == 4  # unchanged


def test_one_freed_weight_for_all_indices_is_refused_before_it_is_spread() -> None:
    table = DynamicTable([1.0, 2.0])
    weight = torch.ones(1, dtype=torch.float64)
    weight.untyped_storage().resize_(0)
    with pytest.raises(TypeError, match="weights must be a tensor with memory of its own"):
        table.update([0, 1], weight)
    assert table.total == 3


@pytest.mark.parametrize("make", ["fake", "functional"])
def test_empty_stand_ins_for_tensors_are_refused_too(make: str) -> None:
    """Nothing would be read from them; but NumPy says so of them in its own words."""
    from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: PLC0415

    if make == "fake":
        with FakeTensorMode():
            empty = torch.empty(0)
    else:
        empty = torch._to_functional_tensor(torch.empty(0))
    for call in (
        lambda: pysampler.repeat_counts(empty, seed=0),
        lambda: DynamicTable(empty),
        lambda: DynamicTable([1.0]).append(empty),
        lambda: DynamicTable([1.0]).update([], empty),
    ):
        with pytest.raises(TypeError, match="weights must hold data"):
            call()
    assert len(DynamicTable(torch.empty(0))) == len(DynamicTable(torch.nn.Parameter(torch.empty(0)))) == 0


def test_weights_to_append_that_tell_no_shape_are_refused() -> None:
    for odd in (torch.nested.nested_tensor([[1.0], [1.0, 2.0]]), torch.nn.UninitializedParameter()):
        with pytest.raises(TypeError, match="weights must"):
            DynamicTable([1.0]).append(odd)
    with pytest.raises(ValueError, match="weights must be finite"):
        DynamicTable([1.0]).append(10**400)  # type: ignore[arg-type]


def test_the_operator_refuses_freed_memory() -> None:
    """Of fake and meta tensors, torch asks for the shape of the result only."""
    with pytest.raises(TypeError, match="table must be a tensor with memory of its own"):
        torch.ops.pysampler.draw(freed(torch.int64), pysampler.stream_state(0), 3)
    state = pysampler.stream_state(0)
    state.untyped_storage().resize_(0)
    with pytest.raises(TypeError, match="state must be a tensor with memory of its own"):
        torch.ops.pysampler.draw(AliasTable([1.0] * 4).as_tensor(), state, 3)


def test_negated_views_are_read_as_what_they_stand_for() -> None:
    negated = torch._neg_view(-torch.arange(1.0, 5.0, dtype=torch.float64))
    assert negated.is_neg()
    table = DynamicTable(negated)
    assert table.weights.tensor().tolist() == [1, 2, 3, 4]
    table.load_state_dict({**table.state_dict(), "weights": negated})
    assert table.weights.tensor().tolist() == [1, 2, 3, 4]
    entries = AliasTable([1.0, 3.0]).as_tensor()
    expected = torch.ops.pysampler.draw(entries, pysampler.stream_state(0), 9)
    assert torch.equal(torch.ops.pysampler.draw(torch._neg_view(-entries), pysampler.stream_state(0), 9), expected)


def test_log_prob_is_taken_by_vmap_and_compile() -> None:
    table = AliasTable([1.0, 3.0])
    indices = torch.tensor([[0, 1], [1, 1]])
    expected = table.log_prob(indices)
    assert torch.equal(torch.func.vmap(table.log_prob)(indices), expected)
    assert torch.equal(torch.compile(table.log_prob, backend="eager")(indices), expected)


def amidst(values: list[float] | list[int], dtype: torch.dtype) -> torch.Tensor:
    """A tensor that begins in the midst of a number, as those of files and messages may."""
    memory = bytearray(b"x" + torch.tensor(values, dtype=dtype).numpy().tobytes())
    tensor = torch.frombuffer(memory, dtype=dtype, offset=1)
    assert tensor.data_ptr() % tensor.element_size()
    return tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("numpy", [False, True])
def test_weights_that_are_not_aligned_are_copied(dtype: torch.dtype, numpy: bool) -> None:
    values = [1.0, 0.0, 3.0, 4.0]
    given: Any = amidst(values, dtype).numpy() if numpy else amidst(values, dtype)
    assert torch.equal(AliasTable(given).probabilities(), AliasTable(values).probabilities())
    assert DynamicTable(given).weights.tensor().tolist() == values
    assert len(set(pysampler.multinomial(given, 3).tolist())) == 3
    assert pysampler.multinomial(given.reshape(2, 2), 4, True).shape == (2, 4)
    assert torch.equal(ClassTable([0, 1, 2, 3], given).class_probabilities(), AliasTable(values).probabilities())


def test_other_tensors_that_are_not_aligned_are_refused_with_the_way_out() -> None:
    indices, weights = amidst([0, 1], torch.int64), amidst([2.0, 3.0], torch.float64)
    table = DynamicTable([1.0, 1.0])
    for call in (
        lambda: table.update([0, 1], weights),
        lambda: torch.ops.pysampler.draw(indices, pysampler.stream_state(0), 3),
        lambda: torch.ops.pysampler.multinomial(weights, pysampler.stream_state(0), 1),
    ):
        with pytest.raises(TypeError, match=r"must begin at a multiple of 8 bytes in memory: pass \.clone\(\)"):
            call()
    with pytest.raises(ValueError, match="out must be aligned"):
        AliasTable([1.0]).draw(2, seed=0, out=indices)
    assert table.total == 2
    CoverageTracker(2).update(indices)
