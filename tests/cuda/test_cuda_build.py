"""The switches of the build: with CUDA, without, and where nvcc is missing or fails. Compilers are stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from optional import require

require("pybind11")
require("setuptools")
ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "setup.py").exists():
    pytest.skip("the source distribution is not here", allow_module_level=True)
sys.path.insert(0, str(ROOT / "csrc"))
import build_cuda  # noqa: E402

# Stand-in for compilers and linkers: writes an empty file where it is told to.
COMPILER = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done
"""
# The same for nvcc, which also says what it is, and notes how it was called.
NVCC = """#!/bin/sh
case "$1" in
  --version) echo "Cuda compilation tools, release 12.8, V12.8.93"; exit 0;;
  --list-gpu-code) while read -r line; do echo "$line"; done 2> /dev/null < {home}/known; exit 0;;
  -dryrun) echo '#$ LIBRARIES=  "-L{home}/lib/stubs" "-L{home}/lib"'; exit 0;;
esac
echo "$@" >> {home}/calls
{body}
"""
FAILING = "echo warming up >&2; echo 'unsupported GNU version! gcc 99' >&2; echo bye >&2; exit 2"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A CUDA_HOME with an nvcc that works, and a C++ compiler beside it."""
    home = tmp_path / "cuda"
    for folder in ("bin", "lib"):
        (home / folder).mkdir(parents=True)
    (home / "lib" / "libcudart_static.a").touch()
    write_nvcc(home, COMPILER.split("\n", 1)[1])
    executable(home / "bin" / "stand-in", COMPILER)
    return home


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def write_nvcc(home: Path, body: str) -> None:
    executable(home / "bin" / "nvcc", NVCC.format(home=home, body=body))


class Build:
    """One run of setup.py."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.package = home.parent / "lib" / "pysampler"
        compiler = str(home / "bin" / "stand-in")
        kept = {"PATH": str(home / "nothing"), "CC": compiler, "CXX": compiler, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [
                sys.executable,
                "setup.py",
                "build_ext",
                f"--build-lib={home.parent / 'lib'}",
                f"--build-temp={home / 't'}",
            ],
            cwd=ROOT,
            env={**kept, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.code, self.output = done.returncode, done.stdout + done.stderr

    @property
    def modules(self) -> set[str]:
        return {path.name.split(".")[0] for path in self.package.glob("*.so")}

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.package / build_cuda.STATE_FILE).read_text()))


def test_nvcc_is_called_where_it_is_found(home: Path) -> None:
    build = Build(home, CUDA_HOME=str(home))
    assert build.code == 0, build.output
    assert build.modules == {"_core", "_cuda"}
    assert build.state == {
        "compiled": True,
        "reason": None,
        "nvcc": "12.8",
        "architectures": "8.0;9.0+PTX",
        "left_out": None,
    }
    calls = (home / "calls").read_text().splitlines()
    assert len(calls) == len(list((ROOT / "csrc" / "cuda").rglob("*.cu")))
    for call in calls:
        assert "code=sm_80 " in call
        assert "code=sm_90 " in call
        assert "code=compute_90 " in call
        assert "code=compute_80" not in call
        assert "-fmad=false" in call


def test_nvcc_on_path_is_found_too_and_architectures_are_torchs(home: Path) -> None:
    build = Build(home, PATH=f"{home / 'bin'}:/nothing", TORCH_CUDA_ARCH_LIST="8.6 12.0a+PTX")
    assert build.modules == {"_core", "_cuda"}
    assert build.state["architectures"] == "8.6;12.0a+PTX"
    assert "code=sm_86 -gencode=arch=compute_120a,code=sm_120a -gencode=arch=compute_120a,code=compute_120a" in (
        home / "calls"
    ).read_text().replace("-gencode=arch=compute_86,", "")


@pytest.mark.parametrize("body", [FAILING, "exit 1", "kill -9 $$"])
def test_an_nvcc_that_fails_means_a_warning_a_build_without_cuda_and_the_reason(home: Path, body: str) -> None:
    write_nvcc(home, body)
    build = Build(home, CUDA_HOME=str(home))
    assert build.code == 0, build.output
    assert build.modules == {"_core"}
    assert build.state["compiled"] is False
    assert f"{home}/bin/nvcc failed with code" in build.state["reason"]
    assert f"building without CUDA: {build.state['reason']}" in build.output
    if body == FAILING:
        assert build.state["reason"].endswith("unsupported GNU version! gcc 99")


