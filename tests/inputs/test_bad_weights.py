"""What may not be passed as weights: an error at once, which says what is wrong, where, and what to do."""

from __future__ import annotations

import datetime
import decimal
import fractions
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from takers import BY_NAME, TAKERS, TAKERS_OF_LISTS
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from pysampler import AliasTable

takers = pytest.mark.parametrize("take", TAKERS, ids=list(BY_NAME))


class Images(Dataset[Any]):
    """Counts how often it is touched: torch.as_tensor would load every image."""

    touched = 0

    def __getitem__(self, index: int) -> Any:
        type(self).touched += 1
        raise AssertionError("an image was loaded")

    def __len__(self) -> int:
        type(self).touched += 1
        return 3


class ImagesAsArray(Images):
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        type(self).touched += 1
        return np.ones(3)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        raise AssertionError("the dataset was read")


@takers
@pytest.mark.parametrize(
    "dataset", [Images(), ImagesAsArray(), Stream(), TensorDataset(torch.ones(3))], ids=lambda d: type(d).__name__
)
def test_a_dataset_is_refused_untouched(dataset: Any, take: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=f"the dataset itself \\({type(dataset).__name__}\\)"):
        take(dataset)
    assert getattr(dataset, "touched", 0) == 0


@takers
@pytest.mark.parametrize(
    "weights",
    [
        None,
        *("0.5", b"\x01\x02", "123"),
        *(["a", "b"], ["1", "2"], [b"1"]),
        [None, 1.0],
        [1.0, [2.0, 3.0]],
        [[1.0], [2.0, 3.0]],
        {0: 1.0},
        {1.0, 2.0},
        (value for value in [1.0, 2.0]),
        iter([1.0, 2.0]),
        map(float, [1, 2]),
        object(),
        [object()],
        [decimal.Decimal(1)],
        [fractions.Fraction(1, 2)],
        [10**400, 1],
        [1j, 2.0],
        np.array([1.0, 2.0], dtype=object),
        np.array([1, 2], dtype="M8[s]"),
        np.array([1, 2], dtype="m8[s]"),
        [datetime.datetime(2024, 1, 1)],
        np.array([1j]),
        np.array(["1"]),
        np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        torch.tensor([1j, 2j]),
        torch.ones(3, device="meta"),
        torch.ones(3).to_sparse(),
        torch.float32,
        float,
    ],
    ids=lambda weights: f"{type(weights).__name__}-{str(weights).partition(' at 0x')[0][:20]}",
)
def test_what_is_not_real_numbers_is_a_type_error(weights: Any, take: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="weights must"):
        take(weights)


@takers
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantized_and_nested_tensors_are_type_errors(take: Callable[[Any], Any]) -> None:
    quantized = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    for weights in (quantized, nested):
        with pytest.raises(TypeError, match="weights must"):
            take(weights)


@takers
@pytest.mark.parametrize(
    "weights",
    [[], torch.empty(0), np.empty(0), 1.0, torch.tensor(1.0), np.array(1.0), np.float64(1), torch.ones(2, 2, 2)],
    ids=lambda weights: f"{type(weights).__name__}-{getattr(weights, 'ndim', '')}",
)
def test_any_other_shape_is_an_error(weights: Any, take: Callable[[Any], Any]) -> None:
    with pytest.raises((ValueError, TypeError), match="weights"):
        take(weights)


@pytest.mark.parametrize("take", TAKERS_OF_LISTS)
@pytest.mark.parametrize("kind", [torch.tensor, np.array, list])
def test_a_matrix_of_items_by_classes_is_explained(take: Callable[[Any], Any], kind: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\).*one-hot.*argmax"):
        take(kind([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    for empty in (torch.ones(0, 3), torch.ones(3, 0)):
        with pytest.raises(ValueError, match="1d sequence"):
            take(empty)


BAD_NUMBERS = [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (-0.5, "-0.5"), (-5e-324, "-5e-324")]


@takers
@pytest.mark.parametrize(("bad", "shown"), BAD_NUMBERS)
def test_a_bad_number_is_named_with_its_place_and_how_many_there_are(
    bad: float, shown: str, take: Callable[[Any], Any]
) -> None:
    weights = np.ones(100)
    weights[[41, 60, 99]] = [bad, np.nan, -1]
    with pytest.raises(ValueError, match=rf"weights\[41\] is {shown}\b.*\b3\b"):
        take(weights)


@pytest.mark.parametrize("items", [1, 5, 1023, 1024, 5000, 200_003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_bad_number_is_found_wherever_it_is(items: int, dtype: Any, threads: int) -> None:
    for bad, _ in BAD_NUMBERS[:4]:
        for where in {0, items // 2, items - 1}:
            weights = np.ones(items, dtype=dtype)
            weights[where] = bad
            with pytest.raises(ValueError, match=rf"weights\[{where}\].*: 1\)"):
                AliasTable(weights)


@takers
@pytest.mark.parametrize("weights", [[0.0], [0, 0, 0], [-0.0, 0.0], [False], torch.zeros(100_000)])
def test_weights_that_are_all_zero_are_an_error(weights: Any, take: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="zero"):
        take(weights)


def test_minus_zero_is_zero() -> None:
    assert AliasTable([1.0, -0.0, 2.0]).fingerprint == AliasTable([1.0, 0.0, 2.0]).fingerprint


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_weight_that_overflows_in_float64_is_an_error() -> None:
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        with pytest.raises(ValueError, match=r"weights\[1\] is inf"):
            AliasTable(np.array([1, np.finfo(np.longdouble).max], dtype=np.longdouble))


@takers
def test_more_items_than_32_bits_can_count_are_an_error(take: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"2\^32 - 1"):
        take(torch.ones(1, dtype=torch.uint8).expand(2**32))
