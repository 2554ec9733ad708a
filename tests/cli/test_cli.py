"""The `pysampler` command: what it prints, its exit codes, and that it never shows a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from optional import require

import pysampler
from pysampler import cli
from pysampler.cuda import availability

EXTRA = 'pip install "pysampler[demo]"'


def hide(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Makes a library look as if it were not installed."""
    monkeypatch.setitem(sys.modules, library, None)
    for name in [name for name in sys.modules if name.startswith(f"{library}.")]:
        monkeypatch.setitem(sys.modules, name, None)


def start(code: str) -> subprocess.Popen[str]:
    """Starts a fresh interpreter in which Ctrl-C works, whatever its parents made of it."""
    wake = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    return subprocess.Popen(
        [sys.executable, "-c", wake + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


# ---- info ---------------------------------------------------------------------------------------


def test_info_names_version_target_threads_torch_and_cuda(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["info"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("pysampler ")
    assert re.search(rf"CPU target +{pysampler.cpu_target()} \(supported: ", printed)
    assert re.search(rf"threads +{torch.get_num_threads()}\n", printed)
    assert re.search(r"CUDA +kernels (not )?built", printed)
    assert torch.__version__ in printed


def test_info_as_json_is_one_object_with_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["version"] == pysampler.__version__
    assert facts["cpu"]["target"] == pysampler.cpu_target()
    assert facts["cpu"]["target"] in facts["cpu"]["supported"]
    assert facts["cpu"]["supported"] == list(pysampler.cpu_targets())
    assert facts["threads"] == torch.get_num_threads()
    assert facts["torch"] == torch.__version__
    assert len(facts["cuda"]["devices"]) == torch.cuda.device_count()


def test_info_says_when_the_cpu_target_is_forced(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYSAMPLER_CPU_TARGET", pysampler.cpu_target())
    assert cli.main(["info"]) == 0
    assert "forced by PYSAMPLER_CPU_TARGET" in capsys.readouterr().out


def test_info_says_once_why_cuda_is_missing_or_cannot_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "build_text", lambda: "built by nvcc 13.0 for 9.0")
    monkeypatch.setattr(availability, "problem", lambda: "the driver is too old")
    assert cli.main(["info"]) == 0
    assert (
        "kernels built by nvcc 13.0 for 9.0, but they cannot be used: the driver is too old" in capsys.readouterr().out
    )

    monkeypatch.setattr(availability, "build_text", lambda: "not built: no nvcc")
    monkeypatch.setattr(availability, "problem", lambda: "pysampler's CUDA kernels are not built: no nvcc")
    assert cli.main(["info"]) == 0
    assert capsys.readouterr().out.count("no nvcc") == 1


def test_a_broken_cuda_driver_counts_as_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise RuntimeError("driver too old")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    assert cli.describe()["cuda"]["devices"] == []


def test_an_error_while_collecting_facts_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> str:
        raise ValueError("PYSAMPLER_CPU_TARGET is 'mmx'")

    monkeypatch.setattr(pysampler, "cpu_target", unknown)
    assert cli.main(["info"]) == 2
    printed = capsys.readouterr()
    assert printed.err == "pysampler info: error: PYSAMPLER_CPU_TARGET is 'mmx'\n"
    assert printed.out == ""


# ---- usage --------------------------------------------------------------------------------------


def test_version_names_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"pysampler {pysampler.__version__}\n"


def test_no_command_prints_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    printed = capsys.readouterr().err
    assert "info" in printed
    assert "demo" in printed


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--threads", "x"], ["--seeds", "-1"]])
def test_numbers_below_one_are_refused_with_their_value(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["demo", *arguments])
    assert stopped.value.code == 2
    assert f"{arguments[0]}: must be a whole number of at least 1, but got" in capsys.readouterr().err


# ---- demo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "name"),
    [("sklearn", "scikit-learn"), ("matplotlib", "matplotlib"), ("tqdm", "tqdm")],
)
def test_a_missing_library_is_one_line_that_names_the_extra(
    library: str,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hide(monkeypatch, library)
    assert cli.main(["demo", "--quick", "--out", str(tmp_path / "plots")]) == 2
    printed = capsys.readouterr()
    assert name in printed.err
    assert EXTRA in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "plots").exists()


def test_a_library_that_fails_while_imported_is_one_line_that_names_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ImportError("sklearn was built for\nanother numpy")

    for library in ("sklearn", "matplotlib", "tqdm"):
        require(library)
    monkeypatch.setattr("pysampler.demo.run_demo", broken)
    assert cli.main(["demo", "--quick", "--out", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "sklearn was built for another numpy" in message
    assert EXTRA in message
    assert message.count("\n") == 1


def test_an_output_folder_that_is_a_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for library in ("sklearn", "matplotlib", "tqdm"):
        require(library)
    (tmp_path / "taken").touch()
    assert cli.main(["demo", "--quick", "--out", str(tmp_path / "taken")]) == 1
    message = capsys.readouterr().err
    assert f"'{tmp_path / 'taken'}' (can --out be written to?)" in message
    assert message.count("\n") == 1


def test_info_imports_nothing_heavy() -> None:
    code = (
        "import torch\n"
        "by_torch = set(sys.modules)\n"
        "from pysampler.cli import main\n"
        "assert main(['info']) == 0\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy', 'tqdm', 'pysampler.demo', 'pysampler.plots'}\n"
        "assert not heavy & set(sys.modules) - by_torch, heavy & set(sys.modules)"
    )
    process = start(code)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def test_ctrl_c_ends_a_running_demo_with_130_and_no_traceback(tmp_path: Path) -> None:
    for library in ("sklearn", "matplotlib", "tqdm"):
        require(library)
    process = start(f"from pysampler.cli import main; sys.exit(main(['demo', '--out', {str(tmp_path)!r}]))")
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().startswith("3 "):  # the header's last line: training begins
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors
