"""The article, reproduced: the same images through files, every number near its closed form, all figures."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from optional import require
from oxford_pets import rows, steps
from oxford_pets.cats import Cats, load_cats
from oxford_pets.image_files import load_images, write_digits

import pysampler
from pysampler import plots
from pysampler.demo.data import all_digits

EXAMPLE = Path(__file__).parents[2] / "examples" / "oxford_pets_article.py"


@pytest.fixture(autouse=True, scope="module")
def libraries() -> None:
    """Skips the module, or fails it where optional libraries are required."""
    for library in ("sklearn", "matplotlib", "PIL"):
        require(library)


@pytest.fixture(scope="module")
def digits(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of digits laid out like Oxford Pets."""
    folder = tmp_path_factory.mktemp("digits")
    write_digits(folder)
    return folder


@pytest.fixture(scope="module")
def cats(digits: Path) -> Cats:
    """Threes and eights in the place of the cats."""
    return load_cats(digits, "digit_3", "digit_8")


@pytest.fixture(scope="module")
def found(cats: Cats) -> list[steps.Step]:
    """All steps, with few trials."""
    return list(steps.all_steps(cats, trials=300, seed=0))


# ---- images -------------------------------------------------------------------------------------


def test_digits_come_back_from_their_files_as_they_were(cats: Cats) -> None:
    images, labels = all_digits()
    for own, digit in zip(cats.images, (3, 8), strict=True):
        expected = images[labels == digit]
        assert own.shape == expected.shape
        # Files are listed by name, not by number: compare as sets.
        key = lambda batch: sorted((image * 16).round().flatten().tolist() for image in batch)  # noqa: E731
        assert key(own) == key(expected)


def test_pictures_of_any_size_and_colour_become_squares(tmp_path: Path) -> None:
    image = require("PIL.Image")
    generator = np.random.default_rng(0)
    for number, (width, height) in enumerate(((40, 60), (51, 37))):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        image.fromarray(pixels).save(tmp_path / f"Siamese_{number}.jpg")
    paths = sorted(tmp_path.iterdir())
    images = load_images(paths)
    assert images.shape == (2, 3, 32, 32)
    assert images.min() >= 0
    assert images.max() <= 1
    assert load_images(paths, 8).shape == (2, 3, 8, 8)
    image.new("L", (7, 9), 128).save(tmp_path / "grey_1.png")
    grey = load_images([tmp_path / "grey_1.png"])
    assert grey.shape == (1, 1, 6, 6)
    assert grey.unique().tolist() == pytest.approx([128 / 255])


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "Siamese_1.jpg").write_bytes(b"no image")
    with pytest.raises(OSError, match=r"Siamese_1\.jpg cannot be read as an image"):
        load_cats(tmp_path, "Siamese", "Siamese")


def test_a_missing_class_is_named_with_those_there_are(digits: Path) -> None:
    with pytest.raises(ValueError, match="no images of the class 'Birman'; its classes are digit_0, digit_1"):
        load_cats(digits, "digit_3", "Birman")


def test_training_and_validation_are_the_articles_and_share_no_image(cats: Cats) -> None:
    problem = cats.problem(0)
    assert problem.class_counts.tolist() == [160, 10]
    assert torch.bincount(problem.validation_labels).tolist() == [23, 23]
    training = {image.numpy().tobytes() for image in problem.train_images}
    assert not training & {image.numpy().tobytes() for image in problem.validation_images}
    with pytest.raises(ValueError, match="'digit_8' must have at least 300 images, but it has 174"):
        cats.labels(300)
    with pytest.raises(ValueError, match="'digit_8' must have more than 174 images, but it has 174"):
        cats.problem(0, rare=174)


# ---- numbers ------------------------------------------------------------------------------------


def row(found: list[steps.Step], what: str) -> rows.Row:
    (only,) = [own for step in found for own in step.rows if own.what == what]
    return only


