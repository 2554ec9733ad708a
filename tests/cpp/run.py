"""Compiles csrc/core and csrc/cpu with neither torch nor Python on the include path, and runs their C++ tests.

    python tests/cpp/run.py                       every configuration
    python tests/cpp/run.py --config asan tsan    those two
    python tests/cpp/run.py --only build draw     the tests with "build" or "draw" in their names
    python tests/cpp/run.py --cross aarch64       compiled for another machine, and run by an emulator of it
    python tests/cpp/run.py --joined              the library in the units of setup.py: quicker the first time

Configurations: ``plain`` (optimised as setup.py does it), ``asan`` (AddressSanitizer and UndefinedBehaviorSanitizer)
and ``tsan`` (ThreadSanitizer; only the tests with ``_threads`` in their names). Every tests/cpp/test_*.cpp is a program
of its own that prints a line for each of its tests. Objects are kept below build/cpp-tests and made again when a
source, a header or the command changed. Exits with 1 if anything failed. The compiler is $CXX, else g++.

Other machines (``--cross``; optimised as setup.py does it): ``aarch64`` needs aarch64-linux-gnu-g++ and qemu-aarch64,
``windows`` x86_64-w64-mingw32-g++-posix and wine, with neither intrinsics nor vectors of the compiler; ``s390x`` only
checks that a big-endian machine is refused by the compiler.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent.parent
sys.path.insert(0, str(ROOT / "csrc"))

from build_units import joined  # noqa: E402

TIME_LIMIT_S = 300
EMULATED_TIME_LIMIT_S = 1800
THREADED = "_threads"
# Marks a test that provokes conversions of NaN and the like on purpose: it edits weights while they are read.
ALLOWS_FLOAT_CASTS = "// sanitizer: out-of-range float conversions are expected"

COMMON_FLAGS = [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Werror",
    "-ffp-contract=off",
    "-pthread",
]
# Conversions are checked too, which -fsanitize=undefined alone leaves out.
CONFIGURATIONS = {
    "plain": ["-O3", "-g"],
    "asan": [
        "-O1",
        "-g1",  # lines for reports: compiled in three quarters of the time that -g takes
        "-fno-omit-frame-pointer",
        "-fsanitize=address,undefined,float-cast-overflow,float-divide-by-zero",
        "-fno-sanitize-recover=all",
        "-fsanitize-recover=float-cast-overflow",
    ],
    "tsan": ["-O1", "-g1", "-fno-omit-frame-pointer", "-fsanitize=thread"],
}


@dataclass(frozen=True)
class Machine:
    """What compiles for another machine, and what runs programs for it here."""

    tools: str  # what the names of its compiler's programs begin with
    runner: list[str]
    compiler: str = "g++"
    flags: tuple[str, ...] = ()
    suffix: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()  # words in the names of tests that cannot run there, and why


MACHINES = {
    "aarch64": Machine("aarch64-linux-gnu-", ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]),
    "windows": Machine(
        "x86_64-w64-mingw32-",
        ["wine"],
        "g++-posix",
        (
            "-static",
            "-DPYSAMPLER_X86_KERNELS=0",
            "-DPYSAMPLER_SSE2_KERNELS=1",
            "-DPYSAMPLER_COMPILER_VECTORS=0",
        ),  # as MSVC does
        ".exe",
        environment=(("WINEDEBUG", "-all"),),
        left_out=(
            ("huge", "it maps memory as Linux does"),
            ("without_int128", "the headers of mingw-w64 name the type themselves"),
            ("cuda", "its threads wait for each other by spinning, which takes minutes under wine"),
        ),
    ),
}
REFUSED = {"s390x": "s390x-linux-gnu-g++"}


@dataclass(frozen=True)
class Outcome:
    """What a test program said: a line for each of its tests, and how many of them failed."""

    lines: list[str]
    passed: int
    failed: int
    skipped: int


class Configuration:
    """One set of compiler flags, and the folder that holds what they made."""

    def __init__(self, name: str, build: Path) -> None:
        self.name = name
        self.machine = MACHINES.get(name, Machine("", [], os.environ.get("CXX", "g++")))
        compiler = (self.machine.tools + self.machine.compiler).split()
        flags = CONFIGURATIONS.get(name, CONFIGURATIONS["plain"])
        self.command = [*compiler, *COMMON_FLAGS, *flags, *self.machine.flags, f"-I{ROOT / 'csrc'}"]
        tag = hashlib.sha256(" ".join(self.command).encode()).hexdigest()[:8]
        self.folder = build / f"{name}-{tag}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def compile(self, source: Path) -> Path:
        """Returns the object of ``source``, compiled unless it is up to date."""
        target = self.folder / (source.stem + (".test.o" if source.parent == TESTS else ".o"))
        dependencies = target.with_suffix(".d")
        if not _up_to_date(target, dependencies):
            _call([*self.command, "-MMD", "-MF", str(dependencies), "-c", str(source), "-o", str(target)])
        return target

    def archive(self, objects: list[Path]) -> Path:
        """Returns a static library of ``objects``."""
        target = self.folder / "libpysampler.a"
        target.unlink(missing_ok=True)
        _call([f"{self.machine.tools}ar", "rcs", str(target), *map(str, objects)])
        return target

    def link(self, test: Path, library: Path) -> Path:
        program = test.with_suffix("").with_suffix(self.machine.suffix)
        _call([*self.command, str(test), str(library), "-o", str(program)])
        return program


def _up_to_date(target: Path, dependencies: Path) -> bool:
    if not (target.exists() and dependencies.exists()):
        return False
    files = dependencies.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    made = target.stat().st_mtime
    return all(Path(file).exists() and Path(file).stat().st_mtime < made for file in files)


def _call(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{result.stdout}{result.stderr}")


def library_sources(joined_in: Path | None) -> list[Path]:
    """The files of csrc/cpu, or the units they are joined to in a folder; those that take longest to compile first."""
    sources = sorted(
        (ROOT / "csrc" / "cpu").rglob("*.cpp"), key=lambda source: ("kernels" not in source.stem, source.stem)
    )
    if joined_in is None:
        return sources
    # A program that brings a copy of a file must find that file's own functions in an object that it does not need.
    tests = "".join(test.read_text(encoding="utf-8") for test in TESTS.glob("*.cpp"))
    alone = [source for source in sources if f'#include "{source.relative_to(ROOT / "csrc").as_posix()}"' in tests]
    others = [str(source) for source in sources if source not in alone]
    return [*map(Path, joined(others, str(ROOT / "csrc"), joined_in)), *alone]


def test_sources(only: list[str]) -> list[Path]:
    sources = sorted(TESTS.glob("test_*.cpp"))
    return [source for source in sources if not only or any(word in source.stem for word in only)]


def belongs(source: Path, configuration: str) -> bool:
    for word, why in MACHINES[configuration].left_out if configuration in MACHINES else ():
        if word in source.stem:
            print(f"skip   {configuration:<5} {source.stem}: {why}")
            return False
    return configuration != "tsan" or THREADED in source.stem


def sanitizer_environment(source: Path, folder: Path) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYSAMPLER_CPU_TARGET"}
    undefined = "print_stacktrace=1:halt_on_error=1"
    if ALLOWS_FLOAT_CASTS in source.read_text(encoding="utf-8"):
        suppressions = folder / "float-casts.supp"
        suppressions.write_text("float-cast-overflow:*\n")
        undefined = f"suppressions={suppressions}"
    return {
        **environment,
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_init_order=1",
        "UBSAN_OPTIONS": undefined,
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    }


def run_program(program: Path, source: Path, configuration: Configuration) -> Outcome:
    """Runs one test program. A crash, a time-out or a silent exit with an error counts as one failure more."""
    started, name = time.monotonic(), configuration.name
    limit = EMULATED_TIME_LIMIT_S if configuration.machine.runner else TIME_LIMIT_S
    try:
        result = subprocess.run(
            [*configuration.machine.runner, str(program)],
            env={**sanitizer_environment(source, program.parent), **dict(configuration.machine.environment)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
        output, code = result.stdout, result.returncode
    except subprocess.TimeoutExpired as error:
        output, code = f"{(error.stdout or b'').decode(errors='replace')}\nno end after {limit} s", -1
    counts = {"ok": 0, "FAILED": 0, "skip": 0}
    lines = []
    for line in output.splitlines():
        match = re.match(r"(ok|FAILED|skip)\s+(.*)", line)
        if match:
            counts[match[1]] += 1
            lines.append(f"{match[1]:<6} {name:<5} {source.stem}: {match[2]}")
        elif not line.endswith(" checks, 0 failed"):
            lines.append(line)
    if code != 0 and counts["FAILED"] == 0:
        counts["FAILED"] = 1
        lines.append(f"FAILED {name:<5} {source.stem}: ended with code {code}")
    lines.append(f"       {name:<5} {source.stem}: {time.monotonic() - started:.1f} s")
    return Outcome(lines, counts["ok"], counts["FAILED"], counts["skip"])


def test_configuration(
    configuration: Configuration, library_files: list[Path], sources: list[Path], pool: ThreadPoolExecutor
) -> list[Outcome]:
    """Builds the library and every test program, and runs these, as many at a time as the pool has threads."""
    if not sources:
        return []
    objects = pool.map(configuration.compile, library_files)
    tests = [pool.submit(configuration.compile, source) for source in sources]
    library = configuration.archive(list(objects))

    def link_and_run(source: Path, test: Future[Path]) -> Outcome:
        try:
            program = configuration.link(test.result(), library)
        except RuntimeError as error:
            return Outcome([str(error), f"FAILED {configuration.name:<5} {source.stem}: not built"], 0, 1, 0)
        return run_program(program, source, configuration)

    # All objects are done before a program runs: a task must never wait for another one of the same pool.
    for test in tests:
        test.exception()
    outcomes = []
    for outcome in pool.map(link_and_run, sources, tests):
        print("\n".join(outcome.lines), flush=True)
        outcomes.append(outcome)
    return outcomes


def refusal(machine: str) -> Outcome:
    """Whether a compiler for a machine that the library does not support says so."""
    command = [REFUSED[machine], "-std=c++17", f"-I{ROOT / 'csrc'}", "-fsyntax-only", "-xc++", "-"]
    source = '#include "core/alias_table.h"\n'
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if result.returncode != 0 and "little-endian" in result.stderr:
        return Outcome([f"ok     {machine:<5} refused by the compiler"], 1, 0, 0)
    return Outcome([f"FAILED {machine:<5} not refused:\n{result.stderr}"], 0, 1, 0)


def report(outcomes: Iterable[Outcome], seconds: float) -> int:
    outcomes = list(outcomes)
    passed, failed, skipped = (
        sum(getattr(outcome, field) for outcome in outcomes) for field in ("passed", "failed", "skipped")
    )
    skips = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{skips} in {seconds:.0f} s")
    return 0 if failed == 0 and passed > 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", choices=CONFIGURATIONS, default=list(CONFIGURATIONS))
    parser.add_argument("--cross", nargs="+", choices=[*MACHINES, *REFUSED], default=[], metavar="MACHINE")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers and tests at a time")
    parser.add_argument("--joined", action="store_true", help="compile the library in the units of setup.py")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "cpp-tests", help="folder for what is compiled")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcomes: list[Outcome] = []
    library_files = library_sources(arguments.build / "units" if arguments.joined else None)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for name in arguments.cross or arguments.config:
            if name in REFUSED:
                outcomes.append(refusal(name))
                print("\n".join(outcomes[-1].lines), flush=True)
                continue
            configuration = Configuration(name, arguments.build)
            sources = [source for source in test_sources(arguments.only) if belongs(source, name)]
            try:
                outcomes += test_configuration(configuration, library_files, sources, pool)
            except RuntimeError as error:
                outcomes.append(Outcome([], 0, 1, 0))
                print(f"{error}\nFAILED {name:<5} csrc: not built", flush=True)
    return report(outcomes, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