def test_a_missing_nvcc_means_a_build_without_cuda(home: Path) -> None:
    build = Build(home)
    assert build.code == 0, build.output
    assert build.modules == {"_core"}
    assert build.state["reason"] == "nvcc was not found on PATH, and CUDA_HOME is not set"


@pytest.mark.parametrize("broken", ["missing", "failing", "home", "library", "architecture"])
def test_pysampler_cuda_1_fails_hard_and_says_why(home: Path, broken: str) -> None:
    environment = {"PYSAMPLER_CUDA": "1", "CUDA_HOME": str(home)}
    reason = "failed with code 2"
    if broken == "missing":
        del environment["CUDA_HOME"]
        reason = "nvcc was not found on PATH"
    elif broken == "failing":
        write_nvcc(home, FAILING)
    elif broken == "home":
        environment["CUDA_HOME"], reason = "/nowhere", "CUDA_HOME is /nowhere, but there is no bin/nvcc"
    elif broken == "library":
        (home / "lib" / "libcudart_static.a").unlink()
        reason = "libcudart_static.a was not found"
    else:
        environment["TORCH_CUDA_ARCH_LIST"], reason = "Grasshopper", "TORCH_CUDA_ARCH_LIST has 'Grasshopper'"
    build = Build(home, **environment)
    assert build.code != 0
    assert "PYSAMPLER_CUDA=1, but CUDA cannot be built: " in build.output
    assert reason in build.output


def test_pysampler_cuda_0_leaves_it_out_and_removes_what_an_earlier_build_made(home: Path) -> None:
    assert Build(home, CUDA_HOME=str(home)).modules == {"_core", "_cuda"}
    (home / "calls").unlink()
    build = Build(home, CUDA_HOME=str(home), PYSAMPLER_CUDA="0")
    assert build.modules == {"_core"}
    assert build.state == {
        "compiled": False, "reason": "left out by PYSAMPLER_CUDA=0", "nvcc": None, "architectures": None,
        "left_out": None,
    }  # fmt: skip
    assert not (home / "calls").exists()


def test_any_other_value_of_the_switch_is_an_error(home: Path) -> None:
    build = Build(home, PYSAMPLER_CUDA="yes")
    assert build.code != 0
    assert "PYSAMPLER_CUDA must be 0 or 1, but is 'yes'" in build.output


def test_only_what_changed_is_compiled_again(home: Path) -> None:
    assert Build(home, CUDA_HOME=str(home)).code == 0
    first = (home / "calls").read_text()
    assert Build(home, CUDA_HOME=str(home)).code == 0
    assert (home / "calls").read_text() == first
    assert Build(home, CUDA_HOME=str(home), TORCH_CUDA_ARCH_LIST="9.0").code == 0
    assert len((home / "calls").read_text()) > len(first)


@pytest.mark.parametrize("text", ["Hopper9", "Hopper+ptx2;9", "90", "9.0;x", "9.0+ptx", "9.0 -rf"])
def test_architectures_that_are_no_numbers_are_named(text: str) -> None:
    with pytest.raises(build_cuda.CudaNotBuilt, match="TORCH_CUDA_ARCH_LIST has"):
        build_cuda.split_architectures(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ampere", ["8.0", "8.6+PTX"]),
        ("hopper;8.0", ["9.0+PTX", "8.0"]),
        ("Ampere Ada 8.6+PTX", ["8.0", "8.6+PTX", "8.9+PTX"]),
        ("Hopper+PTX", ["9.0+PTX"]),
        ("9.0a;10.0f+PTX", ["9.0a", "10.0f+PTX"]),
        (" 8.0, 9.0 ;", ["8.0", "9.0"]),
    ],
)
def test_architectures_are_read_as_torch_reads_them(text: str, names: list[str]) -> None:
    assert [each.name for each in build_cuda.split_architectures(text)] == names


