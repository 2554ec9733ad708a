"""Arguments, valid and hostile. Each comes with what is known of it: whether it is valid, and what it means."""

from __future__ import annotations

import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fuzz_chance import Chance
from torch._subclasses.fake_tensor import FakeTensorMode


@dataclass
class Given:
    """An argument.

    Attributes:
        value: What is passed.
        valid: Whether it must be accepted or refused; None if that is not known.
        meaning: What it stands for, if it is valid.
    """

    value: Any
    valid: bool | None = True
    meaning: Any = None


class Subclass(torch.Tensor):
    """A tensor of a class of its own."""


class Lying:
    """Says that it is a sequence of three, and is not."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise ValueError("there is nothing here")


class OfArray:
    """Has numbers, as a pandas Series has."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype)


# ---- numbers ------------------------------------------------------------------------------------

_NO_NUMBERS: list[Any] = [None, "3", 2.0, 1.5, float("nan"), float("inf"), True, [1], b"1", {}, object(), 1 + 0j]
_FAR = [-1, -(2**31), 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 2**128, 10**400, -(10**400), 2**53]


def number(chance: Chance, least: int, most: int, usual: tuple[int, int] | None = None, wild: float = 0.06) -> Given:
    """A whole number that must lie in [least, most]; mostly in ``usual``."""
    low, high = usual or (least, most)
    if not chance.maybe(wild):
        value = chance.randint(low, high)
    elif chance.maybe(0.3):
        bad = chance.one(_NO_NUMBERS)
        return Given(bad, False)
    else:
        value = chance.one([*_FAR, least - 1, most + 1, most, least])
        if usual and least <= value <= most and not low <= value <= high:
            value = most + 1  # valid, but it would take for ever
    valid = least <= value <= most
    if -(2**63) <= value < 2**63 and chance.maybe(0.1):
        wrap: Callable[[int], Any] = chance.one([np.int64, lambda v: torch.tensor(v, device="cpu"), np.array])
        return Given(wrap(value), valid, value)
    return Given(value, valid, value)


def seed(chance: Chance) -> Given:
    return number(chance, -(2**63), 2**64 - 1, None if chance.maybe(0.3) else (0, 9))


def epoch(chance: Chance) -> Given:
    return number(chance, 0, 2**48 - 1, None if chance.maybe(0.1) else (0, 5))


# ---- weights ------------------------------------------------------------------------------------


def size(chance: Chance, most: int = 40) -> int:
    if chance.maybe(0.02):
        return chance.randint(300, 3000)
    return chance.randint(1, most) if chance.maybe(0.97) else 0


def plain_weights(chance: Chance, items: int) -> np.ndarray[Any, Any]:
    """float64 weights, all valid if one is positive."""
    numbers = chance.numpy()
    kind = chance.randrange(8)
    if kind == 0:
        weights = numbers.random(items)
    elif kind == 1:
        weights = numbers.integers(0, 9, items).astype(np.float64)
    elif kind == 2:
        weights = 10.0 ** numbers.uniform(-300, 300, items)
    elif kind == 3:
        weights = numbers.uniform(0.5e308, 1.7e308, items)
    elif kind == 4:
        weights = numbers.integers(0, 1000, items) * 5e-324
    elif kind == 5:
        weights = np.full(items, chance.one([0.1, 1.0, 0.0, 1e300, 2.0**-1074, 3.0]))
    elif kind == 6:
        weights = np.where(numbers.random(items) < 0.1, 1.0, 0.0)
    else:
        weights = 1 / np.arange(1.0, items + 1) ** 1.5
    if chance.maybe(0.1) and items:
        weights[numbers.integers(0, items)] = -0.0
    return weights


_TORCH_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
    torch.float8_e5m2,
    torch.float8_e4m3fn,
]
_NUMPY_DTYPES = ["<f8", ">f8", "<f4", ">f4", "f2", "i8", ">i8", "i4", "i2", "i1", "u1", "u2", "u4", "u8", "?", "g"]


