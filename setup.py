"""Compiles pysampler._core and, where nvcc is at hand, pysampler._cuda. Everything else is in pyproject.toml."""

import os
import re
import sys
from glob import glob
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parent / "csrc"))
from build_compiler import missing
from build_cuda import STATE_FILE, BuildState, CudaNotBuilt, Nvcc, cuda_switch
from build_units import joined

JOBS = int(os.environ.get("PYSAMPLER_BUILD_JOBS", "0")) or os.cpu_count() or 1
HEADERS = sorted(file for suffix in ("h", "inc", "cuh") for file in glob(f"csrc/**/*.{suffix}", recursive=True))
CUDA_SOURCES = sorted(glob("csrc/cuda/**/*.cu", recursive=True))


def version() -> str:
    text = Path(__file__).with_name("pysampler").joinpath("_version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert match is not None
    return match.group(1)


def extension(name: str, sources: list[str]) -> Pybind11Extension:
    return Pybind11Extension(name, sorted(sources), include_dirs=["csrc"], depends=HEADERS, cxx_std=17)


class BuildExt(build_ext):
    """Adds the flags that the sources need, to the compilers that know them, and leaves CUDA out where it must."""

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "unix":
            problem = missing({self.compiler.compiler_so[0], self.compiler.compiler_cxx[0], self.compiler.linker_so[0]})
            if problem is not None:
                raise SystemExit(problem)
        package = Path(self.build_lib, "pysampler")
        remove_modules(package)
        state = self.prepare_cuda(next(each for each in self.extensions if each.name == "pysampler._cuda"))
        if not state.compiled:
            self.extensions = [each for each in self.extensions if each.name != "pysampler._cuda"]
        if self.compiler.compiler_type == "unix":
            for each in self.extensions:
                # Tables must come out the same on every machine: no fused multiply-add where the source has none.
                each.extra_compile_args += ["-O3", "-ffp-contract=off", "-pthread"]
                each.extra_link_args += ["-pthread"]
        core.depends += core.sources
        core.sources = joined(core.sources, "csrc", Path(self.build_temp, "units"))
        super().build_extensions()
        state.write(package)

    def prepare_cuda(self, cuda: Pybind11Extension) -> BuildState:
        """Compiles csrc/cuda for the extension to link, or says why there will be none."""
        switch = cuda_switch()
        if switch is False:
            return BuildState(compiled=False, reason="left out by PYSAMPLER_CUDA=0")
        try:
            nvcc = Nvcc()
            cuda.extra_link_args += nvcc.link_arguments()
            cuda.extra_objects += nvcc.compile(CUDA_SOURCES, HEADERS, Path(self.build_temp), JOBS)
        except CudaNotBuilt as error:
            if switch is True:
                raise SystemExit(f"PYSAMPLER_CUDA=1, but CUDA cannot be built: {error}") from error
            self.warn(f"building without CUDA: {error}")
            return BuildState(compiled=False, reason=str(error))
        if nvcc.left_out:
            self.warn(f"building CUDA without {nvcc.left_out}")
        return BuildState(True, nvcc=nvcc.version, architectures=nvcc.architectures, left_out=nvcc.left_out)

    def copy_extensions_to_source(self) -> None:
        package = Path(self.get_finalized_command("build_py").get_package_dir("pysampler"))
        remove_modules(package)
        super().copy_extensions_to_source()
        self.copy_file(os.path.join(self.build_lib, "pysampler", STATE_FILE), str(package))


def remove_modules(package: Path) -> None:
    """Removes CUDA parts of earlier builds: one that is not made again must not be imported."""
    for module in (*package.glob("_cuda.*.so"), *package.glob("_cuda.*.pyd")):
        module.unlink()


core = extension("pysampler._core", glob("csrc/cpu/**/*.cpp", recursive=True) + glob("csrc/python/*.cpp"))
cuda = extension("pysampler._cuda", glob("csrc/python/cuda/*.cpp"))
ParallelCompile("PYSAMPLER_BUILD_JOBS", default=JOBS).install()
setup(version=version(), ext_modules=[core, cuda], cmdclass={"build_ext": BuildExt})
