"""Folders of images tell their classes by sub-folder or by file name, as torchvision and Oxford Pets lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pysampler.labels.image_folder import list_images


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_file_names_tell_the_class_before_the_last_underscore(tmp_path: Path) -> None:
    touch(tmp_path, "Siamese_12.jpg", "staffordshire_bull_terrier_74.jpg", "Birman_3.JPEG")
    found = list_images(tmp_path)
    assert [path.name for path in found.paths] == [
        "Birman_3.JPEG", "Siamese_12.jpg", "staffordshire_bull_terrier_74.jpg"
    ]  # fmt: skip
    assert found.labels == ("Birman", "Siamese", "staffordshire_bull_terrier")
    assert found.layout == "the class in the file name"


def test_a_sub_folder_per_class_holds_images_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "cat/more/2.webp", "dog/x_1.jpg", "empty/notes.txt")
    found = list_images(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.paths] == ["cat/1.png", "cat/more/2.webp", "dog/x_1.jpg"]
    assert found.labels == ("cat", "cat", "dog")
    assert found.layout == "a folder per class"
    assert found.empty_folders == ("empty",)


def test_a_linked_class_folder_counts(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/1.png", "root/cat/2.png")
    (tmp_path / "root" / "dog").symlink_to(tmp_path / "elsewhere")
    assert list_images(tmp_path / "root").labels == ("cat", "dog")


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a_1.jpg", "b_1.jpg", "._b_1.jpg", "a_1.mat", ".git/x_1.jpg", "list.txt")
    assert list_images(tmp_path).labels == ("a", "b")
    assert list_images(touch(tmp_path / "deep", "a/.x/1.jpg", "a/2.jpg")).labels == ("a",)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "has no images, at any depth"),
        (["notes.txt", "sub/notes.txt"], "has no images, at any depth"),
        (["a_1.jpg", "sub/2.jpg"], "images beside the folder 'sub' of images"),
        (["a_1.jpg", "12.jpg"], "12.jpg has no class"),
        (["_12.jpg"], "_12.jpg has no class"),
    ],
)
def test_unclear_folders_are_refused_with_the_reason(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list_images(touch(tmp_path, *names))


def test_what_is_no_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_images(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        list_images(touch(tmp_path, "a_1.jpg") / "a_1.jpg")


def test_hidden_images_are_listed_apart_since_image_folder_takes_them(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "cat/._1.png", "dog/.old/2.png", "dog/3.png", ".thumbs/4.png", ".git/HEAD")
    found = list_images(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found.paths] == ["cat/1.png", "dog/3.png"]
    assert sorted(str(path.relative_to(tmp_path)) for path in found.hidden) == [
        ".thumbs/4.png", "cat/._1.png", "dog/.old/2.png"
    ]  # fmt: skip
    assert found.empty_folders == ()
