"""Draws on a GPU: the CPU's, bit for bit, from any stream, thread and graph. Without a GPU: skipped, saying why."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from chi_square import ALPHA, p_value
from families import FAMILIES, hashed_integers
from hypothesis import given
from hypothesis import strategies as st

from pysampler import AliasTable, DistributedWeightedSampler, WeightedRandomSampler, multinomial, stream_state
from pysampler.cuda import availability
from pysampler.keys import key_from_generator

NO_CUDA = availability.problem()
pytestmark = pytest.mark.skipif(NO_CUDA is not None, reason=f"no GPU to test with: {NO_CUDA}")

draw: Any = torch.ops.pysampler.draw
host = AliasTable(hashed_integers(100_003))
LONG_SLEEP = 2_000_000_000  # cycles: about a second


@pytest.fixture(scope="module")
def table() -> AliasTable:
    return host.to("cuda")


def on_host(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.is_cuda
    return tensor.cpu()


def enough_memory(gigabytes: int) -> None:
    free, _ = torch.cuda.mem_get_info()
    if free < gigabytes * 10**9:
        pytest.skip(f"needs {gigabytes} GB of GPU memory, {free / 1e9:.0f} are free")


# ---- the same bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 1, 2, 7, 8, 9, 15, 16, 2**33 + 5, 2**63 - 40_000 * 7])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 1000, 30_001])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_any_start_count_and_alignment_draws_what_the_cpu_draws(
    table: AliasTable, start: int, count: int, dtype: torch.dtype
) -> None:
    for step in (1, 2, 7):
        expected = host.draw(count, seed=-3, epoch=2**48 - 1, start=start, step=step, dtype=dtype)
        for misalignment in (0, 1):
            guarded = torch.full((count + 2 + misalignment,), -7, dtype=dtype, device="cuda")
            out = guarded[1 + misalignment : 1 + misalignment + count]
            assert table.draw(count, seed=-3, epoch=2**48 - 1, start=start, step=step, out=out) is out
            assert torch.equal(on_host(out), expected)
            assert (guarded[: 1 + misalignment] == -7).all()
            assert guarded[-1] == -7


@given(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(0, 2**48 - 1),
    st.integers(0, 2**62),
    st.integers(1, 2**40),
    st.integers(0, 5000),
)
def test_draws_are_the_cpus_for_any_arguments(seed: int, epoch: int, start: int, step: int, count: int) -> None:
    arguments = {"seed": seed, "epoch": epoch, "start": start, "step": step}
    found = shared_table().draw(count, **arguments)
    assert torch.equal(on_host(found), host.draw(count, **arguments))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("step", [1, 3])
def test_a_state_on_the_device_goes_on_with_every_draw(table: AliasTable, step: int, dtype: torch.dtype) -> None:
    state = stream_state(11, epoch=3, position=5, device="cuda")
    position = 5
    for count in (1, 100, 2048, 2049, 50_001):  # in one launch with the state's move, and in two
        found = draw(table.as_tensor(), state, count, step, dtype=dtype)
        assert torch.equal(on_host(found), host.draw(count, seed=11, epoch=3, start=position, step=step, dtype=dtype))
        position += count * step
        assert state.tolist() == [11, 3, position]


_shared: list[AliasTable] = []


def shared_table() -> AliasTable:
    """The same as the fixture, for property tests, which cannot take one."""
    if not _shared:
        _shared.append(host.to("cuda"))
    return _shared[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("items", [1, 2, 1000, 70_001])
def test_tables_of_any_weights_come_over_whole_and_draw_alike(family: str, items: int) -> None:
    weights = torch.from_numpy(FAMILIES[family](items))
    own = AliasTable(weights)
    for other in (own.to("cuda"), AliasTable(weights.cuda())):
        assert other.device.type == "cuda"
        assert other.fingerprint == own.fingerprint
        assert torch.equal(on_host(other.draw(5000, seed=items)), own.draw(5000, seed=items))


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool]
)
def test_weights_of_any_dtype_and_stride_give_the_cpus_table(dtype: torch.dtype) -> None:
    weights = torch.arange(1, 2001).remainder(97).to(dtype).cuda()[::2]
    assert AliasTable(weights).fingerprint == AliasTable(weights.cpu()).fingerprint


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, None])
def test_bad_weights_give_the_cpus_message(bad: float | None) -> None:
    weights = torch.zeros(1000) if bad is None else torch.ones(1000)
    if bad is not None:
        weights[77] = weights[500] = bad
    with pytest.raises(ValueError) as expected:  # noqa: PT011 - the message is compared below
        AliasTable(weights)
    for make in (AliasTable, lambda given: multinomial(given, 5, replacement=True)):
        with pytest.raises(ValueError) as found:  # noqa: PT011
            make(weights.cuda())
        assert str(found.value) == str(expected.value)


def test_more_draws_than_32_bits_can_count() -> None:
    enough_memory(30)
    small = AliasTable(hashed_integers(1000))
    count = 2**32 + 12345
    drawn = small.to("cuda").draw(count, seed=5, start=3, dtype=torch.int32)
    for begin in (0, 2**31 - 500, 2**32 - 500, count - 1000):
        expected = small.draw(1000, seed=5, start=3 + begin, dtype=torch.int32)
        assert torch.equal(on_host(drawn[begin : begin + 1000]), expected)


def test_tables_beyond_2_to_the_31_items() -> None:
    """A table whose every slot leads to itself or, rarely, to an item above 2^31."""
    enough_memory(40)
    items, high = 2**31 + 3, 2**31 + 1
    entry = (high << 32 | 0xF0000000) - 2**64  # as int64
    entries = torch.full((items,), entry, dtype=torch.int64, device="cuda")
    drawn = on_host(draw(entries, stream_state(8, device="cuda"), 100_000))
    words = oracle.word(8, 0, np.arange(100_000, dtype=np.uint64))
    scaled = [int(word) * items >> 32 for word in words]
    expected = [number >> 32 if number & 0xFFFFFFFF < 0xF0000000 else high for number in scaled]
    assert drawn.tolist() == expected
    assert int(drawn.max()) > 2**31
    with pytest.raises(ValueError, match="do not fit into int32"):
        draw(entries, stream_state(8, device="cuda"), 10, dtype=torch.int32)


# ---- streams, devices, lifetime ------------------------------------------------------------------


def test_a_draw_waits_for_nothing(table: AliasTable) -> None:
    table.draw(10, seed=0)
    torch.cuda.synchronize()
    torch.cuda._sleep(LONG_SLEEP)
    state = torch.zeros(3, dtype=torch.int64, device="cuda")
    first = table.draw(1000, seed=0)
    second = draw(table.as_tensor(), state, 1000)
    done = torch.cuda.Event()
    done.record()
    assert not done.query()  # both are queued, and the GPU still sleeps
    torch.cuda.synchronize()
    assert torch.equal(first, second)


def test_draws_go_to_the_current_stream(table: AliasTable) -> None:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        table.draw(100, seed=3).cpu()  # so that its memory is at hand
    torch.cuda.synchronize()
    torch.cuda._sleep(LONG_SLEEP)  # on the default stream
    with torch.cuda.stream(side):
        drawn = table.draw(100, seed=4)
        found = drawn.cpu()  # waits for the side stream alone
    busy = torch.cuda.Event()
    busy.record()
    assert not busy.query()
    assert torch.equal(found, host.draw(100, seed=4))
    torch.cuda.synchronize()


def test_a_dropped_table_lives_until_other_streams_have_drawn_from_it() -> None:
    side = torch.cuda.Stream()
    doomed = host.to("cuda")
    address, size = doomed.as_tensor().data_ptr(), len(doomed)
    with torch.cuda.stream(side):
        torch.cuda._sleep(LONG_SLEEP)
        drawn = doomed.draw(10_000, seed=6)
    del doomed
    scratch = [torch.zeros(size, dtype=torch.int64, device="cuda") for _ in range(20)]
    assert all(each.data_ptr() != address for each in scratch)
    torch.cuda.synchronize()
    assert torch.equal(on_host(drawn), host.draw(10_000, seed=6))


def test_threads_with_streams_of_their_own_draw_at_once(table: AliasTable) -> None:
    found: dict[int, torch.Tensor] = {}

    def work(number: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            found[number] = torch.cat([table.draw(999, seed=number, epoch=epoch) for epoch in range(20)]).cpu()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        expected = torch.cat([host.draw(999, seed=number, epoch=epoch) for epoch in range(20)])
        assert torch.equal(found[number], expected)


def test_a_draw_allocates_its_output_alone(table: AliasTable) -> None:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    drawn = table.draw(1 << 20, seed=1)
    assert torch.cuda.max_memory_allocated() - before == drawn.nbytes


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are fewer than two GPUs")
def test_the_tables_device_draws_whatever_the_current_one_is(table: AliasTable) -> None:
    other = table.to("cuda:1")
    assert other.device == torch.device("cuda:1")
    for current in (0, 1):
        with torch.cuda.device(current):
            for each in (table, other):
                drawn = each.draw(1000, seed=1)
                assert drawn.device == each.device
                assert torch.equal(on_host(drawn), host.draw(1000, seed=1))
            assert table.to("cuda").device.index == current  # as tensors go
            assert torch.cuda.current_device() == current


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"there is no CUDA device 99 \(devices: \d+\)"):
        host.to("cuda:99")


def test_wrong_outputs_are_errors(table: AliasTable) -> None:
    with pytest.raises(TypeError, match="out must be an int64 tensor on cuda:0"):
        table.draw(3, seed=0, out=torch.empty(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="contiguous"):
        table.draw(3, seed=0, out=torch.empty(6, dtype=torch.int64, device="cuda")[::2])


# ---- the table itself ----------------------------------------------------------------------------


def test_a_table_goes_there_and_back(table: AliasTable, tmp_path: Any) -> None:
    assert len(table) == len(host)
    assert table.nbytes == host.nbytes
    assert table.to("cuda") is table
    back = table.to("cpu")
    assert type(back) is AliasTable
    assert back.fingerprint == table.fingerprint == host.fingerprint
    assert torch.equal(table.probabilities(), host.probabilities())
    table.save(tmp_path / "table")
    assert AliasTable.load(tmp_path / "table").fingerprint == host.fingerprint
    assert AliasTable.load(tmp_path / "table").to("cuda").fingerprint == host.fingerprint


def test_copies_are_on_the_device_again(table: AliasTable) -> None:
    for other in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table), copy.copy(table)):
        assert other.device == table.device
        assert torch.equal(other.draw(100, seed=1), table.draw(100, seed=1))


def test_samplers_take_it_and_draw_on_the_cpu(table: AliasTable) -> None:
    assert list(WeightedRandomSampler(table, 1000, seed=3)) == host.draw(1000, seed=3).tolist()


def test_log_probabilities_are_the_cpus(table: AliasTable) -> None:
    indices = torch.arange(len(host)).reshape(-1, 1)
    found = table.log_prob(indices.cuda())
    assert found.is_cuda
    assert torch.equal(found.cpu(), host.log_prob(indices))


# ---- graphs and torch.compile --------------------------------------------------------------------


def captured(work: Callable[[], Any]) -> tuple[torch.cuda.CUDAGraph, Any]:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph, result


@pytest.mark.parametrize("step", [1, 4])
def test_each_replay_of_a_graph_goes_on_where_the_last_one_ended(table: AliasTable, step: int) -> None:
    state = stream_state(9, epoch=2, position=5, device="cuda")
    graph, drawn = captured(lambda: [draw(table.as_tensor(), state, count, step) for count in (100, 3000, 33)])
    assert state.tolist() == [9, 2, 5]  # capturing runs nothing
    position = 5
    for _ in range(4):
        graph.replay()
        for tensor, count in zip(drawn, (100, 3000, 33), strict=True):
            expected = host.draw(count, seed=9, epoch=2, start=position, step=step)
            assert torch.equal(on_host(tensor), expected)
            position += count * step
    state.copy_(stream_state(10, epoch=3))
    graph.replay()
    assert torch.equal(on_host(drawn[0]), host.draw(100, seed=10, epoch=3, step=step))


def test_the_first_draw_from_a_new_table_may_be_captured() -> None:
    fresh = host.to("cuda")
    out = torch.empty(50, dtype=torch.int32, device="cuda")
    graph, _ = captured(lambda: fresh.draw(50, seed=1, out=out))
    graph.replay()
    assert torch.equal(on_host(out), host.draw(50, seed=1, dtype=torch.int32))


FIRST_USE = """
import torch
from pysampler import AliasTable, stream_state
host = AliasTable(torch.arange(1.0, 1001))
table, state = host.as_tensor().cuda(), stream_state(3, device="cuda")
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    drawn = torch.ops.pysampler.draw(table, state, 500)
graph.replay()
assert torch.equal(drawn.cpu(), host.draw(500, seed=3))
"""


def test_the_first_use_of_a_process_may_be_captured() -> None:
    """Nothing has told pysampler of the device before: the table came as any tensor does, no kernel is loaded."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_needs_a_key_or_a_look_at_weights_cannot_be_captured() -> None:
    weights, generator = torch.rand(100, device="cuda"), torch.Generator("cuda")
    torch.cuda.synchronize()
    side = torch.cuda.Stream()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.stream(side):
        graph.capture_begin()
        try:
            with pytest.raises(RuntimeError, match="a CUDA graph cannot hold multinomial"):
                multinomial(weights, 5, replacement=True)
            with pytest.raises(RuntimeError, match="a CUDA graph cannot hold a key"):
                key_from_generator(generator)
        finally:
            graph.capture_end()


