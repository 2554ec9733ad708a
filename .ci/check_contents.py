"""What must be in the distributions of a folder, and what must not: python .ci/check_contents.py FOLDER."""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

SOURCES = (
    *("setup.py", "csrc/build_units.py", "csrc/core/philox.h", "csrc/cpu/simd/lanes_neon.h", "csrc/cuda/draw.cu"),
    *("csrc/cuda/launch.cuh", "tests/conftest.py", "LICENSE", "README.md", "CHANGELOG.md"),
)


def check_wheel(names: list[str]) -> None:
    strangers = [name for name in names if not re.match(r"pysampler(/|-[^/]+\.dist-info/|\.libs/)", name)]
    assert not strangers, f"beside the package: {strangers}"
    wrong = [name for name in names if re.search(r"(^|/)(tests?|benchmarks|examples)/|\.(cpp|h|inc|cu|png|pyc)$", name)]
    assert not wrong, f"no part of a package: {wrong}"
    for pattern in (r"_core\.[^/]+\.(so|pyd)", r"py\.typed", r"_core\.pyi", r"_cuda_build\.json"):
        assert any(re.fullmatch(f"pysampler/{pattern}", name) for name in names), f"missing: {pattern}"
    assert any(re.search(r"\.dist-info/(licenses/)?LICENSE$", name) for name in names), "missing: LICENSE"


def check_source(names: list[str]) -> None:
    inner = {name.partition("/")[2] for name in names}
    wrong = [name for name in inner if re.match(r"benchmarks/.*\.png$", name) or re.search(r"\.(so|pyd|pyc)$", name)]
    assert not wrong, f"not to be distributed: {wrong}"
    for name in SOURCES:
        assert name in inner, f"missing: {name}"


def main(folder: Path) -> None:
    wheels, sources = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    assert wheels or sources, f"{folder} has no distributions"
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            check_wheel(archive.namelist())
    for path in sources:
        with tarfile.open(path) as archive:
            check_source([member.name for member in archive.getmembers() if member.isfile()])
    for path in (*wheels, *sources):
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB, contents as they should be")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
