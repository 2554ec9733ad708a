"""`pysampler plan`: prints, draws and fails in one line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from optional import require
from processes import run

from pysampler import cli


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder laid out like Oxford Pets: 160 Siamese, 10 Birman."""
    folder = tmp_path / "images"
    folder.mkdir()
    for breed, count in (("Siamese", 160), ("Birman", 10)):
        for number in range(count):
            (folder / f"{breed}_{number}.jpg").touch()
    return folder


def test_a_folder_laid_out_like_oxford_pets_is_planned(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(pets)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"images of {pets}, the class in the file name\n170 items, scheme inverse, 170 draws")
    cells = ["Siamese", "160", "94.1 %", "0.00625", "50.0 %", "50.0 %", "85.0", "0.531", "58.7 %"]
    assert any(re.split("  +", line) == cells for line in printed.splitlines())
    assert "expected after one epoch: 76.0 items" in printed
    assert "every item within 4 epochs, always" in printed


def test_json_is_one_object(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["plan", str(pets), "--json", "--targets", "Siamese=0.1,Birman=0.9", "--draws", "340"]
    assert cli.main(arguments) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["scheme"] == "targets"
    assert plan["draws_per_epoch"] == 340
    assert [own["target_share"] for own in plan["classes"]] == pytest.approx([0.9, 0.1])


def test_schemes_columns_and_numbers_as_class_names_are_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "7,0\n" * 30 + "9,1\n" * 10, encoding="utf-8")
    assert cli.main(["plan", str(path), "--column", "b", "--scheme", "power", "--alpha", "0.5"]) == 0
    assert "scheme power, alpha = 0.5" in capsys.readouterr().out
    assert cli.main(["plan", str(path), "--column", "b", "--targets", "0=0.25", "--targets", "1=0.75"]) == 0
    assert "75.0 %" in capsys.readouterr().out
    assert cli.main(["plan", str(path), "--column", "b", "--as", "weights"]) == 0
    assert "weights as given" in capsys.readouterr().out


def test_a_plot_is_drawn(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("matplotlib")
    for name, magic in (("p.png", b"\x89PNG"), ("p.svg", b"<?xml")):
        assert cli.main(["plan", str(pets), "--plot", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_bytes().startswith(magic)
    assert cli.main(["plan", str(pets), "--plot", str(tmp_path / "no" / "p.png")]) == 1
    assert cli.main(["plan", str(pets), "--plot", str(tmp_path / "p.doc")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "can --plot be written to?" in errors[0]
    assert "doc" in errors[1]


def test_a_plot_without_matplotlib_names_the_extra(
    pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    assert cli.main(["plan", str(pets), "--plot", "p.png"]) == 2
    assert 'pip install "pysampler[plots]"' in capsys.readouterr().err


def wrong_sources(folder: Path) -> dict[str, tuple[list[str], str]]:
    """Name -> arguments and the words that the one line must hold."""
    folder.joinpath("nothing").mkdir()
    folder.joinpath("empty.csv").touch()
    folder.joinpath("x.xlsx").write_text("x", encoding="utf-8")
    folder.joinpath("binary.csv").write_bytes(bytes(range(256)))
    folder.joinpath("one.csv").write_text("label\nx\ny\n".replace("y", "x"), encoding="utf-8")
    folder.joinpath("two.csv").write_text("label\nx\ny\nx\n", encoding="utf-8")
    np.save(folder / "nan.npy", np.array([0.0, 1.0, np.nan]))
    np.save(folder / "nanweight.npy", np.array([0.5, 1.0, np.nan]))
    np.save(folder / "negative.npy", np.array([0, 1, -1]))
    np.save(folder / "zero.npy", np.zeros(3))
    np.save(folder / "cube.npy", np.zeros((2, 2, 2)))
    np.save(folder / "complex.npy", np.zeros(3, dtype=complex))
    torch.save([{1}, None], folder / "odd.pt")
    two = str(folder / "two.csv")
    return {
        "missing": ([str(folder / "missing")], "does not exist"),
        "no images": ([str(folder / "nothing")], "has no images"),
        "empty": ([str(folder / "empty.csv")], "is empty"),
        "another type": ([str(folder / "x.xlsx")], "SOURCE must be"),
        "binary": ([str(folder / "binary.csv")], "no text"),
        "one class": ([str(folder / "one.csv")], "of one class, 'x'"),
        "NaN labels": ([str(folder / "nan.npy")], "labels[2] is missing"),
        "NaN weights": ([str(folder / "nanweight.npy")], "weights[2] is nan"),
        "negative labels": ([str(folder / "negative.npy")], "labels[2] is -1"),
        "zero weights": ([str(folder / "zero.npy"), "--as", "weights"], "every entry is zero"),
        "a cube": ([str(folder / "cube.npy")], "shape is (2, 2, 2)"),
        "complex numbers": ([str(folder / "complex.npy"), "--as", "weights"], "complex"),
        "odd objects": ([str(folder / "odd.pt")], "labels"),
        "names as weights": ([two, "--as", "weights"], "real numbers"),
        "a wrong column": ([two, "--column", "y"], "no column 'y'"),
        "half a target": ([two, "--targets", "x"], "NAME=SHARE"),
        "a target that is no number": ([two, "--targets", "x=a"], "NAME=SHARE"),
        "an unknown target": ([two, "--targets", "x=0.5,z=0.5"], "'z'"),
        "a target twice": ([two, "--targets", "x=0.5,x=0.5"], "'x' twice"),
        "targets beyond one": ([two, "--targets", "x=0.5,y=0.9"], "sum to one"),
        "scheme and targets": ([two, "--scheme", "sqrt", "--targets", "x=0.5,y=0.5"], "either scheme or targets"),
        "a parameter of another scheme": ([two, "--beta", "0.9"], "belongs to scheme"),
        "a scheme without its parameter": ([two, "--scheme", "power"], "needs alpha="),
        "a scheme for weights": ([str(folder / "zero.npy"), "--as", "weights", "--scheme", "sqrt"], "weights already"),
    }


def test_every_wrong_source_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, (arguments, words) in wrong_sources(tmp_path).items():
        assert cli.main(["plan", *arguments]) == 2, name
        printed = capsys.readouterr()
        assert printed.out == "", name
        assert printed.err.startswith("pysampler plan: error: "), name
        assert printed.err.count("\n") == 1, name
        assert words in printed.err, (name, printed.err)


def test_a_folder_named_like_a_file_is_read_as_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").mkdir()
    assert cli.main(["plan", str(tmp_path / "x.csv")]) == 2
    assert "has no images" in capsys.readouterr().err


def test_a_file_that_may_not_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    for name in ("x.csv", "x.npy", "x.pt"):
        (tmp_path / name).write_text("label\n1\n", encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", refuse)
            assert cli.main(["plan", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err == (
            f"pysampler plan: error: [Errno 13] Permission denied: '{tmp_path / name}'\n"
        )


# ---- the entry point ----------------------------------------------------------------------------

COMMAND = "import sys; sys.argv[1:] = ['info']; from pysampler.cli import main; sys.exit(main())"


def test_an_unknown_cpu_target_is_one_line_and_exit_code_2() -> None:
    result = run(COMMAND, environment={"PYSAMPLER_CPU_TARGET": "mmx"})
    assert result.returncode == 2
    assert result.stderr.startswith("pysampler info: error: PYSAMPLER_CPU_TARGET=mmx is unknown")
    assert result.stderr.count("\n") == 1


def test_the_entry_point_runs_the_command() -> None:
    result = run(COMMAND)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("pysampler ")
