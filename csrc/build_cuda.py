"""The CUDA part of the build, for setup.py: finds nvcc and compiles csrc/cuda with it, or says why it cannot.

    PYSAMPLER_CUDA=0        leave CUDA out
    PYSAMPLER_CUDA=1        fail unless CUDA can be compiled; without either, a failure means a CPU-only build
    CUDA_HOME, CUDA_PATH    where to look for bin/nvcc; else nvcc is taken from PATH
    TORCH_CUDA_ARCH_LIST    architectures, as torch reads it: "8.0;9.0+PTX", "Ampere Hopper", or "native" for the
                            GPUs that are here; those that nvcc does not know are left out. By default what
                            DEFAULT_ARCHITECTURES says
    PYSAMPLER_NVCC_TIMEOUT  seconds after which nvcc is given up, for each file; 1200 by default

No GPU, no CUDA build of torch and no torch at all is needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

# Machine code for A100 and H100; what is newer compiles the PTX when it first runs.
DEFAULT_ARCHITECTURES = "8.0;9.0+PTX"
# What torch.utils.cpp_extension calls them.
NAMED_ARCHITECTURES = {
    "maxwell": "5.0;5.2+PTX",
    "pascal": "6.0;6.1+PTX",
    "volta": "7.0+PTX",
    "turing": "7.5+PTX",
    "ampere": "8.0;8.6+PTX",
    "ada": "8.9+PTX",
    "hopper": "9.0+PTX",
    "blackwell": "10.0;12.0+PTX",
}
NVCC_TIMEOUT_S = 1200
STATE_FILE = "_cuda_build.json"  # in the package: what `pysampler info` says of the build

# Floats decide nothing but tables, and these must come out as on the CPU: no fused multiply-add.
# A kernel that calls what only the host has is an error: it would otherwise compile to one that does nothing. Other
# warnings are not: those of compilers still to come, or of old architectures, would cost users the CUDA part.
FLAGS = [
    *("-std=c++17", "-O3", "-fmad=false", "-Icsrc", "-Werror=cross-execution-space-call"),
    *("-Xcompiler", "-fPIC,-fvisibility=hidden,-ffp-contract=off"),
]


class CudaNotBuilt(Exception):
    """Why there is no CUDA part, in one line for users."""


@dataclass(frozen=True)
class BuildState:
    """What the build made of CUDA.

    Attributes:
        compiled: Whether pysampler._cuda was made.
        reason: Why not.
        left_out: Which of the architectures asked for nvcc did not know, and its words for it, or None.
        nvcc: Version of the compiler, such as "13.0".
        architectures: As in TORCH_CUDA_ARCH_LIST.
    """

    compiled: bool
    reason: str | None = None
    nvcc: str | None = None
    architectures: str | None = None
    left_out: str | None = None

    def write(self, package: Path) -> None:
        package.mkdir(parents=True, exist_ok=True)
        (package / STATE_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def cuda_switch() -> bool | None:
    """What PYSAMPLER_CUDA says: with CUDA, without, or nothing."""
    switch = os.environ.get("PYSAMPLER_CUDA", "")
    if switch not in ("", "0", "1"):
        raise SystemExit(f"PYSAMPLER_CUDA must be 0 or 1, but is {switch!r}")
    return None if switch == "" else switch == "1"


def find_nvcc() -> str:
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        home = os.environ.get(variable)
        if home:
            found = shutil.which("nvcc", path=os.path.join(home, "bin"))
            if found is None:
                raise CudaNotBuilt(f"{variable} is {home}, but there is no bin/nvcc")
            return found
    found = shutil.which("nvcc")
    if found is None:
        raise CudaNotBuilt("nvcc was not found on PATH, and CUDA_HOME is not set")
    return found


@dataclass(frozen=True)
class Architecture:
    """One entry of TORCH_CUDA_ARCH_LIST, such as "9.0a+PTX"."""

    name: str
    number: str  # as nvcc has it: "90a"
    ptx: bool


def architecture(name: str) -> Architecture:
    found = re.fullmatch(r"(\d+)\.(\d[af]?)(\+PTX)?", name)
    if found is None:
        names = ", ".join(each.capitalize() for each in NAMED_ARCHITECTURES)
        raise CudaNotBuilt(
            f"TORCH_CUDA_ARCH_LIST has {name!r}; write numbers, such as {DEFAULT_ARCHITECTURES!r}, native, "
            f"or some of {names}"
        )
    return Architecture(name, found[1] + found[2], found[3] is not None)


def split_architectures(wanted: str) -> list[Architecture]:
    """The entries of a list like "8.0;9.0+PTX", "Ampere" or "native", each once."""
    entries: dict[str, Architecture] = {}
    for word in re.split(r"[;,\s]+", wanted.strip(" ;,")):
        name, plus, ptx = word.partition("+")
        numbers = native_architectures() if name.lower() == "native" else NAMED_ARCHITECTURES.get(name.lower(), name)
        suffix = "" if numbers.endswith("+PTX") and ptx == "PTX" else plus + ptx
        for number in (numbers + suffix).split(";"):
            entries.setdefault(number, architecture(number))
    return list(entries.values())


def native_architectures() -> str:
    """Those of the GPUs that are here."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CudaNotBuilt(f"TORCH_CUDA_ARCH_LIST has 'native', but nvidia-smi cannot be asked: {error}") from error
    found = sorted(set(re.findall(r"^\d+\.\d+$", done.stdout, re.MULTILINE)))
    if not found:
        raise CudaNotBuilt("TORCH_CUDA_ARCH_LIST has 'native', but nvidia-smi finds no GPU here")
    return ";".join(found)