def weights(chance: Chance, items: int | None = None, wild: float = 0.12) -> Given:
    """A vector of weights. Its meaning is float64."""
    items = size(chance) if items is None else items
    if chance.maybe(wild):
        return Given(hostile(chance, plain_weights(chance, items)), None)
    values = plain_weights(chance, items)
    if chance.maybe(0.08) and items:
        values[chance.randrange(items)] = chance.one([np.nan, np.inf, -np.inf, -1.0, -5e-324, -1e300])
    value, meaning = contained(chance, values)
    with np.errstate(over="ignore"):
        valid = len(meaning) > 0 and bool(np.isfinite(meaning).all() and (meaning >= 0).all() and (meaning > 0).any())
    return Given(value, valid, meaning)


def contained(chance: Chance, values: np.ndarray[Any, Any]) -> tuple[Any, np.ndarray[Any, Any]]:
    """The values in some container that can hold them, and what they are in there."""
    kind = chance.randrange(10)
    with np.errstate(all="ignore"):
        if kind < 4:
            dtype = torch.float64 if kind == 0 else chance.one(_TORCH_DTYPES)
            if not dtype.is_floating_point:
                values = np.clip(np.nan_to_num(values), -4, 100).round()
            tensor = torch.tensor(values.tolist(), dtype=torch.float64, device="cpu").to(dtype)
            return viewed(chance, tensor), tensor.to(torch.float64).numpy().copy()
        if kind < 7:
            name = chance.one(_NUMPY_DTYPES)
            if np.dtype(name).kind in "iub":
                low = 0 if np.dtype(name).kind in "ub" else -4
                values = np.clip(np.nan_to_num(values), low, 100).round()
            held = values.astype(name)
            return strided(chance, held), held.astype(np.float64)
    if kind == 7:
        return values.tolist(), values
    if kind == 8:
        return tuple(values.tolist()), values
    return chance.one([OfArray, lambda v: array.array("d", v.tolist()), np.array])(values), values


def viewed(chance: Chance, tensor: torch.Tensor) -> torch.Tensor:
    """The same values in another layout of memory."""
    kind = chance.randrange(9)
    if kind == 0 and tensor.numel():
        return torch.stack([tensor, tensor], 1)[:, 0]
    if kind == 1:
        return torch.nn.Parameter(tensor) if tensor.is_floating_point() and tensor.element_size() > 1 else tensor
    if kind == 2:
        return tensor.as_subclass(Subclass)
    if kind == 3 and tensor.dtype in (torch.float64, torch.float32):
        return torch._neg_view(-tensor)
    if kind == 4 and tensor.numel():
        return torch.cat([tensor, tensor])[: len(tensor)]
    if kind == 5 and tensor.numel():
        return torch.cat([tensor[:1], tensor])[1:]
    if kind == 6:
        with torch.inference_mode():
            return tensor.clone()
    return tensor


