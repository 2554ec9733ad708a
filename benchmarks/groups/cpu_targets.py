"""CPU targets: the same draws and builds by AVX-512, AVX2 and portable kernels."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from types import TracebackType

import pysampler

from ..environment import ROOT
from ..records import Case
from ..session import Session
from ..timing import Unavailable

ITEMS = (1_000, 100_000, 1_000_000, 10_000_000)


class TargetProcess:
    """A worker process that runs one CPU target; a context manager.

    Raises:
        Unavailable: On entering, if the process does not start or runs another target.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.cpu_target_worker"),
            cwd=ROOT,
            env=os.environ | {"PYSAMPLER_CPU_TARGET": target},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> TargetProcess:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        running = json.loads(line)["target"] if line else None
        if running != self.target:
            self._stop()
            raise Unavailable(f"asked for {self.target}, but {running or 'no target'} ran")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, **request: int | str) -> int:
        """Has the worker run a block and returns its nanoseconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker for {self.target} has ended")
        return int(json.loads(line)["ns"])


class RemoteCall:
    """A contender that runs in a target's process."""

    threads = 1
    note = ""

    def __init__(self, process: TargetProcess, task: str, items: int, draws: int) -> None:
        self.name = process.target
        self.how = f"PYSAMPLER_CPU_TARGET={process.target}, in a process of its own"
        self.work = items if task == "build" else draws
        self._process = process
        self._request: dict[str, int | str] = {"task": task, "items": items, "draws": draws}

    def block_ns(self, loops: int) -> int:
        """Has the worker run the calls; the clock is the worker's own."""
        return self._process.ask(loops=loops, threads=self.threads, **self._request)


def run(session: Session) -> None:
    """Draws at several N and a build, every supported target in turn."""
    with contextlib.ExitStack() as stack:
        processes = []
        for process in [TargetProcess(target) for target in pysampler.cpu_targets()]:
            try:
                processes.append(stack.enter_context(process))
            except Unavailable as reason:
                session.skip("cpu-targets", {}, process.target, "ns/draw", str(reason))
        sizes = [items for items in ITEMS if items <= max(session.settings.items)]
        for items in sizes:
            draws = session.settings.draws(items)
            _compare(session, processes, "draw", {"items": items, "draws": draws, "task": "draw"})
        _compare(session, processes, "build", {"items": max(sizes), "task": "build"})


def _compare(session: Session, processes: list[TargetProcess], task: str, case: Case) -> None:
    if not session.begin("cpu-targets", case, 40 * int(case["items"]) * len(processes)):
        return
    items, draws = int(case["items"]), int(case.get("draws", 0))
    unit = "ns/item" if task == "build" else "ns/draw"
    calls = [RemoteCall(process, task, items, draws) for process in processes]
    session.compare("cpu-targets", case, calls, unit)