def architecture_flags(architectures: list[Architecture]) -> list[str]:
    """Options for nvcc."""
    flags = []
    for each in architectures:
        number = each.number
        flags.append(f"-gencode=arch=compute_{number},code=sm_{number}")
        if each.ptx:
            flags.append(f"-gencode=arch=compute_{number},code=compute_{number}")
    return flags


class Nvcc:
    """A compiler that has been tried once, and what links its objects."""

    def __init__(self) -> None:
        self.path = find_nvcc()
        self._timeout_s = float(os.environ.get("PYSAMPLER_NVCC_TIMEOUT") or NVCC_TIMEOUT_S)
        version = re.search(r"release (\d+\.\d+)", self._run(["--version"]))
        self.version = version[1] if version else "unknown"
        wanted = split_architectures(os.environ.get("TORCH_CUDA_ARCH_LIST", "").strip() or DEFAULT_ARCHITECTURES)
        known = self._known_architectures()
        kept = [each for each in wanted if not known or each.number in known]
        unknown = ", ".join(each.name for each in wanted if each not in kept)
        self.left_out = f"{unknown}: nvcc {self.version} knows {', '.join(sorted(known))}" if unknown else None
        if not kept:
            raise CudaNotBuilt(f"nvcc {self.version} knows none of the architectures asked for: {self.left_out}")
        self.architectures = ";".join(each.name for each in kept)
        self._options = [
            *FLAGS,
            *architecture_flags(kept),
            f'-DPYSAMPLER_CUDA_ARCHITECTURES="{self.architectures}"',
        ]

    def _known_architectures(self) -> set[str]:
        """Numbers such as "90"; empty if nvcc does not tell."""
        try:
            return set(re.findall(r"^sm_(\w+)$", self._run(["--list-gpu-code"]), re.MULTILINE))
        except CudaNotBuilt:
            return set()

    def compile(self, sources: list[str], headers: list[str], folder: Path, jobs: int) -> list[str]:
        """Compiles, several files at a time, those whose objects are not newer than everything they may include."""
        newest = max(os.path.getmtime(file) for file in [*headers, __file__])
        tag = hashlib.sha256(" ".join([self.path, self.version, *self._options]).encode()).hexdigest()[:8]
        objects = folder / f"cuda-{tag}"
        objects.mkdir(parents=True, exist_ok=True)

        def compiled(source: str) -> str:
            target = objects / (Path(source).stem + ".o")
            if not target.exists() or target.stat().st_mtime < max(newest, os.path.getmtime(source)):
                self._run([*self._options, "-c", source, "-o", str(target)])
            return str(target)

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(compiled, sources))

    def link_arguments(self) -> list[str]:
        """Links the runtime in, seen by nobody else: torch brings one of its own, perhaps of another version."""
        # nvcc may be a script that calls another one: what it says of itself is what counts.
        plan = self._run(["-dryrun", "-x", "cu", "-c", os.devnull, "-o", os.devnull])
        for folder in re.findall(r'"-L([^"]+)"', plan):
            library = Path(folder, "libcudart_static.a")
            if library.exists():
                return [str(library), "-Wl,--exclude-libs,ALL", "-ldl", "-lrt", "-pthread"]
        raise CudaNotBuilt(f"libcudart_static.a was not found beside {self.path}")

    def _run(self, arguments: list[str]) -> str:
        try:
            # A session of its own: nvcc starts other programs, which have to end with it.
            done = subprocess.Popen(
                [self.path, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise CudaNotBuilt(f"{self.path} cannot be run: {error}") from error
        try:
            output, _ = done.communicate(timeout=self._timeout_s)
        except subprocess.TimeoutExpired as error:
            os.killpg(done.pid, signal.SIGKILL)
            done.communicate()
            raise CudaNotBuilt(
                f"{self.path} did not end within {self._timeout_s:g} s; PYSAMPLER_NVCC_TIMEOUT gives it longer"
            ) from error
        if done.returncode != 0:
            print(output)
            lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it printed nothing"]
            telling = next((line for line in lines if re.search("error|fatal|unsupported", line, re.I)), lines[-1])
            raise CudaNotBuilt(f"{self.path} failed with code {done.returncode}: {telling[:300]}")
        return output
