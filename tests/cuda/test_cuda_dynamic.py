"""Dynamic tables on a GPU: the CPU's draws and updates, bit for bit. Without a GPU: skipped, saying why."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

from pysampler import DynamicTable, stream_state
from pysampler.cuda import availability

NO_CUDA = availability.problem()
pytestmark = pytest.mark.skipif(NO_CUDA is not None, reason=f"no GPU to test with: {NO_CUDA}")

draw: Any = torch.ops.pysampler.draw_dynamic
FLOATS = [torch.float32, torch.float64]


def weights_of(items: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    weights = torch.rand(items, generator=torch.Generator().manual_seed(items), dtype=dtype)
    weights[::7] = 0
    weights[-1] = 1
    return weights


def same(there: Any, here: DynamicTable) -> None:
    assert there.fingerprint == here.fingerprint
    assert torch.equal(there.as_tensor().cpu(), here.as_tensor())
    assert (there.total, there.positive, there.scale, len(there)) == (here.total, here.positive, here.scale, len(here))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("items", [1, 17, 257, 100_003, 3_000_000])
def test_dynamic_draws_are_the_cpus(items: int, dtype: torch.dtype) -> None:
    here = DynamicTable(weights_of(items, dtype))
    there: Any = here.to("cuda")
    for arguments in [{}, {"start": 2**40 + 3, "step": 3}, {"stratified": True}, {"stratified": 77, "start": 5}]:
        for out in (torch.int64, torch.int32):
            found = there.draw(30_001, seed=-3, epoch=9, dtype=out, **arguments)
            assert found.is_cuda
            assert torch.equal(found.cpu(), here.draw(30_001, seed=-3, epoch=9, dtype=out, **arguments))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("items", [1, 300, 100_003, 3_000_000])
def test_dynamic_updates_leave_the_cpus_table(items: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(items)
    here = DynamicTable(weights_of(items, dtype))
    there: Any = here.to("cuda")
    for count in (1, 32, 4096, 100_003, 5):
        indices = torch.randint(0, items, (count,), generator=generator)  # with duplicates
        weights = torch.rand(count, generator=generator, dtype=dtype) ** 8
        here.update(indices, weights)
        there.update(indices.cuda(), weights.cuda())
        same(there, here)
    # Far up and far down: other scales.
    for factor in (1e12, 1e-12):
        indices = torch.arange(items)
        here.update(indices, weights_of(items, dtype) * factor)
        there.update(indices.cuda(), (weights_of(items, dtype) * factor).cuda())
        same(there, here)
    assert torch.equal(there.draw(1000, seed=1).cpu(), here.draw(1000, seed=1))


def test_dynamic_duplicates_under_load_the_last_place_counts() -> None:
    here, weights = DynamicTable(torch.ones(10)), torch.rand(1_000_000)
    there: Any = here.to("cuda")
    indices = torch.arange(1_000_000) % 3
    there.update(indices.cuda(), weights.cuda())
    here.update(indices, weights)
    same(there, here)


def test_dynamic_bad_batches_change_nothing_and_say_what_the_cpu_says() -> None:
    here = DynamicTable(weights_of(1000))
    there: Any = here.to("cuda")
    for index, weight in [(1000, 1.0), (-1, 1.0), (3, -0.5), (3, float("nan")), (3, float("inf"))]:
        indices, weights = torch.arange(500), torch.rand(500)
        indices[77], weights[77] = index, weight
        with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
            here.update(indices, weights)
        with pytest.raises(ValueError) as found:  # noqa: PT011
            there.update(indices.cuda(), weights.cuda())
        assert str(found.value) == str(expected.value)
        same(there, here)


def test_dynamic_tables_grow_move_and_pickle() -> None:
    here = DynamicTable(weights_of(1000), capacity=1200)
    there: Any = here.to("cuda")
    for count in (150, 1, 2000):  # within the capacity, and beyond it
        more = torch.rand(count)
        here.append(more)
        there.append(more.cuda())
        assert there.fingerprint == here.fingerprint
    assert there.to("cpu").fingerprint == here.fingerprint
    for again in (copy.deepcopy(there), pickle.loads(pickle.dumps(there))):
        assert again.device == there.device
        assert torch.equal(again.draw(100, seed=0), there.draw(100, seed=0))


def test_dynamic_readings_are_the_cpus() -> None:
    here = DynamicTable(weights_of(1000, torch.float64))
    there: Any = here.to("cuda")
    indices = here.draw(64, seed=0)
    assert torch.equal(there.probabilities().cpu(), here.probabilities())
    assert torch.equal(there.weights[indices.cuda()].cpu(), here.weights[indices])
    torch.testing.assert_close(there.log_prob(indices.cuda()).cpu(), here.log_prob(indices))
    for normalise in ("batch", "table"):
        found = there.importance_weights(indices.cuda(), 0.4, normalise).cpu()
        torch.testing.assert_close(found, here.importance_weights(indices, 0.4, normalise))
    assert (there.max, there.min) == (here.max, here.min)


def test_a_dynamic_graph_draws_by_the_weights_of_its_replay() -> None:
    here = DynamicTable(weights_of(5000))
    there: Any = here.to("cuda")
    state, on_cpu = stream_state(4, device="cuda"), 0
    table = there.as_tensor()
    draw(table, stream_state(4, device="cuda"), 256)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = draw(table, state, 256)
        spread = draw(table, state, 64, 1, 64)
    for round_ in range(3):
        graph.replay()
        assert torch.equal(out.cpu(), here.draw(256, seed=4, start=on_cpu))
        assert torch.equal(spread.cpu(), here.draw(64, seed=4, start=on_cpu + 256, stratified=64))
        on_cpu += 320
        weights = torch.rand(256) * 10.0**round_
        here.update(out.cpu(), weights)
        there.update(out, weights.cuda())
        same(there, here)
    with pytest.raises(RuntimeError, match="graph"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        there.update(out, 1.0)


def test_a_dynamic_draw_inside_torch_compile() -> None:
    there: Any = DynamicTable(weights_of(5000)).to("cuda")
    compiled = torch.compile(lambda table, state: draw(table, state, 100) * 2, fullgraph=True)
    found = compiled(there.as_tensor(), stream_state(2, device="cuda"))
    assert torch.equal(found, there.draw(100, seed=2) * 2)


def test_dynamic_draws_while_no_weight_is_positive() -> None:
    there: Any = DynamicTable(torch.zeros(100)).to("cuda")
    assert draw(there.as_tensor(), stream_state(0, device="cuda"), 3).tolist() == [-1, -1, -1]
    with pytest.raises(ValueError, match="no weight is positive"):
        there.draw(3, seed=0)
    there.update([5], [0.25])
    assert there.draw(3, seed=0).tolist() == [5, 5, 5]
