"""Tensors without memory to read or write are refused by name, instead of crashing the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from takers import BY_NAME, TAKERS
from torch._subclasses.fake_tensor import FakeTensorMode

from pysampler import AliasTable, CoverageTracker, read_labels
from pysampler.inputs.memory import address_of, as_array, check_memory


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Wrapper:
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device=inner.device)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if isinstance(args[0], Wrapper) else func(*args, **(kwargs or {}))


def fake(dtype: torch.dtype) -> torch.Tensor:
    with FakeTensorMode():
        return torch.ones(3, dtype=dtype)


def freed(dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.ones(3, dtype=dtype)
    tensor.untyped_storage().resize_(tensor.element_size())
    return tensor


MEMORYLESS: dict[str, Callable[[torch.dtype], torch.Tensor]] = {
    "zeros": lambda dtype: torch._efficientzerotensor(3, dtype=dtype),
    "fake": fake,
    "functionalised": lambda dtype: torch._to_functional_tensor(torch.ones(3, dtype=dtype)),
    "wrapper": lambda dtype: Wrapper(torch.ones(3, dtype=dtype)),
    "freed": freed,
}
memoryless = pytest.mark.parametrize("make", list(MEMORYLESS.values()), ids=list(MEMORYLESS))


@pytest.mark.parametrize("take", TAKERS, ids=list(BY_NAME))
@memoryless
def test_weights_without_memory_are_a_type_error(take: Callable[[Any], Any], make: Any) -> None:
    with pytest.raises(TypeError, match="weights must"):
        take(make(torch.float32))


@memoryless
def test_outputs_indices_and_labels_without_memory_are_type_errors(make: Any) -> None:
    table, tensor = AliasTable([1.0, 2.0, 1.0]), make(torch.int64)
    for call in (
        lambda: table.draw(3, seed=0, out=tensor),
        lambda: CoverageTracker(3).update(tensor),
        lambda: read_labels(tensor),
        lambda: address_of(tensor, "out"),
    ):
        with pytest.raises(TypeError, match="must"):
            call()


def test_drawing_under_fake_tensor_mode_is_a_type_error() -> None:
    table = AliasTable([1.0, 2.0])
    with FakeTensorMode(), pytest.raises(TypeError, match="FakeTensorMode"):
        table.draw(4, seed=0)


@pytest.fixture
def alone() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_a_dtensor_is_refused_with_the_two_ways_out() -> None:
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh  # noqa: PLC0415 - slow to import

    spread = distribute_tensor(torch.ones(3), init_device_mesh("cpu", (1,)), [Shard(0)])
    with pytest.raises(TypeError, match=r"weights must.*DTensor.*to_local\(\).*full_tensor\(\)"):
        AliasTable(spread)
    assert len(AliasTable(spread.to_local())) == 3


def test_a_negated_view_is_no_output() -> None:
    with pytest.raises(ValueError, match="negated view"):
        AliasTable([1.0]).draw(2, seed=0, out=torch._neg_view(torch.zeros(2, dtype=torch.int64)))


def test_tensors_with_memory_have_its_address_and_empty_ones_need_none() -> None:
    tensor = torch.arange(5.0)
    assert address_of(tensor[2:]) == tensor.data_ptr() + 8
    assert address_of(torch.empty(0)) == 0
    check_memory(torch.ones(1).expand(2**40), "weights")


def test_elements_that_numpy_does_not_take_are_read_as_in_one_tensor() -> None:
    for elements in (
        [torch.tensor(1.0, requires_grad=True), torch.tensor(3.0)],
        [torch.tensor(1.0, dtype=torch.bfloat16), torch.tensor(3.0, dtype=torch.bfloat16)],
    ):
        assert AliasTable(elements).fingerprint == AliasTable([1.0, 3.0]).fingerprint
        assert read_labels(elements).codes.tolist() == [1, 3]
    assert as_array(torch.tensor([0.5], dtype=torch.float8_e5m2), "x").dtype == np.float32


def test_a_column_or_row_of_weights_is_told_how_to_become_one_dimension() -> None:
    with pytest.raises(ValueError, match=r"\(3, 1\): pass weights.squeeze\(1\)"):
        AliasTable(torch.ones(3, 1))
    with pytest.raises(ValueError, match=r"\(1, 3\): pass weights\[0\]"):
        AliasTable(torch.ones(1, 3))


def test_more_draws_than_memory_holds_are_a_memory_error() -> None:
    with pytest.raises(MemoryError, match="draws"):
        AliasTable([1.0]).draw(2**55, seed=0)
