"""Draws on a GPU, measured against what others draw with and against a pure random gather.

python -m benchmarks.gpu_speed FILE    writes FILE, a JSON of records; called by benchmarks/gpu_first.sh
"""

from __future__ import annotations

import ctypes
import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from pysampler import AliasTable, stream_state

from .environment import describe
from .records import Record, Results, axis_value, ratio

ITEMS = (10**3, 10**4, 10**5, 10**6, 10**7, 10**8, 10**9)
DRAWS = 1 << 28  # 2 GB of int64: no cache holds the output
FEWER_DRAWS = 1 << 22  # of contenders that need milliseconds for these
ROUNDS = 7
MULTINOMIAL_LIMIT = 1 << 24
TIME_LIMIT_S = 45  # after which nothing is begun

Call = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Contender:
    """Who is measured: one call and how many draws it makes."""

    name: str
    draws: int
    call: Call
    how: str = ""


class GatherLimit:
    """The gather kernels, compiled now for this device."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        source = Path(__file__).with_name("gpu_gather.cu")
        target = Path(self._folder.name, "gather.so")
        flags = ["-std=c++17", "-O3", "-arch=native", "-shared", "-Xcompiler", "-fPIC", "-cudart", "static"]
        subprocess.run(["nvcc", *flags, str(source), "-o", str(target)], check=True)
        self._library = ctypes.CDLL(str(target))
        self._library.gather_way.restype = ctypes.c_char_p
        self.out = torch.empty(DRAWS, dtype=torch.int64, device="cuda")

    def contenders(self, entries: torch.Tensor) -> Iterator[Contender]:
        """One for each way of gathering from this table."""
        items = entries.numel()
        places = torch.randint(items, (DRAWS,), dtype=torch.int32, device="cuda")
        addresses = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (entries, places, self.out)]
        way = 0
        while (name := self._library.gather_way(way)) is not None:

            def gather(way: int = way, kept: torch.Tensor = places) -> None:
                table, listed, out = addresses
                status = self._library.gather(
                    way, table, ctypes.c_uint32(items), listed, ctypes.c_uint64(kept.numel()), out
                )
                if status != 0:
                    raise RuntimeError(f"the gather kernel failed with CUDA error {status}")

            yield Contender("gather limit", DRAWS, gather, name.decode())
            way += 1


def pysampler_contenders(table: AliasTable) -> Iterator[Contender]:
    """The draw as users call it, by dtype, by stride and from a state."""
    wide = torch.empty(DRAWS, dtype=torch.int64, device="cuda")
    narrow = torch.empty(DRAWS, dtype=torch.int32, device="cuda")
    state = stream_state(1, device="cuda")
    yield Contender("pysampler", DRAWS, lambda: table.draw(DRAWS, seed=1, out=wide), "int64")
    yield Contender("pysampler int32", DRAWS, lambda: table.draw(DRAWS, seed=1, out=narrow), "int32")
    yield Contender("pysampler, step 8", DRAWS, lambda: table.draw(DRAWS, seed=1, start=3, step=8, out=wide), "int64")
    yield Contender(
        "pysampler operator",
        DRAWS,
        lambda: torch.ops.pysampler.draw(table.as_tensor(), state, DRAWS),
        "torch.ops.pysampler.draw with a state, int64, output allocated",
    )


def peers(weights: torch.Tensor) -> Iterator[Contender]:
    """What a user would call otherwise: torch's own draw, and a search in cumulative sums that are kept."""
    if weights.numel() < MULTINOMIAL_LIMIT:
        yield Contender(
            "torch.multinomial", FEWER_DRAWS, lambda: torch.multinomial(weights, FEWER_DRAWS, replacement=True), "CUDA"
        )
    sums = weights.double().cumsum(0)
    sums /= sums[-1].clone()
    yield Contender(
        "torch.searchsorted",
        FEWER_DRAWS,
        lambda: torch.searchsorted(sums, torch.rand(FEWER_DRAWS, dtype=torch.float64, device="cuda")),
        "standing float64 cumulative sums, uniforms made in the call",
    )


def memory_limits(out: torch.Tensor) -> Iterator[Contender]:
    """What writing the output costs, with nothing drawn, and with as much read."""
    source = torch.zeros_like(out)
    yield Contender("fill", DRAWS, lambda: out.fill_(7), "int64, written only")
    yield Contender("copy", DRAWS, lambda: out.copy_(source), "int64, read and written")


