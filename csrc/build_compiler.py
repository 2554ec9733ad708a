"""Whether there is what compiles the CPU part, for setup.py: a sentence that helps instead of a page of output."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

COMPILERS = (
    "Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install; "
    'Windows: the Build Tools for Visual Studio with "Desktop development with C++"'
)
HEADERS = "Debian and Ubuntu: apt install python3-dev; Fedora: dnf install python3-devel"


def missing(programs: set[str]) -> str | None:
    """Why pysampler cannot be compiled here, in one sentence with the way out, or None.

    Args:
        programs: The compilers and linkers that will be called.
    """
    if sys.byteorder != "little":
        return "pysampler needs a little-endian processor, and this one is big-endian."
    absent = sorted(program for program in programs if shutil.which(program) is None)
    if absent:
        return (
            f"pysampler is compiled here and needs a C++17 compiler, but {absent[0]!r} was not found; install one and "
            f"try again ({COMPILERS})."
        )
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists():
        return (
            f"pysampler is compiled here and needs Python's headers, but there is no Python.h in {include}; install "
            f"them and try again ({HEADERS})."
        )
    return None