def test_the_operator_is_registered_as_torch_wants_it(table: AliasTable) -> None:
    torch.library.opcheck(draw.default, (table.as_tensor(), stream_state(3, device="cuda"), 10))


class Step(torch.nn.Module):
    def __init__(self, entries: torch.Tensor) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(host), 16)
        self.register_buffer("entries", entries)
        self.register_buffer("state", stream_state(21))

    def forward(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = draw(self.entries, self.state, 256)
        return drawn.clone(), self.embedding(drawn) @ queries


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_compiled_steps_draw_on_and_on_as_the_cpu_does(table: AliasTable, mode: str) -> None:
    torch._dynamo.reset()
    step = Step(table.as_tensor()).cuda()
    compiled = torch.compile(step, fullgraph=True, mode=mode)
    queries = torch.randn(16, 4, device="cuda")
    for number in range(6):
        with torch.no_grad():
            drawn, logits = compiled(queries)
        expected = host.draw(256, seed=21, start=256 * number)
        assert torch.equal(on_host(drawn), expected)
        torch.testing.assert_close(logits, step.embedding(expected.cuda()) @ queries, rtol=1e-2, atol=1e-2)
    assert step.state.tolist() == [21, 0, 6 * 256]


# ---- multinomial ---------------------------------------------------------------------------------


def test_multinomial_is_a_draw_with_a_key_of_the_generators() -> None:
    weights = torch.rand(5000, device="cuda")
    generator, twin = torch.Generator("cuda").manual_seed(3), torch.Generator("cuda").manual_seed(3)
    for _ in range(3):
        found = multinomial(weights, 1000, replacement=True, generator=generator)
        expected = AliasTable(weights.cpu()).draw(1000, seed=key_from_generator(twin))
        assert torch.equal(on_host(found), expected)


def test_multinomial_follows_torchs_seed_for_the_gpu_and_leaves_the_cpus_generator() -> None:
    weights = torch.rand(50, 200, device="cuda")
    for shape, replacement in (((0,), True), ((0,), False), ((slice(None),), True), ((slice(None),), False)):
        torch.manual_seed(5)
        cpu_state = torch.get_rng_state()
        first, second = (multinomial(weights[shape], 20, replacement) for _ in range(2))
        assert torch.equal(torch.get_rng_state(), cpu_state)
        assert first.is_cuda
        assert not torch.equal(first, second)
        torch.manual_seed(5)
        assert torch.equal(multinomial(weights[shape], 20, replacement), first)


def test_multinomial_writes_to_out() -> None:
    weights = torch.rand(500, device="cuda")
    key = torch.Generator("cuda").manual_seed(1)
    expected = multinomial(weights, 100, replacement=True, generator=key)
    for out in (torch.empty(100, dtype=torch.int64, device="cuda"), torch.empty(0, dtype=torch.int64, device="cuda")):
        key.manual_seed(1)
        assert multinomial(weights, 100, replacement=True, generator=key, out=out) is out
        assert torch.equal(out, expected)


# ---- distribution --------------------------------------------------------------------------------


def test_a_billion_draws_follow_the_weights_and_a_table_off_by_two_thousandths_is_found_out() -> None:
    """Chi-square over 2^30 draws, counted on the GPU."""
    enough_memory(8)
    weights = FAMILIES["power_law"](1000)
    wrong = weights.copy()
    wrong[wrong.argmax()] *= 1.002
    for own, follows in ((weights, True), (wrong, False)):
        gpu_table = AliasTable(own).to("cuda")
        counts = torch.zeros(1000, dtype=torch.int64, device="cuda")
        for part in range(16):
            counts += torch.bincount(gpu_table.draw(2**26, seed=12, start=part * 2**26), minlength=1000)
        found = p_value(counts.cpu().numpy().astype(np.float64), weights / weights.sum())
        assert (found > ALPHA) == follows, f"p = {found:.3g}"


# ---- samplers' batches, and Triton ----------------------------------------------------------------


def test_batches_on_a_gpu_are_the_lists_of_the_cpu() -> None:
    """Padding included; a state taken there goes on here."""
    for rank in range(3):
        ranks: dict[str, Any] = {"num_replicas": 3, "rank": rank, "num_samples": 1000, "seed": 5}
        weights = hashed_integers(1001)
        ours, theirs = (DistributedWeightedSampler(weights, **ranks) for _ in range(2))
        for _ in range(2):
            assert torch.cat([on_host(indices) for indices in ours.batches_on("cuda", 8)]).tolist() == list(theirs)
        batches = ours.batches_on("cuda", 10)
        begun = [on_host(next(batches)) for _ in range(3)]
        theirs.load_state_dict(ours.state_dict())
        whole = DistributedWeightedSampler(weights, **ranks)
        whole.set_epoch(2)
        assert torch.cat(begun).tolist() + list(theirs) == list(whole)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@pytest.mark.parametrize("step", [1, 7])
def test_triton_draws_what_the_cpu_draws(table: AliasTable, step: int, dtype: torch.dtype) -> None:
    triton_draws = pytest.importorskip("pysampler.cuda.triton_draws", reason="triton is not installed")
    entries = table.as_tensor()
    triton_draws.prepare(entries.device)
    for start in (0, 5, 2**33 + 5, 2**62 + 9):
        out = torch.empty(30_001, dtype=dtype, device=entries.device)
        triton_draws.draw_into(entries, out, (30_001, 2**64 - 3, 2**48 - 1, start, step))
        expected = host.draw(30_001, seed=-3, epoch=2**48 - 1, start=start, step=step, dtype=dtype)
        assert torch.equal(on_host(out), expected)
        state = stream_state(seed=-3, epoch=2**48 - 1, position=start, device=entries.device)
        triton_draws.draw_from_state(entries, state, out, 30_001, step)
        assert torch.equal(on_host(out), expected)
        assert state[2].item() == start + 30_001 * step
