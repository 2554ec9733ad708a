"""Compiles pysampler._core. Everything else is in pyproject.toml."""

import os
import re
from glob import glob
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup


def version() -> str:
    text = Path(__file__).with_name("pysampler").joinpath("_version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert match is not None
    return match.group(1)


class BuildExt(build_ext):
    """Adds the flags that the sources need, to the compilers that know them."""

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "unix":
            for extension in self.extensions:
                # Tables must come out the same on every machine: no fused multiply-add where the source has none.
                extension.extra_compile_args += ["-O3", "-ffp-contract=off", "-pthread"]
                extension.extra_link_args += ["-pthread"]
        super().build_extensions()


sources = sorted(glob("csrc/cpu/**/*.cpp", recursive=True) + glob("csrc/python/*.cpp"))
headers = sorted(glob("csrc/**/*.h", recursive=True) + glob("csrc/**/*.inc", recursive=True))
ParallelCompile("PYSAMPLER_BUILD_JOBS", default=os.cpu_count() or 1).install()
setup(
    version=version(),
    ext_modules=[Pybind11Extension("pysampler._core", sources, include_dirs=["csrc"], depends=headers, cxx_std=17)],
    cmdclass={"build_ext": BuildExt},
)
