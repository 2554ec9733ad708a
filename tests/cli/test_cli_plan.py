"""`pysampler plan`: prints, draws and fails in one line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

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
    assert (plan["num_items"], plan["independent"]["num_items"]) == (170, 170)
    assert (plan["items"], plan["classes"][0]["items"]) == (170, 10)  # as before
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


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert cli.main(["plan", "--json", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return json.loads(printed.out)


def items_of(plan: Any) -> dict[str, int]:
    return {own["name"]: own["num_items"] for own in plan["classes"]}


@pytest.mark.parametrize(
    ("text", "dropped", "own"),
    [
        ('label\ncat\nnan\n""\ndog\ncat\n', {"cat": 2, "dog": 1}, {"cat": 2, "dog": 1, "no label": 2}),
        ("label\n1\n0\nNaN\n1\n", {"0": 1, "1": 2}, {"0": 1, "1": 2, "no label": 1}),
    ],
)
def test_items_without_a_label_are_left_out_or_a_class_of_their_own(
    text: str, dropped: dict[str, int], own: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    assert cli.main(["plan", str(path)]) == 2
    error = capsys.readouterr().err
    assert "counts as missing" in error
    assert "--missing drop" in error
    plan = planned(capsys, str(path), "--missing", "drop")
    assert (items_of(plan), plan["num_items"]) == (dropped, sum(dropped.values()))
    assert plan["advice"][0].endswith("left out.")
    plan = planned(capsys, str(path), "--missing", "class")
    assert (items_of(plan), plan["num_items"]) == (own, sum(own.values()))
    assert plan["advice"][0].endswith("a class of their own.")


def test_names_of_classes_in_targets_may_hold_commas_and_equals_signs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text('label\n"dog, big"\n"dog, big"\na=1\ncat\n', encoding="utf-8")
    plan = planned(capsys, str(path), "--targets", "cat=0.5,dog, big=0.2,a=1=0.3")
    assert {own["name"]: own["target_share"] for own in plan["classes"]} == pytest.approx(
        {"cat": 0.5, "dog, big": 0.2, "a=1": 0.3}
    )
    assert cli.main(["plan", str(path), "--targets", "cat=0.5,dog, small=0.2"]) == 2
    assert "'dog'" in capsys.readouterr().err


@pytest.mark.parametrize(("rest", "shares"), [("data", [0.5, 0.375, 0.125]), ("equal", [0.5, 0.25, 0.25])])
def test_partial_targets_leave_a_rest_to_the_other_classes(
    rest: str, shares: list[float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("label\n" + "a\n" * 2 + "b\n" * 3 + "c\n", encoding="utf-8")
    plan = planned(capsys, str(path), "--targets", "a=0.5", "--rest", rest)
    assert [own["draw_share"] for own in plan["classes"]] == pytest.approx(shares)


def test_labels_that_look_like_names_of_the_items_are_pointed_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("label\n" + "".join(f"img{index}\n" for index in range(30)), encoding="utf-8")
    plan = planned(capsys, str(path))
    assert sum("are these labels" in sentence for sentence in plan["advice"]) == 1
    assert not recwarn.list


def test_hidden_images_are_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg", "dog/2.jpg", ".thumbs/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    plan = planned(capsys, str(tmp_path))
    assert items_of(plan) == {"cat": 1, "dog": 2}
    assert "'.thumbs/1.jpg'" in plan["advice"][0]
    assert "ImageFolder" in plan["advice"][0]


def wrong_sources(folder: Path) -> dict[str, tuple[list[str], str]]:
    """Name -> arguments and the words that the one line must hold."""
    folder.joinpath("nothing").mkdir()
    folder.joinpath("empty.csv").touch()
    folder.joinpath("x.xlsx").write_text("x", encoding="utf-8")
    folder.joinpath("binary.csv").write_bytes(bytes(range(256)))
    folder.joinpath("one.csv").write_text("label\nx\ny\n".replace("y", "x"), encoding="utf-8")
    folder.joinpath("two.csv").write_text("label\nx\ny\nx\n", encoding="utf-8")
    folder.joinpath("nan.csv").write_text("label\nroti\nnan\n", encoding="utf-8")
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
        "NaN labels": ([str(folder / "nan.npy")], "item 2 has none (1 of 3 have none); the option missing"),
        "NaN weights": ([str(folder / "nanweight.npy")], "weights[2] is nan"),
        "negative labels": ([str(folder / "negative.npy")], "labels[2] is -1"),
        "zero weights": ([str(folder / "zero.npy"), "--as", "weights"], "every entry is zero"),
        "a cube": ([str(folder / "cube.npy")], "shape is (2, 2, 2)"),
        "complex numbers": ([str(folder / "complex.npy"), "--as", "weights"], "complex"),
        "odd objects": ([str(folder / "odd.pt")], "needs a label, but item 1 has none"),
        "names as weights": ([two, "--as", "weights"], "real numbers"),
        "a wrong column": ([two, "--column", "y"], "no column 'y'"),
        "half a target": ([two, "--targets", "x"], "NAME=SHARE"),
        "a target that is no number": ([two, "--targets", "x=a"], "NAME=SHARE"),
        "an unknown target": ([two, "--targets", "x=0.5,z=0.5"], "'z'"),
        "a target twice": ([two, "--targets", "x=0.5,x=0.5"], "'x' twice"),
        "targets that leave a class out": ([two, "--targets", "x=0.5"], "'y' is missing; 0 means never"),
        "a rest of nothing": ([two, "--rest", "data"], "give these as well"),
        "a rest beyond one": ([two, "--targets", "x=1.5", "--rest", "data"], "must be in [0, 1]"),
        "missing weights": ([str(folder / "nanweight.npy"), "--missing", "drop"], "--missing is for labels"),
        "a label called nan": ([str(folder / "nan.csv")], "line 3 of"),
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
