"""The Python around the CUDA kernels, run where there is no GPU: the CPU stands in for the device and for its kernels.

What the kernels do is tested in tests/cpp/test_cuda_*.cpp, and on a GPU in tests/cuda/test_cuda.py.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from families import hashed_integers

import pysampler
from pysampler import AliasTable, DistributedWeightedSampler, WeightedRandomSampler, _core, operators, stream_state
from pysampler.cuda import build as cuda_build
from pysampler.cuda import draws as cuda_draws
from pysampler.cuda import table as cuda_table
from pysampler.cuda.table import CudaEntries
from pysampler.inputs.weights import check_shape, readable, to_tensor

host = AliasTable(hashed_integers(1001))


class StandInKernels:
    """What pysampler._cuda offers, on the CPU's memory."""

    def __init__(self) -> None:
        self.queued_on: list[tuple[int | None, int]] = []
        self.kept: set[int] = set()

    def draw_into(
        self, table: int, items: int, out: int, is_int32: bool, count: int, *wanted: int, **ignored: Any
    ) -> None:
        *stream_range, device, stream = wanted
        self.queued_on.append((device, stream))
        entries = _core.Table.over((ctypes.c_uint64 * items).from_address(table), False, 1)
        wide = torch.empty(count, dtype=torch.int64)
        entries.draw_into(wide.data_ptr(), count, *stream_range, 1)
        drawn = wide.to(torch.int32 if is_int32 else torch.int64)
        ctypes.memmove(out, drawn.data_ptr(), drawn.nbytes)

    def build_scratch_bytes(self, items: int) -> int:
        return 16 * items

    def build_table(
        self, weights: int, items: int, is_float64: bool, table: int, scratch: int, device: int | None, stream: int
    ) -> None:
        self.queued_on.append((device, stream))
        entries = _core.Table.build(weights, items, is_float64, 1)
        ctypes.memmove(table, entries.address, 8 * items)
        ctypes.memset(scratch, 0xA5, 16 * items)

    def draw_from_state(
        self,
        table: int,
        items: int,
        out: int,
        is_int32: bool,
        count: int,
        state: int,
        step: int,
        device: int,
        stream: int,
    ) -> None:
        numbers = (ctypes.c_int64 * 3).from_address(state)
        key, epoch, position = numbers
        self.draw_into(table, items, out, is_int32, count, key % 2**64, epoch, position, step, device, stream)
        numbers[2] = position + count * step


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> StandInKernels:
    kernels = StandInKernels()

    @contextlib.contextmanager
    def queue_on(device: torch.device, *read: torch.Tensor) -> Iterator[int]:
        assert all(tensor.device == device for tensor in read)
        kernels.kept = {tensor.data_ptr() for tensor in read}
        yield 77

    monkeypatch.setattr(pysampler, "_cuda", kernels, raising=False)
    for module in (cuda_draws, cuda_table):
        monkeypatch.setattr(module, "draws_by_triton", lambda: False)
    for module in (cuda_draws, cuda_build):
        monkeypatch.setattr(module, "queue_on", queue_on)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(cuda_table, "require", lambda device: torch.device("cpu"))
    monkeypatch.setattr(operators, "require", lambda device: None)
    return kernels


def built_there(weights: Any) -> AliasTable:
    """What AliasTable does with weights on a GPU."""
    tensor = to_tensor(weights, to_cpu=False)
    check_shape(tensor)
    return AliasTable._around(None, CudaEntries.build(readable(tensor)))


def is_there(table: AliasTable) -> bool:
    return table._on_gpu is not None


