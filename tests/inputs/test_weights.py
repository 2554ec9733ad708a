"""What may be passed as weights: every form of the same values gives the same table."""

from __future__ import annotations

import array
import collections
from typing import Any

import numpy as np
import pytest
import torch
from takers import TAKERS

from pysampler import AliasTable, WeightedRandomSampler

VALUES = [3.0, 0.0, 1.0, 7.0, 2.0, 100.0, 5.0]  # exact in every dtype
EXPECTED = AliasTable(np.array(VALUES)).fingerprint


class Series:
    """Looks like a pandas Series: no sequence, but something that makes an array of itself."""

    def __init__(self, values: list[float]) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self._values, dtype=dtype)


def strided(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).repeat_interleave(3)[::3]


TORCH_DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.float8_e5m2),
]


@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
def test_every_real_torch_dtype_is_used_by_value(dtype: torch.dtype) -> None:
    values = torch.tensor(VALUES, dtype=torch.float64).to(dtype)
    in_double = values.to(torch.float64)
    assert AliasTable(values).fingerprint == AliasTable(in_double).fingerprint


@pytest.mark.parametrize("code", ["?", *"bhilqBHILQefdg"])
def test_every_real_numpy_dtype_is_used_by_value(code: str) -> None:
    values = np.array(VALUES).astype(code)
    assert AliasTable(values).fingerprint == AliasTable(values.astype(np.float64)).fingerprint


@pytest.mark.parametrize("code", ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"])
@pytest.mark.parametrize("order", "<>")
def test_either_byte_order_is_read_right(code: str, order: str) -> None:
    assert AliasTable(np.array(VALUES).astype(order + code)).fingerprint == EXPECTED


@pytest.mark.parametrize("dtype", [torch.bool, np.bool_])
def test_booleans_weigh_one_or_nothing(dtype: Any) -> None:
    flags = [True, False, False, True, True]
    values = torch.tensor(flags) if dtype is torch.bool else np.array(flags)
    expected = AliasTable([1.0, 0.0, 0.0, 1.0, 1.0]).fingerprint
    assert AliasTable(values).fingerprint == AliasTable(flags).fingerprint == expected


@pytest.mark.parametrize(
    "weights",
    [
        VALUES,
        tuple(VALUES),
        [int(value) for value in VALUES],
        collections.deque(VALUES),
        collections.UserList(VALUES),
        array.array("d", VALUES),
        array.array("f", VALUES),
        array.array("q", [int(value) for value in VALUES]),
        memoryview(array.array("d", VALUES)),
        bytearray(int(value) for value in VALUES),
        Series(VALUES),
        np.array(VALUES)[::-1][::-1],
        np.array(VALUES[::-1])[::-1],
        np.array(VALUES).repeat(2)[::2],
        np.array([VALUES, VALUES]).T[:, 0],
        np.array([VALUES, VALUES], order="F")[1],
        np.ma.array(VALUES),
        np.frombuffer(np.array(VALUES).tobytes()),  # read-only
        [torch.tensor(value) for value in VALUES],
        [np.float32(value) for value in VALUES],
        strided(VALUES),
        torch.tensor([VALUES, VALUES]).T[:, 1],
        torch.tensor(VALUES, requires_grad=True),
        torch.tensor(VALUES, requires_grad=True) * 2,
        torch.nn.Parameter(torch.tensor(VALUES)),
        torch.complex(torch.zeros(7), -torch.tensor(VALUES)).conj().imag,
    ],
    ids=lambda weights: type(weights).__name__,
)
def test_every_other_form_gives_the_same_table(weights: Any) -> None:
    assert AliasTable(weights).fingerprint == EXPECTED
    expected = AliasTable(VALUES).draw(50, seed=1).tolist()
    assert list(WeightedRandomSampler(weights, 50, seed=1)) == expected


def test_ranges_are_sequences() -> None:
    assert AliasTable(range(1, 40)).fingerprint == AliasTable(np.arange(1.0, 40)).fingerprint


def test_expanded_tensors_are_read_through_their_strides() -> None:
    assert AliasTable(torch.ones(1).expand(1000)).fingerprint == AliasTable(torch.ones(1000)).fingerprint


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_may_begin_at_any_element(dtype: torch.dtype) -> None:
    values = torch.arange(5040, dtype=dtype)
    for offset in range(20):
        part = values[offset : offset + 5000]
        assert AliasTable(part).fingerprint == AliasTable(part.clone()).fingerprint


@pytest.mark.parametrize("code", ["f4", "f8", "i8"])
def test_weights_may_begin_at_any_byte(code: str) -> None:
    expected = AliasTable(np.arange(5000, dtype=code)).fingerprint
    for offset in range(1, 9):
        memory = bytearray(offset) + np.arange(5000, dtype=code).tobytes()
        assert AliasTable(np.frombuffer(memory, dtype=code, offset=offset)).fingerprint == expected


def test_lazily_negated_tensors_are_read_by_value() -> None:
    assert AliasTable(torch.tensor([2 - 3j]).conj().imag).draw(1, seed=0).tolist() == [0]
    with pytest.raises(ValueError, match=r"weights\[0\] is -3\.0"):
        AliasTable(torch.tensor([2 + 3j]).conj().imag)


def test_weights_may_be_made_and_used_in_inference_mode() -> None:
    with torch.inference_mode():
        assert AliasTable(torch.tensor(VALUES)).fingerprint == EXPECTED
        assert WeightedRandomSampler(torch.tensor(VALUES), 5, seed=1).table.fingerprint == EXPECTED


def test_read_only_arrays_cause_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    values = np.array(VALUES)
    values.flags.writeable = False
    for take in TAKERS:
        take(values)
    assert not recwarn.list


def test_64_bit_integers_are_rounded_to_doubles_beyond_two_to_the_53() -> None:
    integers = [2**53 + 1, 2**60 + 1, 2**63 - 1]
    doubles = AliasTable([float(value) for value in integers]).fingerprint
    assert AliasTable(torch.tensor(integers)).fingerprint == doubles
    assert AliasTable(np.array(integers, dtype=np.uint64)).fingerprint == doubles


def test_what_the_caller_passed_is_never_changed() -> None:
    tensor = torch.tensor(VALUES, dtype=torch.float64)
    values = np.array(VALUES, dtype=">f8")
    for take in TAKERS:
        take(tensor)
        take(values)
    assert tensor.tolist() == VALUES
    assert values.tolist() == VALUES
    assert tensor._version == 0
