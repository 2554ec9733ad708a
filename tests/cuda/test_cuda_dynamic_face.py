"""The Python around the kernels for dynamic tables, where there is no GPU: the CPU stands in for the device.

What the kernels do is tested in tests/cpp/test_cuda_dynamic.cpp, and on a GPU in test_cuda_dynamic.py.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import pysampler
from pysampler import DynamicTable, _core, dynamic_operator, stream_state
from pysampler.cuda import dynamic as cuda_dynamic
from pysampler.sources.dynamic_on_gpu import CudaDynamicTable
from pysampler.sources.dynamic_table import from_parts
from pysampler.sources.dynamic_table_file import DynamicTableParts

draw: Any = torch.ops.pysampler.draw_dynamic


def words_at(address: int) -> torch.Tensor:
    """A packed table in memory."""
    capacity, wide = (ctypes.c_int64 * 3).from_address(address)[1:3]
    count = DynamicTable(torch.zeros(0, dtype=torch.float64 if wide else torch.float32), capacity=capacity)
    return torch.frombuffer((ctypes.c_int64 * count.as_tensor().numel()).from_address(address), dtype=torch.int64)


def table_at(address: int) -> DynamicTable:
    words = words_at(address)
    items, capacity, wide, scale, _, _, low, high = words[:8].tolist()
    weights = words[-(capacity // (1 if wide else 2)) :].view(torch.float64 if wide else torch.float32)[:items]
    fingerprint = _core.packed_fingerprint(low % 2**64, high % 2**64, scale, items)
    return from_parts(DynamicTableParts(weights.clone(), scale, capacity, fingerprint))


def tensor_at(address: int, count: int, wide: bool) -> torch.Tensor:
    kind = ctypes.c_double if wide else ctypes.c_float
    return torch.frombuffer((kind * count).from_address(address), dtype=torch.float64 if wide else torch.float32)


class StandInKernels:
    """What pysampler._cuda offers for dynamic tables, on the CPU's memory."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def dynamic_scratch_bytes(self, count: int, is_float64: bool) -> int:
        return 64 * count

    def dynamic_update(
        self,
        table: int,
        claims: int,
        indices: int,
        first: int,
        weights: int,
        is_float64: bool,
        count: int,
        items: int,
        scratch: int,
        device: Any,
        stream: int,
    ) -> tuple[Any, ...]:
        ctypes.memset(scratch, 0xA5, 64 * count)
        host = table_at(table)
        scale, values = host.scale, tensor_at(weights, count, is_float64)
        outcome = "done"
        try:
            if indices:
                host.update(torch.frombuffer((ctypes.c_int64 * count).from_address(indices), dtype=torch.int64), values)
            else:
                assert first == len(host)
                host.append(values)
                assert len(host) == items
        except ValueError:
            outcome = "refused"
        if outcome == "done" and host.scale != scale:
            outcome = "new scale"
        words = words_at(table)
        if outcome == "done":
            words.copy_(host.as_tensor())
        self.outcomes.append(outcome)
        items, _, _, scale, total, positive, low, high = words[:8].tolist()
        return outcome, items, total, positive, scale, low % 2**64, high % 2**64

    def dynamic_draw(
        self,
        table: int,
        held: int,
        out: int,
        is_int32: bool,
        count: int,
        seed: int,
        epoch: int,
        start: int,
        step: int,
        strata: int,
        state: int,
        device: Any,
        stream: int,
    ) -> None:
        if state:
            numbers = (ctypes.c_int64 * 3).from_address(state)
            seed, epoch, start = numbers[0] % 2**64, numbers[1], numbers[2]
            numbers[2] += count * step
        wide = torch.empty(count, dtype=torch.int64)
        words = words_at(table)
        assert held == words.numel()
        _core.draw_packed_into(table, words.numel(), wide.data_ptr(), count, seed, epoch, start, step, 1, strata)
        drawn = wide.to(torch.int32 if is_int32 else torch.int64)
        ctypes.memmove(out, drawn.data_ptr(), drawn.nbytes)

    def dynamic_masses(
        self, table: int, weights: int, is_float64: bool, count: int, out: int, device: Any, stream: int
    ) -> None:
        # Under a scale s a weight of 2^-s has mass 1: probabilities of a table tell its masses.
        host, values = table_at(table), tensor_at(weights, count, is_float64)
        masses = torch.tensor([mass_of(float(value), host.scale) for value in values], dtype=torch.int64)
        ctypes.memmove(out, masses.data_ptr(), masses.nbytes)