@pytest.fixture
def table(kernels: StandInKernels) -> AliasTable:
    found = host.to("cuda")
    assert is_there(found)
    return found


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_the_arguments_reach_the_kernel(table: AliasTable, kernels: StandInKernels, dtype: torch.dtype) -> None:
    arguments: dict[str, Any] = {"seed": -3, "epoch": 2**48 - 1, "start": 12, "step": 5, "dtype": dtype}
    assert torch.equal(table.draw(100, **arguments), host.draw(100, **arguments))
    out = torch.empty(7, dtype=dtype)
    assert table.draw(7, seed=1, out=out) is out
    assert kernels.kept == {table.as_tensor().data_ptr(), out.data_ptr()}  # both may be dropped before it is drawn
    assert torch.equal(out, host.draw(7, seed=1, dtype=dtype))
    assert kernels.queued_on == [(None, 77)] * 2
    assert table.draw(0, seed=1).shape == (0,)
    assert len(kernels.queued_on) == 2  # nothing to draw, nothing queued


@pytest.mark.parametrize(
    "arguments",
    [{"n": -1}, {"n": 1, "epoch": 2**48}, {"n": 2, "start": 2**63 - 1}, {"n": 1, "step": 0}, {"n": 1, "seed": 2**64}],
)
def test_wrong_arguments_give_the_cpus_message(table: AliasTable, arguments: dict[str, Any]) -> None:
    arguments = {"seed": 0, **arguments}
    with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
        host.draw(**arguments)
    with pytest.raises(ValueError) as found:  # noqa: PT011
        table.draw(**arguments)
    assert str(found.value) == str(expected.value)


def test_the_table_goes_there_and_back(table: AliasTable, tmp_path: Path) -> None:
    assert len(table) == len(host)
    assert table.nbytes == host.nbytes
    assert repr(table) == "AliasTable(1001 items, device='cpu')"
    assert table.to("cuda") is table
    back = table.to("cpu")
    assert not is_there(back)
    assert back.fingerprint == host.fingerprint
    assert torch.equal(table.as_tensor(), host.as_tensor())
    assert torch.equal(table.probabilities(), host.probabilities())
    assert torch.equal(table.log_prob(torch.arange(1001)), host.log_prob(torch.arange(1001)))
    table.save(tmp_path / "table")
    loaded = AliasTable.load(tmp_path / "table")
    assert not is_there(loaded)
    assert loaded.fingerprint == host.fingerprint


