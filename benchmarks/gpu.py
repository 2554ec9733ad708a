"""Everything that wants a GPU, in one command and under 8 minutes.

    python benchmarks/gpu.py [--out FILE] [--only STEP ...]

Builds pysampler in place with CUDA, runs the tests of CUDA, measures draws and builds against torch.multinomial, cupy
and a pure random gather for N = 1e3 to 1e9, runs tests under compute-sanitizer where there is one, then all other
tests, and writes benchmarks/results/gpu.json with all of it, if anything was measured. What would take longer than its
share of the time is stopped and reported so. Exits with 1 if the build, a test or the sanitizer failed, with 2 if there
is no GPU.

Needs: an NVIDIA GPU (for N = 1e9 with 30 GB free), a CUDA build of torch, nvcc, setuptools, pybind11, pytest, scipy,
hypothesis. No network.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = ("build", "tests", "speed", "sanitizer", "cpu")
TIME_LIMIT_S = 460
LIMITS_S = {"build": 150, "tests": 120, "speed": 170, "sanitizer": 60, "cpu": 120}
# The sanitizer slows down what it watches: these tests reach every path of every kernel.
SANITIZED = (
    "any_start_count or come_over_whole or goes_on_where_the_last or threads_with_streams or plain_count or first_wrong"
)
GPU_TESTS = ("tests/cuda/test_cuda.py", "tests/cuda/test_cuda_gpu_build.py", "tests/cuda/test_cuda_gpu_marks.py")


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing done: its name, whether it succeeded, the last line it printed and how long it took."""

    name: str
    outcome: str  # "passed", "failed", "stopped" for want of time, or "not possible"
    said: str
    seconds: float


def main() -> int:
    """Runs the steps."""
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.py", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu.json", metavar="FILE")
    parser.add_argument("--only", choices=STEPS, nargs="+", default=STEPS, metavar="STEP", help=", ".join(STEPS))
    arguments = parser.parse_args()
    reason = no_gpu()
    if reason is not None:
        print(f"benchmarks/gpu.py needs a GPU: {reason}", file=sys.stderr)
        return 2
    run = Run()
    if "build" in arguments.only:
        os.environ["PYSAMPLER_CUDA"] = "1"
        if run.step("build", [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]).outcome != "passed":
            return 1
    if "tests" in arguments.only:
        run.step("tests", pytest(*GPU_TESTS, "tests/cuda/test_cuda_availability.py"))
    if "speed" in arguments.only:
        run.step("speed", [sys.executable, "-m", "benchmarks.gpu_speed", str(arguments.out.resolve())])
    if "sanitizer" in arguments.only:
        run.sanitize("memcheck", "--report-api-errors", "no")
        run.sanitize("racecheck")
    if "cpu" in arguments.only:
        run.step("cpu", pytest("tests", *(f"--ignore={test}" for test in (*GPU_TESTS, "tests/examples/test_demo.py"))))
    run.report(arguments.out)
    return 1 if any(step.outcome == "failed" for step in run.steps) else 0


def no_gpu() -> str | None:
    """Why nothing of this can be done here, or None."""
    try:
        import torch  # noqa: PLC0415 - may be missing
    except ImportError as error:
        return f"torch cannot be imported ({error})"
    if torch.version.cuda is None:
        return f"this torch ({torch.__version__}) was built without CUDA"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no CUDA device"
    if shutil.which("nvcc") is None:
        return "nvcc is not on PATH"
    return None


def pytest(*arguments: str) -> list[str]:
    """A command that runs tests."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=20", *arguments]


class Run:
    """All steps, and the time they share."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._begun_at = time.time() - 1  # clocks of file systems tick more coarsely
        self.steps: list[Step] = []

    def step(self, name: str, command: list[str], tool: str = "", **environment: str) -> Step:
        """Runs a command from the root of the repository, showing what it prints."""
        limit = min(LIMITS_S[name], TIME_LIMIT_S - (time.monotonic() - self._begun))
        if limit < 1:
            return self._add(Step(name + tool, "stopped", "the time was over before it began", 0))
        print(f"\n=== {name}{tool}, at most {limit:.0f} s: {' '.join(command)}", flush=True)
        started = time.monotonic()
        lines = [""]
        with subprocess.Popen(
            ["timeout", f"{limit:.0f}", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.strip():
                    lines.append(line.strip())
        said = next((line for line in lines if "Device not supported" in line), lines[-1])
        outcome = {0: "passed", 124: "stopped"}.get(process.returncode, "failed")
        if tool and outcome == "failed" and "not supported" in said:
            outcome = "not possible"
        return self._add(Step(name + tool, outcome, said[:200], round(time.monotonic() - started, 1)))

    def sanitize(self, tool: str, *options: str) -> None:
        """Runs tests under one of compute-sanitizer's tools, each tensor an allocation of its own."""
        program = shutil.which("compute-sanitizer")
        if program is None:
            self._add(Step(f"sanitizer {tool}", "not possible", "compute-sanitizer is not on PATH", 0))
            return
        command = [program, "--tool", tool, *options, "--error-exitcode", "86", "--kernel-name", "kns=pysampler"]
        tests = pytest(*GPU_TESTS, "-k", SANITIZED)
        self.step("sanitizer", [*command, *tests], f" {tool}", PYTORCH_NO_CUDA_MEMORY_CACHING="1")

    def report(self, path: Path) -> None:
        """Prints what became of each step and writes it into the JSON that this run's measurements made.

        An older file is left alone: its figures are of another run, perhaps of another machine.
        """
        if path.exists() and path.stat().st_mtime >= self._begun_at:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["steps"] = [dataclasses.asdict(step) for step in self.steps]
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        else:
            print(f"\n{path} is not written: nothing was measured")
        print()
        for step in self.steps:
            print(f"{step.outcome:13}{step.name:20}{step.seconds:6.0f} s  {step.said}")

    def _add(self, step: Step) -> Step:
        self.steps.append(step)
        return step


if __name__ == "__main__":
    sys.exit(main())
