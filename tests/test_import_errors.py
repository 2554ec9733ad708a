"""Imports that cannot work say what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from processes import run

import pysampler

NO_SITE = "-S"  # without it an installed pysampler could lend its compiled part

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
"""


@pytest.fixture
def source_folder(tmp_path: Path) -> Path:
    """What a clone holds: the package without its compiled part."""
    package = Path(pysampler.__file__).parent
    shutil.copytree(package, tmp_path / "pysampler", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    return tmp_path


def test_a_missing_compiled_part_names_the_command(source_folder: Path) -> None:
    result = run("import pysampler", NO_SITE, folder=source_folder, environment={"PYTHONPATH": ""})
    assert result.returncode == 1
    assert "ImportError: pysampler's compiled part (_core) is missing" in result.stderr
    assert "pip install -e ." in result.stderr
    assert "source folder" in result.stderr


def test_a_damaged_compiled_part_names_the_command_and_the_cause(source_folder: Path) -> None:
    compiled = Path(pysampler._core.__file__).name
    (source_folder / "pysampler" / compiled).write_bytes(b"no library")
    result = run("import pysampler", NO_SITE, folder=source_folder, environment={"PYTHONPATH": ""})
    assert result.returncode == 1
    assert "ImportError" in result.stderr
    assert compiled in result.stderr
    assert "pip install" in result.stderr


def test_a_missing_torch_is_not_mistaken_for_a_missing_compiled_part() -> None:
    result = run(WITHOUT_TORCH + "import pysampler")
    assert result.returncode == 1
    assert "torch" in result.stderr.splitlines()[-1]
    assert "compiled part" not in result.stderr


def test_everything_public_can_be_imported_by_name() -> None:
    for name in pysampler.__all__:
        assert hasattr(pysampler, name)
    assert pysampler.__version__.count(".") >= 2
    assert (Path(pysampler.__file__).parent / "py.typed").exists()
