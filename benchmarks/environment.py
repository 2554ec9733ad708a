"""Environment: everything a reader needs to know about where the figures come from."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

import pysampler

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("pysampler", "torch", "numpy", "scipy", "matplotlib", "pytest-benchmark")


def describe() -> dict[str, Any]:
    """Commit, machine, compiler and versions, ready for JSON."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": os.environ.get("PYSAMPLER_COMMIT") or _output("git", "rev-parse", "HEAD"),  # there may be no git
        "dirty": bool(_output("git", "status", "--porcelain", "--", ".", ":!benchmarks/results")),
        "cpu": describe_cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_total_bytes() / 1e9, 1),
        "huge_pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "cpu_target": pysampler.cpu_target(),
        "cpu_targets": list(pysampler.cpu_targets()),
        "compiler": (_output(os.environ.get("CXX", "c++"), "--version") or "none").splitlines()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "torch_threads": torch.get_num_threads(),
    }


def memory_available_bytes() -> int:
    """Bytes that can be had without swapping; 0 where the system does not say."""
    return _meminfo("MemAvailable")


def memory_total_bytes() -> int:
    """Bytes of memory in the machine; 0 where the system does not say."""
    return _meminfo("MemTotal")


def _meminfo(key: str) -> int:
    for line in _lines("/proc/meminfo"):
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


def describe_cpu() -> str:
    """The processor's model name."""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _first_line(path: str) -> str | None:
    return next(iter(_lines(path)), None)
