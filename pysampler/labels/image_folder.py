"""Folders of images whose classes are told by where the files lie or what they are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class ImageFiles:
    """Image files and their classes. Made by ``list_images``.

    Attributes:
        paths: The files, sorted.
        labels: The name of each file's class.
        layout: Where the classes were read from: "a folder per class" or "the class in the file name".
        empty_folders: Sub-folders that hold no image, and so are no class.
        hidden: Images in hidden sub-folders, or hidden themselves in others, sorted: not among ``paths``. Listed where
            there is a folder per class, since torchvision's ``ImageFolder`` would take them, and number hidden folders
            among the classes.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    layout: str
    empty_folders: tuple[str, ...] = ()
    hidden: tuple[Path, ...] = ()


def list_images(folder: str | os.PathLike[str]) -> ImageFiles:
    """Lists the images of a folder. None is opened.

    Two layouts are understood: a sub-folder per class, at any depth below it, as torchvision's ``ImageFolder`` reads
    them; or all files in one folder, the class in their names before the last underscore, as in Oxford Pets:
    ``Siamese_12.jpg``, ``staffordshire_bull_terrier_74.jpg``. Hidden files and folders and those that are no images are
    passed over.

    Cost: listing the folder.

    Raises:
        ValueError: No images; images both beside sub-folders and in them; a file name without a class.
        OSError: No folder, or it cannot be read.

    Example:
        >>> list_images("data/pets/images").labels[:1]  # doctest: +SKIP
        ('Abyssinian',)
    """
    root = Path(folder)
    entries = sorted(root.iterdir())
    here = [entry for entry in entries if _is_image(entry) and not _is_hidden(entry, root) and entry.is_file()]
    everything = {entry.name: sorted(_images_below(entry)) for entry in entries if entry.is_dir()}
    below = {
        name: [path for path in paths if not _is_hidden(path, root)]
        for name, paths in everything.items()
        if not name.startswith(".")
    }
    filled = {name: paths for name, paths in below.items() if paths}
    if here and filled:
        raise ValueError(
            f"{root} has images beside the folder {next(iter(filled))!r} of images ({len(here)} beside folders, "
            f"{sum(map(len, filled.values()))} in them), so it is unclear where the classes are; separate them"
        )
    if here:
        return ImageFiles(tuple(here), tuple(map(_class_in_name, here)), "the class in the file name")
    if not filled:
        raise ValueError(f"{root} has no images, at any depth; looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    paths = tuple(path for own in filled.values() for path in own)
    labels = tuple(name for name, own in filled.items() for _ in own)
    hidden = tuple(path for own in everything.values() for path in own if _is_hidden(path, root))
    empty = tuple(name for name in below if name not in filled)
    return ImageFiles(paths, labels, "a folder per class", empty, hidden)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _images_below(folder: Path) -> Iterator[Path]:
    for parent, _, files in os.walk(folder, onerror=_raise):
        yield from filter(_is_image, (Path(parent, name) for name in files))


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _raise(error: OSError) -> None:
    raise error


def _class_in_name(path: Path) -> str:
    name, underscore, _ = path.stem.rpartition("_")
    if not underscore or not name:
        raise ValueError(
            f"the image {path} has no class: without sub-folders, file names must tell it before the last underscore, "
            "as Siamese_12.jpg does"
        )
    return name
