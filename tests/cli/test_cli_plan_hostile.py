"""Files that claim more than they hold, or hold no numbers: one line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pysampler.cli import main


def _expanded(path: Path) -> Path:
    torch.save(torch.zeros(1, dtype=torch.int64).expand(2**31), path / "a.pt")
    return path / "a.pt"


def _nested(path: Path) -> Path:
    torch.save(torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), path / "b.pt")
    return path / "b.pt"


def _sparse(path: Path) -> Path:
    torch.save(torch.eye(3).to_sparse(), path / "d.pt")
    return path / "d.pt"


def _meta(path: Path) -> Path:
    torch.save(torch.empty(3, device="meta"), path / "e.pt")
    return path / "e.pt"


def _deep(path: Path) -> Path:
    nested: list[object] = []
    for _ in range(300):
        nested = [nested]
    torch.save(nested, path / "f.pt")
    return path / "f.pt"


def _large_number(path: Path) -> Path:
    torch.save([10**400, 1], path / "g.pt")
    return path / "g.pt"


def _structured(path: Path) -> Path:
    np.save(path / "h.npy", np.zeros(3, [("a", "i4"), ("b", "f8")]))
    return path / "h.npy"


def _claimed(path: Path) -> Path:
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    (path / "i.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(80))
    return path / "i.npy"


def _void(path: Path) -> Path:
    np.save(path / "c.npy", np.zeros(3, "V0"))
    return path / "c.npy"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "make", [_expanded, _nested, _void, _sparse, _meta, _deep, _large_number, _structured, _claimed]
)
def test_hostile_files_are_one_line_and_exit_code_two(
    make: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    assert main(["plan", str(make(tmp_path))]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_tensors_that_require_gradients_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(torch.nn.Parameter(torch.tensor([0.5, 1.0])), tmp_path / "x.pt")
    assert main(["plan", str(tmp_path / "x.pt")]) == 0
    assert "2 items, weights as given" in capsys.readouterr().out


def test_a_plot_of_an_unknown_format_names_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("label\na\na\nb\n")
    assert main(["plan", str(tmp_path / "x.csv"), "--plot", str(tmp_path / "plan.xyz")]) == 2
    assert ".png, .svg, .pdf" in capsys.readouterr().err