def mass_of(weight: float, scale: int) -> int:
    numerator, denominator = weight.as_integer_ratio()
    if scale < 0:
        denominator <<= -scale
    else:
        numerator <<= scale
    whole, rest = divmod(numerator, denominator)
    rounded = whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
    return max(rounded, 1) if weight > 0 else 0


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> StandInKernels:
    @contextlib.contextmanager
    def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
        assert all(tensor.device == device for tensor in read)
        yield 77

    stand_in = StandInKernels()
    monkeypatch.setattr(pysampler, "_cuda", stand_in, raising=False)
    monkeypatch.setattr(cuda_dynamic, "queue_on", queue_on)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(cuda_dynamic, "require_compiled", lambda device, what: torch.device("cpu"))
    monkeypatch.setattr(dynamic_operator, "require_compiled", lambda device, what: device)
    return stand_in


def weights_of(items: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    weights = torch.rand(items, generator=torch.Generator().manual_seed(items), dtype=dtype)
    weights[::7] = 0
    return weights


def both(items: int, dtype: torch.dtype = torch.float32, capacity: int | None = None) -> tuple[DynamicTable, Any]:
    here = DynamicTable(weights_of(items, dtype), capacity=capacity)
    there = here.to("cuda")
    assert isinstance(there, CudaDynamicTable)
    return here, there


def same(there: Any, here: DynamicTable) -> None:
    assert there.fingerprint == here.fingerprint
    assert torch.equal(there.as_tensor(), here.as_tensor())
    assert (there.total, there.positive, there.scale, len(there)) == (here.total, here.positive, here.scale, len(here))
    assert (there.max, there.min, there.dtype) == (here.max, here.min, here.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("items", [2, 257, 5000])
def test_draws_and_readings_are_the_cpus(items: int, dtype: torch.dtype) -> None:
    here, there = both(items, dtype)
    same(there, here)
    for arguments in [{}, {"start": 5, "step": 3}, {"stratified": True}, {"stratified": 7, "dtype": torch.int32}]:
        found = there.draw(300, seed=-3, epoch=2, **arguments)
        assert torch.equal(found, here.draw(300, seed=-3, epoch=2, **arguments))
    assert torch.equal(there.probabilities(), here.probabilities())
    indices = here.draw(20, seed=1).view(4, 5)
    assert torch.equal(there.weights[indices], here.weights[indices])
    assert torch.equal(there.weights[1:2], here.weights[1:2])
    assert torch.equal(there.weights.tensor(), here.weights.tensor())
    torch.testing.assert_close(there.log_prob(indices), here.log_prob(indices))
    for normalise in ("batch", "table"):
        found = there.importance_weights(indices, 0.4, normalise)
        torch.testing.assert_close(found, here.importance_weights(indices, 0.4, normalise))
    with pytest.raises(ValueError, match="probability 0"):
        there.importance_weights([0], 1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_updates_of_any_form_leave_the_cpus_table(kernels: StandInKernels, dtype: torch.dtype) -> None:
    here, there = both(1000, dtype)
    batches: list[tuple[Any, Any]] = [
        ([3, 7, 3], [5.0, 0.0, 2.0]),
        (torch.tensor([[1, 2], [3, 4]]), torch.rand(2, 2)),
        (torch.tensor([9], dtype=torch.int32), 4),
        (range(10), 0.5),
        (torch.arange(100), torch.rand(100, dtype=torch.float64)),
        (torch.arange(100)[::2], torch.rand(100)[::2]),
        (torch.tensor([5, 6]), torch.tensor([1, 2])),
        ([], []),
        (torch.arange(1000), torch.rand(1000) * 1e20),  # another scale
        (torch.arange(1000), torch.rand(1000) * 1e-20),
    ]
    for indices, weights in batches:
        here.update(indices, weights)
        there.update(indices, weights)
        same(there, here)
    assert kernels.outcomes.count("new scale") == 2
    assert there.version == here.version


def test_bad_batches_say_what_the_cpu_says() -> None:
    here, there = both(100)
    batches: list[tuple[Any, Any]] = [
        ([1, 100], [1.0, 1.0]),
        ([-1], 1.0),
        ([1, 2], [1.0, -0.5]),
        ([1, 2], [float("nan"), float("inf")]),
        ([1, 2], [1.0]),
        ([1, 2, 3], [1.0, 2.0]),
        ([1], torch.tensor([1e-300], dtype=torch.float64)),
        ([1], torch.tensor([1e300], dtype=torch.float64)),
        (torch.tensor([1, 2, 3]), torch.tensor([1.0, 2.0])),
    ]
    for indices, weights in batches:
        if torch.as_tensor(weights).numel() == 1 and len(indices) == 2:
            continue  # a single one stands for all
        with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
            here.update(indices, weights)
        with pytest.raises(ValueError) as found:  # noqa: PT011
            there.update(indices, weights)
        assert str(found.value) == str(expected.value)
        same(there, here)
    for indices, weights in [(torch.tensor([1.5]), 1.0), ([True], 1.0), ([1], "a"), ([1], torch.tensor([1j]))]:
        with pytest.raises(TypeError):
            there.update(indices, weights)
    with pytest.raises(ValueError, match=r"weights\[1\] is -1.0"):
        there.append([1.0, -1.0])
    with pytest.raises(ValueError, match="on the CPU"):
        there.draw(3, seed=0, without_replacement=True)
    same(there, here)


def test_appended_items_within_the_capacity_and_beyond(kernels: StandInKernels) -> None:
    here, there = both(100, capacity=130)
    for more in ([0.5, 0.25], torch.rand(20), [], torch.rand(500), [1e30]):
        here.append(more)
        there.append(more)
        same(there, here)
        assert there.capacity == here.capacity
    assert kernels.outcomes == ["done", "done", "new scale"]


def test_the_table_goes_back_and_is_copied() -> None:
    here, there = both(100)
    there.update([3], [7.0])
    back = there.to("cpu")
    assert isinstance(back, DynamicTable)
    assert back.weights[3] == 7.0
    assert here.weights[3] != 7.0  # a copy
    assert there.cpu().fingerprint == there.fingerprint
    assert repr(there) == "DynamicTable(100 items, device='cpu')"
    monkey = pickle.loads(pickle.dumps(there))  # to("cpu") gives the host's table where the device is the CPU
    assert monkey.fingerprint == there.fingerprint
    assert copy.deepcopy(there).fingerprint == there.fingerprint


def test_the_operator_draws_there_as_on_the_cpu() -> None:
    here, there = both(1000)
    for arguments in [(100,), (100, 3), (100, 1, 10)]:
        ours, theirs = stream_state(5, epoch=1, position=9), stream_state(5, epoch=1, position=9)
        found = dynamic_operator._draw_on_cuda(there.as_tensor(), ours, *arguments)
        assert torch.equal(found, draw(here.as_tensor(), theirs, *arguments))
        assert torch.equal(ours, theirs)


def test_an_update_is_refused_while_a_graph_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = both(100)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    for change in (lambda: there.update([1], [2.0]), lambda: there.append([2.0])):
        with pytest.raises(RuntimeError, match="CUDA graph cannot hold an update"):
            change()
    assert torch.equal(there.draw(10, seed=0), here.draw(10, seed=0))
    same(there, here)
