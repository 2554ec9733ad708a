"""Joins source files before they are compiled: most of a small file's compile time goes into the headers it includes.

setup.py compiles what comes out, which takes less than half of the processor time; tests/cpp/run.py compiles every file
by itself, so that each stays complete. Files of one unit share their anonymous namespaces.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path, PurePath

# Most of a binding's time is pybind11. Two units rather than one, or the largest would be waited for.
BINDING_UNITS = 2


def joined(sources: list[str], root: str, folder: Path) -> list[str]:
    """Writes the units of the C++ files below ``root`` into ``folder``.

    Returns:
        What to compile: the units, and the files that stay alone, the largest first.
    """
    units = []
    for name, group in _groups(sources).items():
        text = "".join(f'#include "{PurePath(source).relative_to(root).as_posix()}"\n' for source in sorted(group))
        unit = folder / f"{name}.cpp"
        if not unit.exists() or unit.read_text(encoding="utf-8") != text:  # an older time than the object's is kept
            folder.mkdir(parents=True, exist_ok=True)
            unit.write_text(text, encoding="utf-8")
        units.append((sum(map(_size, group)), str(unit)))
    together = {source for group in _groups(sources).values() for source in group}
    alone = [(_size(source), source) for source in sources if source not in together]
    return [source for _, source in sorted(units, reverse=True) + sorted(alone, reverse=True)]


def _groups(sources: list[str]) -> dict[str, list[str]]:
    """Bindings of about the same size together; of the rest the files of a folder, but not the large kernels."""
    groups: dict[str, list[str]] = defaultdict(list)
    sizes = [0] * BINDING_UNITS
    for source in sorted(sources, key=lambda source: (-_size(source), source)):
        folder = PurePath(source).parent
        if folder.name == "python":
            smallest = sizes.index(min(sizes))
            sizes[smallest] += _size(source)
            groups[f"python_{smallest}"].append(source)
        elif "simd/for_each_target.h" not in Path(source).read_text(encoding="utf-8"):
            groups[folder.name].append(source)
    return groups


def _size(source: str) -> int:
    return Path(source).stat().st_size
