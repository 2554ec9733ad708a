"""Megatron's index arrays from a mixture: read by its own BlendedDataset, beside those that it builds itself.

No requirement of the tests, since nothing of ours imports it: `pip install megatron-core` to run the part that does.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pysampler import Mixture

SIZES, SHARES, WINDOW = (400, 130, 70), (6, 3, 1), 20


def mixture() -> Mixture:
    return Mixture(SIZES, SHARES, window=WINDOW)


def test_the_arrays_have_megatrons_dtypes_and_are_the_draws() -> None:
    mixed, count = mixture(), 1000
    datasets, samples = mixed.as_index_arrays(0, count, seed=3)
    assert (datasets.dtype, samples.dtype) == (np.int16, np.int64)
    assert datasets.shape == samples.shape == (count,)
    assert datasets.flags.c_contiguous
    assert samples.flags.c_contiguous
    drawn = [mixed.locate(index) for index in mixed.draw(count, seed=3).tolist()]
    assert [(str(d), s) for d, s in zip(datasets.tolist(), samples.tolist(), strict=True)] == drawn


@pytest.mark.parametrize("occurrences", [False, True])
def test_any_part_can_be_made_on_its_own(occurrences: bool) -> None:
    mixed = mixture()
    whole = mixed.as_index_arrays(0, 500, seed=3, occurrences=occurrences)
    for start, count in ((0, 500), (1, 7), (19, 2), (20, 20), (333, 0), (123, 377)):
        part = mixed.as_index_arrays(start, count, seed=3, occurrences=occurrences)
        assert all(np.array_equal(a, b[start : start + count]) for a, b in zip(part, whole, strict=True))
    far = mixed.as_index_arrays(10**15, 5, seed=3, occurrences=True)
    for dataset, sample in zip(*far, strict=True):
        assert abs(sample - 10**15 * SHARES[dataset] / 10) < WINDOW


def test_occurrences_count_each_dataset_up_from_zero() -> None:
    """As Megatron's builder does: sample numbers of a dataset that shuffles and repeats by itself."""
    datasets, samples = mixture().as_index_arrays(0, 1003, seed=3, occurrences=True)
    for dataset in range(3):
        own = samples[datasets == dataset]
        assert own.tolist() == list(range(len(own)))
    assert np.array_equal(datasets, mixture().order(1003, seed=3))


def test_many_sources_and_stages_are_numbered_alike() -> None:
    sizes = [3 + number % 5 for number in range(3000)]
    mixed = Mixture(sizes, [(0, [1.0] * 3000), (900, list(range(1, 3001)))], window=64)
    _, samples = mixed.as_index_arrays(500, 2000, seed=1, occurrences=True)
    datasets, whole = mixed.as_index_arrays(0, 2500, seed=1, occurrences=True)
    assert np.array_equal(samples, whole[500:])
    for dataset in np.unique(datasets):
        own = whole[datasets == dataset]
        assert own.tolist() == list(range(len(own)))


def test_arguments_out_of_range_are_errors() -> None:
    with pytest.raises(ValueError, match=r"int16 numbers 32767 sources at most, but the mixture has 32768"):
        Mixture([1] * 32768).as_index_arrays(0, 1, seed=0)
    with pytest.raises(ValueError, match=r"2\^62 positions.*lead to 4611686018427387904 for 5"):
        mixture().as_index_arrays(2**62 - 4, 5, seed=0)
    with pytest.raises(ValueError, match="count must be"):
        mixture().as_index_arrays(0, -1, seed=0)
    with pytest.raises(ValueError, match="start must be"):
        mixture().order(1, seed=0, start=-1)


# ---- Megatron itself ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blended() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("megatron.core.datasets.blended_dataset")


class Texts:
    """What BlendedDataset asks of a mid-level dataset."""

    index_split = SimpleNamespace(name="train")

    def __init__(self, name: str, size: int) -> None:
        self.unique_identifiers = {"name": name, "size": size}
        self._name, self._size = name, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, sample: int) -> dict[str, Any]:
        if not 0 <= sample < self._size:
            raise IndexError(sample)
        return {"text": (self._name, int(sample))}


def mid_level(times: int = 1) -> list[Texts]:
    return [Texts(str(number), times * size) for number, size in enumerate(SIZES)]


def config_of(folder: Path | None) -> Any:
    return SimpleNamespace(
        path_to_cache=None if folder is None else str(folder),
        defer_npy_index_mmap=False,
        fast_cache_load=False,
        mid_level_dataset_surplus=0.005,
    )


def test_blended_dataset_reads_our_arrays_in_place_of_its_own(blended: Any) -> None:
    mixed = mixture()

    class Mixed(blended.BlendedDataset):  # type: ignore[misc]
        def _build_indices(self) -> Any:
            return mixed.as_index_arrays(0, self.size, seed=3)

    dataset = Mixed(mid_level(), [0.6, 0.3, 0.1], 900, config_of(None))
    assert len(dataset) == 900
    assert [dataset[i]["text"] for i in range(900)] == [mixed.locate(i) for i in mixed.draw(900, seed=3).tolist()]
    assert [dataset[i]["dataset_id"] for i in range(900)] == mixed.order(900, seed=3).tolist()


def test_arrays_in_its_cache_are_taken_for_its_own(blended: Any, tmp_path: Path) -> None:
    """Without a subclass: it looks for files first, and finds ours."""
    weights, size = [0.6, 0.3, 0.1], 900
    try:
        ready = blended.BlendedDataset(mid_level(3), weights, size, config_of(None))
    except ImportError as error:
        pytest.skip(f"Megatron's compiled part is missing: {error}")
    name = f"{ready.unique_description_hash}-BlendedDataset-train-"
    arrays = mixture().as_index_arrays(0, size, seed=3, occurrences=True)
    (tmp_path / f"{name}description.txt").write_text(ready.unique_description)
    for file, array in zip(("dataset_index", "dataset_sample_index"), arrays, strict=True):
        theirs = getattr(ready, file)
        assert (array.dtype, array.shape) == (theirs.dtype, theirs.shape)
        np.save(tmp_path / f"{name}{file}.npy", array)
    dataset = blended.BlendedDataset(mid_level(3), weights, size, config_of(tmp_path))
    expected = [(str(d), s) for d, s in zip(*(array.tolist() for array in arrays), strict=True)]
    assert [dataset[i]["text"] for i in range(size)] == expected
    # Both promise the same shares: as many samples of each dataset, to within one.
    counts = [np.bincount(index) for index in (arrays[0], ready.dataset_index)]
    assert np.abs(counts[0] - counts[1]).max() <= 1
