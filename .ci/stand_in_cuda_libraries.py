"""Makes a CUDA build of torch importable without CUDA: writes stand-ins for the shared libraries it misses.

pip offers CPU builds of few torch versions; the CUDA builds need gigabytes of libraries merely to be imported. Each
stand-in defines the symbols that torch asks for, as functions that are never called on a machine without a GPU.

Usage: python stand_in_cuda_libraries.py TORCH_LIB_FOLDER OUTPUT_FOLDER, then run with LD_LIBRARY_PATH=OUTPUT_FOLDER.
"""

import collections
import re
import subprocess
import sys
from pathlib import Path


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main(torch_lib: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    libraries = sorted(torch_lib.glob("*.so*"))
    missing = {name for lib in libraries for name in re.findall(r"(\S+) => not found", output("ldd", str(lib)))}
    versions: dict[str, set[str]] = collections.defaultdict(set)
    for library in libraries:
        # readelf lists, for each needed library, the version names asked of it.
        needed = ""
        for line in output("readelf", "-VW", str(library)).splitlines():
            if found := re.search(r"File: (\S+)", line):
                needed = found[1]
            elif (found := re.search(r"Name: (\S+)", line)) and needed in missing:
                versions[needed].add(found[1])
    symbols: dict[str, set[str]] = collections.defaultdict(set)
    for library in libraries:
        for line in output("nm", "-D", "--undefined-only", str(library)).splitlines():
            name, _, version = line.split()[-1].partition("@")
            symbols[version].add(name)
    for library in missing:
        source, script = folder / f"{library}.c", folder / f"{library}.map"
        # Symbols without a version may come from any library; every one of ours offers those that look like CUDA's.
        unversioned = {name for name in symbols[""] if re.match(r"cu|nv|nccl", name)}
        names = sorted({name for version in versions[library] for name in symbols[version]} | unversioned)
        source.write_text("\n".join(f"void {name}(void) {{}}" for name in names) + "\n")
        script.write_text(
            "".join(
                f"{v} {{ global: {''.join(name + '; ' for name in sorted(symbols[v]))}}};\n" for v in versions[library]
            )
        )
        options = [f"-Wl,--version-script={script}"] if versions[library] else []
        target = str(folder / library)
        command = ["cc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{library}", *options, str(source)]
        subprocess.run([*command, "-o", target], check=True)
    print(f"{len(missing)} stand-ins in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
