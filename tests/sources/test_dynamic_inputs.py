"""What dynamic tables are given: any kind of numbers, tensors without memory, text; and the short way of calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from pysampler import DynamicTable
from pysampler.sources.dynamic_batch import draw_at_once, update_at_once
from pysampler.sources.dynamic_table import from_parts
from pysampler.sources.dynamic_table_file import DynamicTableParts


def freed(count: int, dtype: torch.dtype = torch.float32, step: int = 1) -> torch.Tensor:
    """A tensor whose memory was given back, as FSDP does with the parameters of other ranks."""
    tensor = torch.ones(count * step, dtype=dtype)[::step]
    tensor.untyped_storage().resize_(0)
    return tensor


def four() -> DynamicTable:
    return DynamicTable([1.0, 2.0, 3.0, 4.0])


WITHOUT_MEMORY: dict[str, Callable[[DynamicTable], Any]] = {
    "a weight for all": lambda table: table.update([0, 1], freed(1)),
    "a weight for all, float64": lambda table: table.update([0, 1], freed(1, torch.float64)),
    "a weight for each": lambda table: table.update(torch.tensor([0, 1]), freed(2)),
    "indices": lambda table: table.update(freed(2, torch.int64), torch.ones(2)),
    "indices, int32": lambda table: table.update(freed(2, torch.int32), torch.ones(2)),
    "appended": lambda table: table.append(freed(2)),
    "read": lambda table: table.weights[freed(2, torch.int64)],
    "log_prob": lambda table: table.log_prob(freed(2, torch.int64)),
    "beta": lambda table: table.importance_weights([0], freed(1)),
    "out": lambda table: table.draw(4, seed=0, out=freed(4, torch.int64)),
    "seed": lambda table: table.draw(4, seed=freed(1, torch.int64)),
    "a state": lambda table: table.load_state_dict({**table.state_dict(), "weights": freed(4, torch.float64)}),
    "a state, every second": lambda table: table.load_state_dict(
        {**table.state_dict(), "weights": freed(4, torch.float64, 2)}
    ),
}


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("call", WITHOUT_MEMORY.values(), ids=WITHOUT_MEMORY.keys())
def test_tensors_whose_memory_was_freed_are_named_and_change_nothing(
    call: Callable[[DynamicTable], Any], log: bool
) -> None:
    table = DynamicTable([1.0, 2.0, 3.0, 4.0], log=log)
    before = table.fingerprint
    with pytest.raises(TypeError, match="memory"):
        call(table)
    assert table.fingerprint == before


@pytest.mark.parametrize("step", [1, 2])
def test_parts_and_weights_whose_memory_was_freed_are_named(step: int) -> None:
    with pytest.raises(TypeError, match="memory"):
        DynamicTable(freed(4, step=step))
    with pytest.raises(TypeError, match="memory"):
        from_parts(DynamicTableParts(freed(4, step=step), 0, 4, "0"))


@pytest.mark.parametrize("name", ["appended", "sizes", "indices", "weights"])
def test_a_log_without_memory_is_refused_and_changes_nothing(name: str) -> None:
    table = DynamicTable([1.0, 2.0], log=True)
    table.update([0], [3.0])
    state = table.state_dict()
    dtype = state["log"][name].dtype
    state["log"] = {**state["log"], name: freed(100_000, dtype)}
    before = table.fingerprint
    with pytest.raises(ValueError, match="memory"):
        table.load_state_dict(state)
    assert table.fingerprint == before


@pytest.mark.parametrize(
    "beta", ["0.5", b"0.5", bytearray(b"1"), memoryview(b"1"), np.array("0.5"), np.str_("1"), 1j, np.complex128(1)]
)
def test_a_beta_that_is_no_real_number_is_a_type_error(beta: Any) -> None:
    with pytest.raises(TypeError, match="beta must be a number"):
        four().importance_weights([0, 1], beta)


@pytest.mark.parametrize("beta", [np.float32(0.5), np.array(0.5), torch.tensor([0.5]), Fraction(1, 2)])
def test_a_beta_of_any_kind_of_real_number_means_the_same(beta: Any) -> None:
    assert torch.equal(four().importance_weights([0, 1], beta), four().importance_weights([0, 1], 0.5))


def test_a_table_on_the_cpu_is_its_own_copy_there() -> None:
    table = four()
    assert table.cpu() is table
    assert table.to("cpu") is table


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("items", [1, 40, 300, 5000])
def test_draws_at_once_are_those_of_the_long_way(items: int, stratified: bool) -> None:
    table = DynamicTable(torch.rand(items, generator=torch.Generator().manual_seed(1)) + 0.01)
    for n in (1, 11, 16, 256, 1000, 2**14 - 1, 2**14):
        for options in ({}, {"epoch": 3}, {"start": 7, "step": 5}, {"epoch": 2**31 - 1, "start": 2**31 - 1}):
            for seed in (0, 2**64 - 1):
                wanted = torch.empty(n, dtype=torch.int64)
                table.draw(n, seed=seed, stratified=stratified, out=wanted, **options)  # type: ignore[arg-type]
                found = table.draw(n, seed=seed, stratified=stratified, **options)  # type: ignore[arg-type]
                assert found.dtype == torch.int64
                assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n": -1}, ValueError, "n must be"),
        ({"n": 2.0}, TypeError, "n must be an integer"),
        ({"n": True}, TypeError, "n must be an integer"),
        ({"seed": 2**64}, ValueError, "seed must be"),
        ({"seed": None}, TypeError, "seed must be an integer"),
        ({"epoch": -1}, ValueError, "epoch must be"),
        ({"epoch": 2**48}, ValueError, "epoch must be"),
        ({"start": -1}, ValueError, "start must be"),
        ({"step": 0}, ValueError, "step must be"),
        ({"stratified": 0}, ValueError, "stratified must be"),
        ({"stratified": None}, TypeError, "stratified must be"),
    ],
)
def test_arguments_that_the_short_way_leaves_alone_are_named(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        four().draw(**{"n": 2, "seed": 0, **options})


def test_arguments_that_the_short_way_leaves_alone_draw_the_same() -> None:
    table = four()
    wanted = table.draw(8, seed=5, epoch=2)
    for options in ({"n": np.int64(8)}, {"seed": np.uint8(5)}, {"epoch": torch.tensor(2)}, {"dtype": torch.int64}):
        assert torch.equal(table.draw(**{"n": 8, "seed": 5, "epoch": 2, **options}), wanted)  # type: ignore[arg-type]
    assert table.draw(0, seed=5).shape == (0,)
    assert torch.equal(table.draw(8, seed=-1), table.draw(8, seed=2**64 - 1))


def test_the_short_way_is_taken_by_what_it_is_for_and_by_nothing_else() -> None:
    table = DynamicTable(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    core, indices, weights = table._core, torch.tensor([0, 1]), torch.tensor([5.0, 6.0])
    assert draw_at_once(core, 3, 0, 0, 0, 1, False) is not None
    assert update_at_once(core, indices, weights) is True
    assert table.weights.tensor().tolist() == [5.0, 6.0, 3.0, 4.0]
    before = table.version
    unusual: list[tuple[Any, Any]] = [
        ([0, 1], weights),
        (indices, [1.0, 2.0]),
        (indices.int(), weights),
        (indices, weights.double()),
        (indices, weights[:1]),
        (torch.arange(4)[::2], weights),
        (indices, torch.ones(4)[::2]),
        (torch.nn.Parameter(weights), weights),
        (indices, torch.nn.Parameter(weights)),
        (indices, torch._neg_view(weights)),
        (indices, torch.empty(2, device="meta")),
        (indices, weights.to_sparse()),
        (indices, torch._efficientzerotensor(2)),
        (indices, freed(2)),
        (freed(2, torch.int64), weights),
        (indices, None),
    ]
    for places, values in unusual:
        assert update_at_once(core, places, values) is None
    short = torch.ones(8)
    part = short[4:6]
    short.untyped_storage().resize_(5 * 4)  # the memory ends in the middle of it
    assert update_at_once(core, indices, part) is None
    assert table.version == before
    with FakeTensorMode():
        assert draw_at_once(core, 3, 0, 0, 0, 1, False) is None
    with pytest.raises(ValueError, match=r"indices\[1\] is 4"):
        update_at_once(core, torch.tensor([0, 4]), weights)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_at_once(DynamicTable([0.0])._core, 3, 0, 0, 0, 1, False)
    assert table.version == before


def test_updates_inside_vmap_and_grad_are_refused_with_a_reason() -> None:
    table = four()
    indices = torch.tensor([0, 1])

    def update(weights: torch.Tensor) -> torch.Tensor:
        table.update(indices, weights)
        return weights.sum()

    for transformed, weights in ((torch.func.vmap(update), torch.ones(3, 2)), (torch.func.grad(update), torch.ones(2))):
        with pytest.raises((TypeError, RuntimeError)):
            transformed(weights)
    assert table.version == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, -math.inf])
def test_bad_weights_are_named_and_change_nothing(bad: float) -> None:
    table = DynamicTable([1.0, 2.0, 3.0])
    before = table.fingerprint
    with pytest.raises(ValueError, match=r"weights\[1\] is .*invalid entries: 1\).*nothing was changed"):
        table.update([0, 1, 2], [5.0, bad, 6.0])
    with pytest.raises(ValueError, match=r"weights\[0\]"):
        table.append([bad])
    with pytest.raises(ValueError, match=r"weights\[2\]"):
        DynamicTable([0.0, 1.0, bad])
    assert table.fingerprint == before
    assert table.version == 0
    assert table.weights.tensor().tolist() == [1, 2, 3]


@pytest.mark.parametrize("index", [3, -1, 2**40, 2**63, -(2**63)])
def test_indices_out_of_range_are_named_and_change_nothing(index: int) -> None:
    table = DynamicTable([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"indices must lie in \[0, 3\), but indices\[1\]"):
        table.update([0, index], [5.0, 6.0])
    with pytest.raises(IndexError):
        table.log_prob([0, index])
    with pytest.raises(IndexError):
        table.weights[[0, index]]
    assert table.weights.tensor().tolist() == [1, 2, 3]


def test_numbers_that_a_narrower_dtype_cannot_hold_are_refused() -> None:
    table = DynamicTable(torch.ones(3))
    for value, words in ((1e300, "finite"), (1e-300, "become zero")):
        with pytest.raises(ValueError, match=words):
            table.update([1], [value])
    with pytest.raises(ValueError, match="one weight per index"):
        table.update([1, 2], [1.0, 2.0, 3.0])
    assert table.weights.tensor().tolist() == [1, 1, 1]


def test_beta_may_be_a_number_of_numpy_or_torch() -> None:
    table = DynamicTable([1.0, 2.0, 4.0])
    expected = table.importance_weights([0, 2], 0.5)
    for beta in (np.float32(0.5), np.linspace(0.5, 1, 3)[0], torch.tensor(0.5)):
        assert torch.equal(table.importance_weights([0, 2], beta), expected)
    for beta in (-0.1, math.nan, math.inf, 10**400):
        with pytest.raises(ValueError, match="beta must be"):
            table.importance_weights([0], beta)
    with pytest.raises(TypeError, match="beta must be a number"):
        table.importance_weights([0], "some")


def test_an_index_that_is_no_items_is_named() -> None:
    table = DynamicTable([1.0, 2.0, 4.0])
    for read in (table.log_prob, table.weights.__getitem__, lambda indices: table.importance_weights(indices, 1.0)):
        with pytest.raises(IndexError, match=r"\[0, 3\), but indices\[1\] is 3"):
            read([2, 3, -1])
        with pytest.raises(IndexError, match=r"indices\[0\] is -1"):
            read(torch.tensor([-1]))


def test_appended_weights_are_a_sequence_or_a_number() -> None:
    table = DynamicTable([1.0])
    for more in (torch.ones(2, 2), np.ones((1, 2)), [[1.0], [2.0]]):
        with pytest.raises(ValueError, match="1d sequence"):
            table.append(more)
    table.append(2)
    table.append((3.0, 4.0))
    assert table.weights.tensor().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("batch", [1, 7, 300])
def test_plain_batches_and_others_update_alike(batch: int) -> None:
    rng = np.random.default_rng(batch)
    tables = [DynamicTable(torch.ones(100)) for _ in range(6)]
    for _ in range(20):
        indices, weights = rng.integers(0, 100, batch), rng.random(batch, dtype=np.float32)
        places, values = torch.from_numpy(indices), torch.from_numpy(weights)
        tables[0].update(places, values)
        tables[1].update(indices, weights)
        tables[2].update(indices.tolist(), weights.tolist())
        tables[3].update(places.to(torch.int32), values.double())
        tables[4].update(places.repeat_interleave(2)[::2], torch._neg_view(-values))
        tables[5].update(torch.cat([places, places])[batch:], torch.cat([values, values])[batch:])
    assert len({table.fingerprint for table in tables}) == 1
    table, before = tables[0], tables[0].fingerprint
    shrunk = torch.ones(batch)
    shrunk.untyped_storage().resize_(0)
    with pytest.raises(TypeError, match="memory"):
        table.update(torch.zeros(batch, dtype=torch.int64), shrunk)
    with pytest.raises(ValueError, match="one weight per index"):
        table.update(torch.zeros(batch, dtype=torch.int64), torch.ones(batch + 2))
    assert table.fingerprint == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda values: np.array(values)[::-1][::-1]])
def test_indices_and_weights_of_any_kind_mean_the_same(kind: Any, dtype: torch.dtype) -> None:
    table, plain = DynamicTable(torch.ones(6, dtype=dtype)), DynamicTable(torch.ones(6, dtype=dtype))
    table.update(kind([1, 4, 1]), kind([2.0, 0.0, 3.0]))
    plain.update(torch.tensor([1, 4, 1]), torch.tensor([2.0, 0.0, 3.0], dtype=dtype))
    assert table.fingerprint == plain.fingerprint
    read_only = np.array([0, 5])
    read_only.flags.writeable = False
    for weight in (4.0, 4, np.float32(4), torch.tensor(4.0), [4.0], np.array([4.0])):
        table.update(read_only, 9.0)
        table.update(read_only, weight)
        assert table.weights[[0, 5]].tolist() == [4, 4]
    table.update(torch.tensor([[0], [5]], dtype=torch.int32), torch.tensor([[1.0], [2.0]], dtype=torch.bfloat16))
    assert table.weights[[0, 5]].tolist() == [1, 2]
    strided = torch.tensor([[2, 9], [3, 9]])[:, 0]
    table.update(strided, torch.arange(8, dtype=dtype)[::4])
    assert table.weights[[2, 3]].tolist() == [0, 4]


@pytest.mark.parametrize("which", ["indices", "weights"])
def test_tensors_that_begin_in_the_midst_of_a_number_are_named_and_nothing_changes(which: str) -> None:
    table = DynamicTable(torch.ones(10, dtype=torch.float64))
    arguments = {"indices": torch.arange(3), "weights": torch.full((3,), 2.0, dtype=torch.float64)}
    askew = torch.zeros(3 * 8 + 1, dtype=torch.uint8)[1:].view(torch.uint8)
    arguments[which] = torch.frombuffer(askew.numpy().data, dtype=arguments[which].dtype)
    assert arguments[which].data_ptr() % 8 != 0  # or the test shows nothing
    with pytest.raises(TypeError, match=f"{which} must begin at a multiple of 8 bytes"):
        table.update(**arguments)
    assert table.total == 10