def test_native_architectures_are_those_of_the_gpus_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build_cuda.CudaNotBuilt, match="'native', but nvidia-smi cannot be asked"):
        build_cuda.split_architectures("native")
    executable(tmp_path / "nvidia-smi", "#!/bin/sh\necho 9.0; echo 8.0; echo 9.0\n")
    assert [each.name for each in build_cuda.split_architectures("native;7.0")] == ["8.0", "9.0", "7.0"]
    assert [each.name for each in build_cuda.split_architectures("native+PTX")] == ["8.0", "9.0+PTX"]
    executable(tmp_path / "nvidia-smi", "#!/bin/sh\necho 'no devices were found'; exit 9\n")
    with pytest.raises(build_cuda.CudaNotBuilt, match="finds no GPU"):
        build_cuda.split_architectures("native")


def test_an_architecture_that_nvcc_does_not_know_is_left_out_and_named(home: Path) -> None:
    (home / "known").write_text("sm_80\nsm_90\nsm_90a\n")
    build = Build(home, CUDA_HOME=str(home), TORCH_CUDA_ARCH_LIST="8.0;10.3;9.0+PTX")
    assert build.modules == {"_core", "_cuda"}
    assert build.state["architectures"] == "8.0;9.0+PTX"
    assert build.state["left_out"] == "10.3: nvcc 12.8 knows 80, 90, 90a"
    assert "building CUDA without 10.3: nvcc 12.8 knows 80, 90, 90a" in build.output
    assert "sm_103" not in (home / "calls").read_text()


def test_if_nvcc_knows_none_of_the_architectures_there_is_no_cuda(home: Path) -> None:
    (home / "known").write_text("sm_52\n")
    build = Build(home, CUDA_HOME=str(home), TORCH_CUDA_ARCH_LIST="Hopper")
    assert build.modules == {"_core"}
    assert "knows none of the architectures asked for: 9.0+PTX: nvcc 12.8 knows 52" in build.state["reason"]


def test_an_nvcc_that_hangs_is_given_up(home: Path) -> None:
    write_nvcc(home, "while :; do :; done")
    build = Build(home, CUDA_HOME=str(home), PYSAMPLER_NVCC_TIMEOUT="0.2")
    assert build.code == 0, build.output
    assert build.modules == {"_core"}
    assert build.state["reason"] == (
        f"{home}/bin/nvcc did not end within 0.2 s; PYSAMPLER_NVCC_TIMEOUT gives it longer"
    )


def test_without_a_compiler_one_sentence_says_what_to_install(home: Path) -> None:
    build = Build(home, CC="no-such-gcc", CXX="no-such-g++")
    assert build.code != 0
    last = build.output.splitlines()[-1]
    assert last.startswith("pysampler is compiled here and needs a C++17 compiler, but 'no-such-g")
    for word in ("apt install g++", "dnf install gcc-c++", "xcode-select --install", "Visual Studio"):
        assert word in last
    assert "Traceback" not in build.output


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on PATH")
def test_the_real_nvcc_links_its_runtime_statically(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_HOME", "CUDA_PATH", "TORCH_CUDA_ARCH_LIST"):
        monkeypatch.delenv(name, raising=False)
    nvcc = build_cuda.Nvcc()
    assert float(nvcc.version) >= 11
    assert os.path.exists(nvcc.link_arguments()[0])


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on PATH")
def test_the_real_nvcc_refuses_kernels_that_call_the_host_but_lives_with_other_warnings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "9.0")
    monkeypatch.delenv("NVCC_APPEND_FLAGS", raising=False)
    nvcc = build_cuda.Nvcc()
    odd = tmp_path / "odd.cu"
    odd.write_text("__global__ void kernel() { int unused; }")
    assert all(os.path.exists(made) for made in nvcc.compile([str(odd)], [], tmp_path, 1))
    wrong = tmp_path / "wrong.cu"
    wrong.write_text(
        "int host(); __host__ __device__ int both() { return host(); } __global__ void kernel() { both(); }"
    )
    with pytest.raises(build_cuda.CudaNotBuilt, match="calling a __host__ function"):
        nvcc.compile([str(wrong)], [], tmp_path, 1)