def test_a_device_without_a_number_is_the_current_one(table: AliasTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the table is on another one. "meta" stands in for that."""
    monkeypatch.setattr(cuda_table, "require", lambda device: torch.device("meta"))
    assert table.to("cuda").device == torch.device("meta")


def test_weights_there_make_a_table_there(kernels: StandInKernels) -> None:
    weights = torch.from_numpy(hashed_integers(1001))
    table = built_there(weights)
    assert table.fingerprint == host.fingerprint
    assert kernels.queued_on == [(None, 77)]  # the kernel's, nothing built elsewhere and copied
    with pytest.raises(ValueError, match=r"weights\[1\] is -1\.0"):
        built_there(torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.float64]
)
def test_weights_of_any_dtype_and_stride_reach_the_kernel(kernels: StandInKernels, dtype: torch.dtype) -> None:
    weights = torch.arange(1, 601).remainder(7).to(dtype)[::3]
    assert built_there(weights).fingerprint == AliasTable(weights).fingerprint
    trained = torch.rand(50, requires_grad=True)
    assert built_there(trained).fingerprint == AliasTable(trained.detach()).fingerprint


@pytest.mark.parametrize(
    "weights", [torch.ones(0), torch.ones(2, 3), torch.ones(()), torch.ones(3, dtype=torch.cfloat)]
)
def test_what_is_no_list_of_weights_is_refused_as_on_the_cpu(kernels: StandInKernels, weights: torch.Tensor) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        AliasTable(weights)
    with pytest.raises(type(expected.value)) as found:
        built_there(weights)
    assert str(found.value) == str(expected.value)
    assert kernels.queued_on == []


def test_no_table_is_built_inside_a_graph(kernels: StandInKernels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="a CUDA graph cannot hold the construction of a table"):
        built_there(torch.ones(3))
    assert kernels.queued_on == []


def test_large_tables_are_copied_in_pieces(kernels: StandInKernels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_table, "_COPIED_AT_A_TIME", 100)
    assert torch.equal(host.to("cuda").as_tensor(), host.as_tensor())


def test_copies_are_on_the_device_again(table: AliasTable) -> None:
    assert copy.copy(table) is table
    assert copy.deepcopy(table) is table
    make, arguments = table.__reduce__()
    assert arguments[2] == "cpu"  # the name of the device that stands in
    other = pickle.loads(pickle.dumps(make))(*arguments[:2], "cuda")
    assert is_there(other)
    assert torch.equal(other.as_tensor(), host.as_tensor())
    assert other.fingerprint == host.fingerprint


def test_samplers_draw_from_a_copy_on_the_cpu(table: AliasTable, kernels: StandInKernels) -> None:
    assert list(WeightedRandomSampler(table, 1000, seed=3)) == host.draw(1000, seed=3).tolist()
    assert table._core is table._core  # copied once
    assert kernels.queued_on == []


@pytest.mark.parametrize("dtype", [None, torch.int32])
def test_the_operator_hands_the_state_to_the_kernel(kernels: StandInKernels, dtype: torch.dtype | None) -> None:
    state = stream_state(2**64 - 1, epoch=3, position=10)
    for _ in range(3):
        start = int(state[2])
        found = operators._draw_on_cuda(host.as_tensor(), state, 50, 4, dtype=dtype)
        assert torch.equal(found, host.draw(50, seed=-1, epoch=3, start=start, step=4, dtype=dtype))
        assert state.tolist() == [-1, 3, start + 200]
    assert kernels.queued_on == [(None, 77)] * 3


def test_a_table_whose_memory_was_written_to_harms_nothing(table: AliasTable) -> None:
    """Its owner was told not to; what is copied back is checked."""
    table.as_tensor().fill_(-1)
    with pytest.raises(ValueError, match="damaged"):
        table.probabilities()


def test_streams_and_devices_are_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is kept for the stream that reads it, the table's device is the current one, and the stream is torch's."""
    from pysampler.cuda.place import queue_on  # noqa: PLC0415

    seen: list[Any] = []
    stream = SimpleNamespace(cuda_stream=4711)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext(seen.append(device)))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: seen.append(device) or stream)
    tensor: Any = SimpleNamespace(record_stream=seen.append)
    with queue_on(torch.device("cuda", 3), tensor) as number:
        assert number == 4711
    assert seen == [torch.device("cuda", 3), torch.device("cuda", 3), stream]


@pytest.mark.parametrize("world", [1, 3])
def test_samplers_batches_are_drawn_there(kernels: StandInKernels, world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And padding, which the CPU draws, is put behind them."""
    monkeypatch.setattr(AliasTable, "on", lambda self, device: self._elsewhere or self.to("cuda"))
    for rank in range(world):
        ranks: dict[str, Any] = {"num_replicas": world, "rank": rank, "num_samples": 100, "seed": 5}
        weights = hashed_integers(1001)
        ours, theirs = (DistributedWeightedSampler(weights, **ranks) for _ in range(2))
        kernels.queued_on.clear()
        for _ in range(2):
            assert torch.cat(list(ours.batches_on("cuda", 8))).tolist() == list(theirs)
        assert len(kernels.queued_on) == 2 * -(-len(theirs) // 8)  # one launch for each batch


def test_a_table_is_copied_there_once_for_all_passes(kernels: StandInKernels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaEntries, "is_on", lambda self, device: True)
    table = AliasTable(hashed_integers(1001))
    there = table.on(torch.device("cuda"))
    assert there is not None
    assert is_there(there)
    assert table.on(torch.device("cuda")) is there
    assert there.on(torch.device("cuda")) is there
    assert table.on(torch.device("cpu")) is None
    assert copy.copy(table) is table
    assert pickle.loads(pickle.dumps(table)).fingerprint == table.fingerprint