@pytest.mark.parametrize(
    ("what", "expected", "within"),
    [
        ("shuffled: share of digit_8", 10 / 170, 1e-12),
        ("shuffled: unique images", 170, 0),
        ("weighted: share of digit_8", 0.5, 0.19),
        ("weighted: unique images", 76.017, 20),
        ("draws of a digit_8, mean", 8.5, 3.2),
        ("digit_3 never drawn", 160 * (319 / 320) ** 170, 20),
        ("replacement=False: unique images", 170, 0),
        ("num_samples doubled: unique images", 114.797, 22),
        ("unique images after 10 epochs", 169.2, 5),
        ("epochs until all are seen, mean", 10.646, 0.8),
        ("160 : 160, epochs, mean", 6.347, 0.5),
        ("160 : 80, epochs, mean", 7.545, 0.6),
        ("160 : 40, epochs, mean", 9.049, 0.75),
        ("160 : 20, epochs, mean", 10.054, 0.8),
        ("160 : 10, epochs, mean", 10.646, 0.8),
        ("160 : 5, epochs, mean", 10.968, 0.8),
        ("unique images", 26.133, 14),
    ],
)
def test_every_number_is_near_its_closed_form(
    found: list[steps.Step], what: str, expected: float, within: float
) -> None:
    """The tolerances are about five standard deviations of one epoch or of 300 trials."""
    own = row(found, what)
    assert own.expected == pytest.approx(expected, abs=0.05)
    assert abs(own.measured - expected) <= within


def test_the_lines_show_measured_expected_and_the_article(found: list[steps.Step]) -> None:
    heading, *lines = rows.lines(found[0].rows)
    assert heading.split() == ["this", "run", "closed", "form", "the", "article"]
    assert lines[-1].split()[-2:] == ["76.0", "71"]
    assert len({len(line) for line in (heading, *lines)}) == 1


# ---- figures ------------------------------------------------------------------------------------


def test_the_steps_draw_the_articles_figures_from_what_was_delivered(found: list[steps.Step], cats: Cats) -> None:
    figures = {name: figure for step in found for name, figure in step.figures.items()}
    assert list(figures) == [
        "2-3-batches", "4-draws", "5-without-replacement", "6-doubled", "7-coverage", "8-epochs", "9-sweep",
        "10-targets",
    ]  # fmt: skip
    labels = cats.labels()
    weighted = steps.delivered(labels, pysampler.WeightedRandomSampler(pysampler.sample_weights(labels), seed=0), 0)
    counts = plots.class_counts_per_batch(weighted, labels, 2)
    assert any(np.array_equal(data, counts) for data in figures["2-3-batches"].data.values())
    draws = figures["4-draws"].data
    assert draws["digit_3 (160)"].sum() + draws["digit_8 (10)"].sum() == 170
    assert draws["expected"].tolist() == pytest.approx([85 / 160, 8.5])
    assert figures["6-doubled"].data["num_samples=340"].sum() == 340
    assert figures["7-coverage"].data["all images"].shape == (21,)
    assert figures["7-coverage"].data["forecast"][1] == pytest.approx(76.017, abs=5e-4)
    assert list(figures["9-sweep"].data)[::2] == [f"160 : {count}" for count in steps.IMBALANCES]


# ---- the example --------------------------------------------------------------------------------


def example(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(pysampler.__file__).parents[1])
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8"},
    )


def test_the_example_prints_every_step_trains_and_saves_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oxford_pets.main._QUICK_TRIALS", 20)
    monkeypatch.setattr("oxford_pets.main._QUICK_EPOCHS", 1)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--quick", "--out", str(tmp_path / "new" / "figures")])
    spec = importlib.util.spec_from_file_location("__main__", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    printed = capsys.readouterr().out
    assert [line[0] for line in printed.splitlines() if line[:1].isdigit()][:9] == list("123456789")
    assert "closed form" in printed
    assert "off           off" in printed
    saved = sorted(path.name for path in (tmp_path / "new" / "figures").iterdir())
    assert len(saved) == 10
    assert {name.split("-")[0] for name in saved} == {"1", "2", "4", "5", "6", "7", "8", "9", "10", "11"}


def test_the_example_refuses_a_folder_without_the_classes_in_one_line(tmp_path: Path) -> None:
    result = example("--images", str(tmp_path))
    assert result.returncode == 1
    assert "has no images" in result.stderr
    assert "Traceback" not in result.stderr
