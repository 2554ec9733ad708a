"""`pysampler plan` reads labels and weights from files and folders, and names what is wrong with them."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optional import require

from pysampler.plan import read_source
from pysampler.plan.column_files import csv_column


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ---- CSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "kind", "values"),
    [
        ("image,label\na.jpg,cat\nb.jpg,dog\n", None, "labels", ["cat", "dog"]),
        ("image;Label\r\na.jpg;cat\r\n\r\nb.jpg;dog", None, "labels", ["cat", "dog"]),
        ('image\tlabel\n"a\tb"\tcat\nb\t"dog, big"\n', None, "labels", ["cat", "dog, big"]),
        ("\ufefflabel\n3\n1\n", None, "labels", [3, 1]),
        ("3\n1\n1\n", None, "labels", [3, 1, 1]),
        ("cat\ncat\ndog\n", None, "labels", ["cat", "cat", "dog"]),
        ("breed\ncat\ndog\n", None, "labels", ["cat", "dog"]),
        ("0.5\n2\n", None, "weights", [0.5, 2.0]),
        ("weight\n1\n2\n", None, "weights", [1, 2]),
        ("id,sample_weight\n1,3\n2,4\n", None, "weights", [3, 4]),
        ("a,b\n1,x\n2,y\n", "b", "labels", ["x", "y"]),
        ("1,x\n2,y\n", "1", "labels", ["x", "y"]),
        ("a,b\n1,x\n2,y\n", "0", "labels", [1, 2]),
        ("ids\n123456789012345678901\n2\n", None, "labels", ["123456789012345678901", "2"]),
    ],
)
def test_a_csv_column_is_found_and_read(tmp_path: Path, text: str, column: str | None, kind: str, values: Any) -> None:
    source = read_source(written(tmp_path / "table.csv", text), column=column)
    assert source.kind == kind
    assert list(source.values) == values


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("image,label\n", None, "has a header, but no rows below it"),
        ("\n\n", None, "has no rows"),
        ("a,b\n1,2\n", None, "which column .* Give --column, one of 'a', 'b'"),
        ("a,b\n1,2\n", "c", "no column 'c'; its columns are 'a', 'b'"),
        ("label,labels\n1,2\n", None, "which column"),
        ("a,label\n1,x\n2\n", None, "as the first, 2, but line 3 has 1"),
        ("a,label\n1,x\n2,\n3,\n", None, r"line 3 of .* has none in column 'label' \(2 of 3 are missing\)"),
        ("label\n1\nNaN\n", None, "line 3 of .* has none"),
        ("a,a\nx,y\n", None, "must have different names"),
        ('label\n"x\n', None, "cannot be read as CSV: line"),
    ],
)
def test_a_bad_table_is_refused_with_the_line(tmp_path: Path, text: str, column: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_source(written(tmp_path / "table.csv", text), column=column)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\xff\xfe\x00a", "is no text in UTF-8"), (b"a\nb\0c\n", "contains zero bytes")],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_source(written(tmp_path / "table.csv", content))


@given(st.binary(max_size=200))
def test_any_bytes_as_csv_are_read_or_refused(content: bytes) -> None:
    class Bytes(type(Path())):  # type: ignore[misc]
        def open(self, *_: Any, **options: Any) -> Any:
            return io.TextIOWrapper(io.BytesIO(content), encoding=options["encoding"], newline="")

    try:
        values, _ = csv_column(Bytes("x.csv"), None)
    except ValueError:
        return
    assert len(values) > 0


# ---- parquet ------------------------------------------------------------------------------------


def test_parquet_columns_of_names_numbers_and_categories_are_read(tmp_path: Path) -> None:
    require("pyarrow")
    pandas = require("pandas")
    table = pandas.DataFrame({"label": ["cat", "dog", "cat"], "weight": [0.5, 1.0, 2.0], "id": [3, 4, 5]})
    table["kind"] = table["label"].astype("category")
    table["several"] = [[1, 2], [], [2]]
    path = tmp_path / "table.parquet"
    table.to_parquet(path)
    assert list(read_source(path, column="label").values) == ["cat", "dog", "cat"]
    assert list(read_source(path, column="kind").values) == ["cat", "dog", "cat"]
    assert read_source(path, column="several").values == [{1, 2}, set(), {2}]
    weights = read_source(path, column="weight")
    assert (weights.kind, list(weights.values)) == ("weights", [0.5, 1.0, 2.0])
    with pytest.raises(ValueError, match="which column"):
        read_source(path)
    with pytest.raises(ValueError, match="no column 'x'"):
        read_source(path, column="x")


def test_parquet_files_that_are_damaged_empty_or_have_gaps_are_refused(tmp_path: Path) -> None:
    pyarrow = require("pyarrow")
    parquet = require("pyarrow.parquet")
    with pytest.raises(ValueError, match="cannot be read as a parquet file"):
        read_source(written(tmp_path / "x.parquet", b"PAR1 and so on"))
    for labels, words in (([], "has no rows"), (["a", None, "b"], r"row 1 of .* \(1 of 3 are missing\)")):
        parquet.write_table(pyarrow.table({"label": pyarrow.array(labels, pyarrow.string())}), tmp_path / "y.parquet")
        with pytest.raises(ValueError, match=words):
            read_source(tmp_path / "y.parquet")
    twice = pyarrow.Table.from_arrays([pyarrow.array([1, 2])] * 2, names=["label", "label"])
    parquet.write_table(twice, tmp_path / "z.parquet")
    with pytest.raises(ValueError, match="several columns 'label'"):
        read_source(tmp_path / "z.parquet", column="label")


def test_parquet_without_pyarrow_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_source(written(tmp_path / "x.parquet", b"PAR1"))


# ---- arrays and tensors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([0, 1, 1]), "labels"),
        (np.array([0.5, 1.0]), "weights"),
        (np.array(["cat", "dog"]), "labels"),
        (np.array([0.0, 1.0, 1.0]), "labels"),
        (np.eye(3), "labels"),
        (np.array([True, False]), "labels"),
    ],
)
def test_arrays_are_read_and_told_apart(tmp_path: Path, array: Any, kind: str) -> None:
    np.save(tmp_path / "x.npy", array)
    source = read_source(tmp_path / "x.npy")
    assert source.kind == kind
    assert np.array_equal(source.values, array)
    assert read_source(tmp_path / "x.npy", kind="weights").kind == "weights"


def test_whole_numbers_as_fractions_come_with_a_note(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1.0, 2.0]))
    assert "--as weights" in read_source(tmp_path / "x.npy").notes[0]
    assert read_source(tmp_path / "x.npy", kind="labels").notes == ()


@pytest.mark.parametrize(
    ("content", "column", "kind"),
    [
        (torch.tensor([0, 1, 1]), None, "labels"),
        (torch.tensor([0.5, 1.0]), None, "weights"),
        (torch.tensor([0.5, 1.0], dtype=torch.bfloat16), None, "weights"),
        (["cat", "dog"], None, "labels"),
        ([0.25, 3.0], None, "weights"),
        ({"images": torch.zeros(2, 2), "targets": torch.tensor([0, 1])}, None, "labels"),
        ({"a": torch.tensor([0, 1]), "w": torch.tensor([0.5, 1])}, "w", "weights"),
    ],
)
def test_tensor_files_are_read_and_told_apart(tmp_path: Path, content: Any, column: str | None, kind: str) -> None:
    torch.save(content, tmp_path / "x.pt")
    source = read_source(tmp_path / "x.pt", column=column)
    assert source.kind == kind
    assert len(source.values) in (2, 3)


def test_a_pickle_never_runs(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path(tmp_path / "exploded").touch, ())

    torch.save({"labels": Bomb()}, tmp_path / "bomb.pt")
    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.pt", "bomb.npy", "plain.pt"):
        with pytest.raises(ValueError, match="cannot be read"):
            read_source(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (torch.tensor(3), "holds a Tensor of shape"),
        (torch.zeros(0), "holds none"),
        ("labels", "holds a str"),
        ([], "holds none"),
        ({"a": torch.zeros(1), "b": torch.zeros(1)}, "which column"),
    ],
)
def test_other_tensor_files_are_refused(tmp_path: Path, content: Any, words: str) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=words):
        read_source(tmp_path / "x.pt")


@pytest.mark.parametrize("suffix", [".npy", ".pt", ".pth"])
@pytest.mark.parametrize("content", [b"", b"x", b"\x93NUMPY\x01", b"PK\x03\x04 and no more", bytes(1000)])
def test_damaged_files_are_value_errors(tmp_path: Path, suffix: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"is empty|cannot be read"):
        read_source(written(tmp_path / f"x{suffix}", content))


def test_truncated_files_are_value_errors(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(1000))
    torch.save(torch.arange(1000), tmp_path / "x.pt")
    for name in ("x.npy", "x.pt"):
        whole = (tmp_path / name).read_bytes()
        for size in (10, 100, len(whole) // 2, len(whole) - 1):
            with pytest.raises(ValueError, match="cannot be read"):
                read_source(written(tmp_path / name, whole[:size]))


# ---- places -------------------------------------------------------------------------------------


def test_a_folder_of_images_gives_their_classes(tmp_path: Path) -> None:
    for name in ("Siamese_1.jpg", "Siamese_2.jpg", "Birman_1.jpg"):
        (tmp_path / name).touch()
    source = read_source(tmp_path)
    assert source.kind == "labels"
    assert source.values == ["Birman", "Siamese", "Siamese"]
    assert source.description == f"images of {tmp_path}, the class in the file name"
    with pytest.raises(ValueError, match="is a folder"):
        read_source(tmp_path, column="label")
    with pytest.raises(ValueError, match="is a folder"):
        read_source(tmp_path, kind="weights")


def test_the_folder_above_oxford_pets_images_is_pointed_into(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "Siamese_1.jpg").touch()
    with pytest.raises(ValueError, match=f"give {tmp_path / 'images'}"):
        read_source(tmp_path)


def test_missing_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_source(tmp_path / "missing.csv")
    with pytest.raises(ValueError, match=r"SOURCE must be a folder of images or a file \.csv"):
        read_source(written(tmp_path / "x.xlsx", "x"))