def strided(chance: Chance, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    kind = chance.randrange(6)
    if kind == 0:
        return np.repeat(values, 2)[::2]
    if kind == 1:
        return values[::-1].copy()[::-1]
    if kind == 2:
        values.flags.writeable = False
    if kind == 3 and values.size:  # not aligned
        raw = bytearray(b"x" + values.tobytes())
        return np.frombuffer(raw, values.dtype, offset=1)
    return values


def hostile(chance: Chance, values: np.ndarray[Any, Any]) -> Any:
    """Something that is no vector of numbers, or only looks like one."""
    tensor = torch.tensor(values.tolist(), dtype=torch.float64, device="cpu")
    kinds: list[Callable[[], Any]] = [
        lambda: tensor.to("meta"),
        lambda: tensor.to_sparse(),
        lambda: tensor.to(torch.complex64),
        lambda: tensor[:, None],
        lambda: tensor[None],
        lambda: tensor[None, :, None],
        lambda: tensor.expand(3, -1),
        lambda: torch.tensor(1.0, device="cpu"),
        lambda: torch.empty(0, 3, device="cpu"),
        lambda: torch.empty(3, 0, device="cpu"),
        lambda: torch.zeros(1, device="cpu").expand(2**40),
        lambda: torch.zeros(1, device="cpu").expand(2**33, 2**29),
        lambda: torch.quantize_per_tensor(tensor.float().nan_to_num(), 0.5, 0, torch.quint8),
        lambda: torch.nested.nested_tensor([[1.0], [1.0, 2.0]]),
        lambda: freed(tensor),
        lambda: _fake(tensor),
        lambda: torch._efficientzerotensor(max(1, len(values))),
        lambda: [*tensor.unbind()],
        lambda: [*tensor.clone().requires_grad_().unbind()],
        lambda: [*tensor.bfloat16().unbind()],
        lambda: [tensor, tensor],
        lambda: [*values.tolist(), None],
        lambda: [*values.tolist(), "x"],
        lambda: [*values.tolist(), 10**400],
        lambda: [*values.tolist(), [1.0]],
        lambda: [*values.tolist(), tensor.to("meta")],
        lambda: values.astype(np.complex128),
        lambda: values.astype(object),
        lambda: np.arange(3).astype("datetime64[s]"),
        lambda: np.zeros(3, "V0"),
        lambda: np.zeros(3, [("a", "f8"), ("b", "i4")]),
        lambda: np.array(["a", "b"]),
        lambda: np.ma.masked_array(values, values > 0.5),
        lambda: np.asmatrix(values),
        lambda: np.lib.stride_tricks.as_strided(np.zeros(1), (2**40,), (0,)),
        lambda: Lying(),
        lambda: OfArray(["x"]),
        lambda: OfArray([[1.0, 2.0]]),
        lambda: memoryview(values) if len(values) else memoryview(b""),
        lambda: values.tobytes(),
        lambda: bytearray(values.tobytes()),
        lambda: range(5),
        lambda: range(2**60),
        lambda: (value for value in values.tolist()),
        lambda: dict(enumerate(values.tolist())),
        lambda: set(values.tolist()),
        lambda: None,
        lambda: 3,
        lambda: 1.5,
        lambda: "weights",
        lambda: torch.utils.data.TensorDataset(tensor[:, None]),
        lambda: torch.nn.UninitializedParameter(),
        lambda: values.astype("f4").view("i4"),
        lambda: torch.float64,
        lambda: torch.Size([1, 2]),
        lambda: torch.utils.data.SequentialSampler(values.tolist()),
    ]
    with np.errstate(all="ignore"):
        return chance.one(kinds)()


def freed(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor whose memory was given back."""
    kept = tensor.clone()
    kept.untyped_storage().resize_(0)
    return kept


def _fake(tensor: torch.Tensor) -> torch.Tensor:
    with FakeTensorMode():
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")


# ---- indices and outputs ------------------------------------------------------------------------


def indices(chance: Chance, below: int, wild: float = 0.1) -> Given:
    """Indices in [0, below). Their meaning is a flat int64 array."""
    count = chance.one([0, 1, 1, 2, 3, 5, 20])
    if below == 0:
        count = 0
    values = chance.numpy().integers(0, max(1, below), count)
    if chance.maybe(wild / 2):
        return Given(hostile(chance, values.astype(np.float64)), None)
    outside = chance.maybe(wild / 2) and count > 0
    if outside:
        values[chance.randrange(count)] = chance.one([-1, below, below + 1, 2**31, 2**62, -(2**63), 2**63 - 1])
    kinds: list[Callable[[], Any]] = [
        lambda: torch.from_numpy(values.copy()),
        lambda: viewed(chance, torch.from_numpy(values.copy())),
        lambda: strided(chance, values.copy()),
        lambda: values.astype(">i8"),
        lambda: values.tolist(),
        lambda: tuple(values.tolist()),
        lambda: values.tolist(),
        lambda: torch.from_numpy(values.copy())[None],
    ]
    if not outside and below < 100:
        kinds += [
            lambda: values.astype("u1"),
            lambda: torch.from_numpy(values.astype("i4")),
            lambda: values.astype("i2"),
        ]
    if count == 1:
        kinds.append(lambda: int(values[0]))
    return Given(chance.one(kinds)(), not outside, values)


def output(chance: Chance, draws: Any, items: int) -> Given:
    """dtype= and out= of a draw, as a dict. Its meaning is the tensor that must be returned, or None."""
    kind = chance.randrange(12)
    if type(draws) is not int or not 0 <= draws < 5000 or kind < 5:
        return Given({})
    if kind < 9:
        dtype = chance.one([torch.int64, torch.int32])
        valid = dtype == torch.int64 or items <= 2**31
        if kind < 7:
            return Given({"dtype": dtype}, valid)
        out = torch.empty(draws + 1, dtype=dtype, device="cpu")[chance.randrange(2) :][:draws]
        return Given({"out": out}, valid, out)
    bad: list[Callable[[], Any]] = [
        lambda: torch.empty(draws + 1, dtype=torch.int64, device="cpu"),
        lambda: torch.empty(draws, dtype=torch.float64, device="cpu"),
        lambda: torch.empty(draws, dtype=torch.int64, device="meta"),
        lambda: torch.empty(draws, 1, dtype=torch.int64, device="cpu"),
        lambda: torch.empty(max(2, draws), 2, dtype=torch.int64, device="cpu")[:, 0],
        lambda: torch.zeros(max(2, draws), dtype=torch.int64, device="cpu").to_sparse(),
        lambda: freed(torch.empty(max(1, draws), dtype=torch.int64, device="cpu")),
        lambda: torch.zeros(1, dtype=torch.int64, device="cpu").expand(max(2, draws)),
        lambda: torch._neg_view(torch.zeros(draws, dtype=torch.int64, device="cpu")),
        lambda: np.empty(draws, np.int64),
        lambda: [0] * draws,
    ]
    if chance.maybe(0.2):
        return Given({"dtype": chance.one([torch.int16, torch.float32, torch.bool, torch.uint8, "int64", 3])}, False)
    return Given({"out": chance.one(bad)()}, False)


# ---- labels -------------------------------------------------------------------------------------


def labels(chance: Chance, items: int | None = None, wild: float = 0.1) -> Given:
    """One label per item. Its meaning is (class indices, names)."""
    items = chance.randint(1, 40) if items is None else items
    if chance.maybe(wild):
        return Given(hostile(chance, chance.numpy().integers(0, 3, items).astype(np.float64)), None)
    classes = chance.randint(1, 6)
    codes = chance.numpy().integers(0, classes, items)
    if chance.maybe(0.3):
        codes.sort()
    kind = chance.randrange(9)
    if kind < 4:
        names = tuple(range(int(codes.max(initial=-1)) + 1))
        plain: list[Callable[[], Any]] = [
            codes.tolist,
            lambda: codes,
            lambda: torch.from_numpy(codes),
            lambda: codes.astype("f4"),
            lambda: codes.astype("u1"),
            lambda: strided(chance, codes.astype(">i4")),
            lambda: tuple(codes.tolist()),
        ]
        return Given(chance.one(plain)(), items > 0, (codes, names))
    if kind < 6:
        called = sorted({f"class {code}" for code in codes.tolist()})
        values = [f"class {code}" for code in codes.tolist()]
        numbers = np.array([called.index(value) for value in values], np.int64)
        return Given(np.array(values) if kind == 5 and items else values, items > 0, (numbers, tuple(called)))
    if kind == 6:
        matrix = np.zeros((items, classes), np.int64)
        matrix[np.arange(items), codes] = 1
        return Given(
            chance.one([matrix, torch.from_numpy(matrix)]), items > 0 and classes > 1, (codes, tuple(range(classes)))
        )
    several: list[Any] = [set(chance.sample(range(classes), chance.randint(0, classes))) for _ in range(items)]
    return Given(several, None)


def several_labels(given: Any) -> Iterator[tuple[int, int]]:
    """Pairs (item, class) of sets of labels."""
    for item, own in enumerate(given):
        for code in own:
            yield item, code
