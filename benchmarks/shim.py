"""Shims: small C and C++ sources compiled at run time for this very machine."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
from pathlib import Path

from .environment import describe_cpu
from .timing import Unavailable

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC", "-pthread")


@functools.cache
def load_shim(
    source_name: str, libraries: tuple[str, ...] = (), folders: tuple[Path, ...] = (), flags: tuple[str, ...] = ()
) -> ctypes.CDLL:
    """Compiles `benchmarks/<source_name>` once per machine and loads it.

    ctypes releases the GIL while a function of the library runs.

    Args:
        source_name: File name; ".c" is compiled with $CC or cc, anything else with $CXX or c++.
        libraries: Names to link, as after "-l".
        folders: Where else headers are looked for. Changes there are seen: their newest file is part of the key.
        flags: For the compiler, besides ``FLAGS``.

    Raises:
        Unavailable: If there is no compiler, or header or library is missing; with its first error.
    """
    source = HERE / source_name
    c_language = source.suffix == ".c"
    compiler = os.environ.get("CC", "cc") if c_language else os.environ.get("CXX", "c++")
    standard = "-std=c11" if c_language else "-std=c++17"
    links = tuple(f"-l{library}" for library in libraries)
    command = (compiler, standard, *FLAGS, *flags, *(f"-I{folder}" for folder in folders))
    newest = max((file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*.*")), default=0)
    # -march=native ties the result to the processor, so its name is part of the key.
    key = "\n".join((*command, *links, describe_cpu(), platform.machine(), source.read_text("utf-8"), str(newest)))
    target = BUILD / f"{source.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"
    if not target.exists():
        _compile(command, source, links, target)
    return ctypes.CDLL(str(target))


def _compile(command: tuple[str, ...], source: Path, links: tuple[str, ...], target: Path) -> None:
    BUILD.mkdir(exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    try:
        subprocess.run(
            (*command, str(source), "-o", str(unfinished), *links),
            capture_output=True,
            text=True,
            check=True,
        )
    except OSError as error:
        raise Unavailable(f"{source.name}: compiler {command[0]!r} does not run ({error})") from error
    except subprocess.CalledProcessError as error:
        errors = [line for line in error.stderr.splitlines() if "error" in line or "cannot" in line]
        reason = errors[0].strip() if errors else f"{command[0]} failed"
        raise Unavailable(f"{source.name} does not compile: {reason}") from error
    unfinished.replace(target)