def seconds(call: Call) -> float:
    """One call by the GPU's clock."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def measure(contenders: list[Contender], items: int) -> list[Record]:
    """Contenders take turns, ROUNDS times; in each, one untimed call and then a timed one."""
    rounds: list[list[float]] = [[] for _ in contenders]
    skipped: list[str | None] = [None] * len(contenders)
    for _ in range(ROUNDS):
        for number, contender in enumerate(contenders):
            if skipped[number] is not None:
                continue
            try:
                contender.call()
                rounds[number].append(seconds(contender.call) / contender.draws * 1e9)
            except Exception as error:  # a peer's limits are its own
                skipped[number] = f"{type(error).__name__}: {(str(error).splitlines() or ['no reason given'])[0]}"
                rounds[number] = []
    case: dict[str, int | str] = {"items": items}
    return [
        Record("gpu draws", each.name, "ns/draw", {**case, "draws": each.draws}, taken, each.how, "", reason)
        for each, taken, reason in zip(contenders, rounds, skipped, strict=True)
    ]


def fastest_gather(records: list[Record]) -> list[Record]:
    """Leaves only the fastest of the ways of gathering, of those that ran."""
    gathers = [record for record in records if record.contender == "gather limit" and record.rounds]
    best = sorted(gathers, key=lambda record: record.median)[:1]
    return [record for record in records if record.contender != "gather limit"] + best


def build_record(weights: torch.Tensor) -> tuple[AliasTable, Record]:
    """A table from weights on the GPU, by the wall clock: building waits for its end."""
    taken = []
    for _ in range(3):
        torch.cuda.synchronize()
        started = time.perf_counter()
        table = AliasTable(weights)
        torch.cuda.synchronize()
        taken.append((time.perf_counter() - started) / weights.numel() * 1e9)
    return table, Record("gpu build", "pysampler", "ns/item", {"items": weights.numel()}, taken)


def thread_scaling(items: int) -> Iterator[Record]:
    """The CPU of the same machine, from one thread to all."""
    table = AliasTable(torch.rand(items))
    draws = 1 << 24
    out = torch.empty(draws, dtype=torch.int64)
    available = torch.get_num_threads()
    threads = 1
    while threads <= available:
        torch.set_num_threads(threads)
        table.draw(draws, seed=0, out=out)
        rounds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            table.draw(draws, seed=0, out=out)
            rounds.append((time.perf_counter() - started) / draws * 1e9)
        yield Record("cpu threads", "pysampler", "ns/draw", {"items": items, "threads": threads}, rounds)
        threads *= 2
    torch.set_num_threads(available)


def gpu_facts() -> dict[str, Any]:
    """What there is to know of the GPU and its software."""
    properties = torch.cuda.get_device_properties(0)
    query = [
        "nvidia-smi",
        "--query-gpu=driver_version,clocks.max.sm,clocks.max.mem",
        "--format=csv,noheader",
        "-i",
        "0",
    ]
    nvcc = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")
    return {
        "gpu": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "l2_bytes": properties.L2_cache_size,
        "gpu_memory_gb": round(properties.total_memory / 1e9, 1),
        "driver_and_clocks": subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip(),
        "torch_cuda": torch.version.cuda,
        "nvcc": next((line for line in nvcc if "release" in line), "unknown"),
    }


def verdicts(results: Results) -> list[str]:
    """What was hoped for, and whether it holds. No run fails for it."""
    lines = []

    def found(name: str, items: int, group: str = "gpu draws") -> Record | None:
        return results.find(group, name, items=items)

    def judge(text: str, value: float, least: float) -> None:
        lines.append(f"{'holds' if value >= least else 'MISSED'}: {text}: {value:.3g}, hoped for {least:g}")

    for items, least in ((10**6, 100), (10**7, 50), (10**8, 33)):
        own, gather = found("pysampler", items), found("gather limit", items)
        if own is not None:
            judge(f"G draws/s at N = {axis_value(items)}", 1 / own.median, least)
        if own is not None and gather is not None:
            judge(f"share of the gather limit at N = {axis_value(items)}", ratio(gather, own), 0.8)
    own, peer = found("pysampler", 10**6), found("torch.multinomial", 10**6)
    if own is not None and peer is not None:
        judge("times torch.multinomial at N = 1e6", ratio(peer, own), 100)
    build = found("pysampler", 10**8, "gpu build")
    if build is not None:
        judge("G items/s built at N = 1e8", 1 / build.median, 20)
    return lines


def run(path: Path) -> None:
    """Measures all and saves after each N, so that a run cut short keeps its part."""
    started = time.monotonic()
    results = Results(describe() | gpu_facts(), {"draws": DRAWS, "rounds": ROUNDS})
    gather = GatherLimit()
    for items in ITEMS:
        if time.monotonic() - started > TIME_LIMIT_S:
            print(f"N = {axis_value(items)}: left out, {TIME_LIMIT_S} s are over", flush=True)
            continue
        weights = torch.rand(items, generator=torch.Generator("cuda").manual_seed(items), device="cuda")
        table, build = build_record(weights)
        contenders = [
            *pysampler_contenders(table),
            *peers(weights),
            *memory_limits(gather.out),
            *gather.contenders(table.as_tensor()),
        ]
        records = [build, *fastest_gather(measure(contenders, items))]
        results.records += records
        results.save(path)
        for record in records:
            speed = f"{1 / record.median:8.2f} G/s" if record.rounds else f"skipped: {record.skipped}"
            print(f"N = {axis_value(items):6} {record.group:10} {record.contender:20} {speed}", flush=True)
        del contenders, table, weights
    for items in (10**6, 10**8):
        if time.monotonic() - started > TIME_LIMIT_S:
            break
        for record in thread_scaling(items):
            results.records.append(record)
            print(f"CPU, N = {axis_value(items)}, {record.case['threads']} threads: {record.median:.2f} ns", flush=True)
    results.settings["verdicts"] = verdicts(results)
    results.save(path)
    print("\n".join(results.settings["verdicts"]))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
