"""Files that claim more than they hold, or hold no numbers: one line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pysampler.cli import main


def _expanded(path: Path) -> Path:
    torch.save(torch.zeros(1, dtype=torch.int64).expand(2**40), path / "a.pt")
    return path / "a.pt"


def _nested(path: Path) -> Path:
    torch.save(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), path / "b.pt")
    return path / "b.pt"


def _void(path: Path) -> Path:
    np.save(path / "c.npy", np.zeros(3, "V0"))
    return path / "c.npy"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", [_expanded, _nested, _void])
def test_hostile_files_are_one_line_and_exit_code_two(
    make: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    assert main(["plan", str(make(tmp_path))]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_plot_of_an_unknown_format_names_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("label\na\na\nb\n")
    assert main(["plan", str(tmp_path / "x.csv"), "--plot", str(tmp_path / "plan.xyz")]) == 2
    assert ".png, .svg, .pdf" in capsys.readouterr().err
