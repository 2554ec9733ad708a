"""multinomial: torch.multinomial's shapes, arguments and errors, with exact and reproducible draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from chi_square import check
from families import FAMILIES, hashed_integers
from prefix_draws import prefix_draws
from processes import in_child

from pysampler import AliasTable, multinomial

MATRIX = torch.from_numpy(hashed_integers(600)).reshape(6, 100)
both_modes = pytest.mark.parametrize("replacement", [True, False])


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def key_of(generator: torch.Generator) -> int:
    """The 64 bits that a call takes from a generator."""
    return int(torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=generator).item())


@both_modes
@pytest.mark.parametrize(("shape", "count"), [((1,), 1), ((5,), 1), ((5,), 4), ((1, 5), 4), ((3, 5), 4), ((0, 5), 4)])
def test_shapes_and_types_are_torchs(shape: tuple[int, ...], count: int, replacement: bool) -> None:
    weights = torch.ones(shape)
    expected = torch.multinomial(weights, count, replacement)
    found = multinomial(weights, count, replacement)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == torch.int64
    assert found.device == expected.device
    assert found.is_contiguous()


def test_arguments_have_torchs_names_order_and_defaults() -> None:
    weights = torch.ones(10)
    assert sorted(multinomial(weights, 10).tolist()) == list(range(10))  # without replacement by default
    by_name = multinomial(weights, num_samples=5, replacement=True, generator=seeded(), out=None)
    assert torch.equal(by_name, multinomial(weights, 5, True, generator=seeded()))
    positional: Any = multinomial
    with pytest.raises(TypeError):
        positional(weights, 5, True, seeded())


def test_draws_with_replacement_are_those_of_a_table() -> None:
    key = key_of(seeded())
    weights = MATRIX[0]
    expected = AliasTable(weights).draw(1000, seed=key)
    assert torch.equal(multinomial(weights, 1000, True, generator=seeded()), expected)


@pytest.mark.parametrize("columns", [100, 2000])
def test_row_r_has_the_positions_from_r_times_num_samples(columns: int, threads: int) -> None:
    weights = torch.from_numpy(hashed_integers(4 * columns)).reshape(4, columns)
    key = key_of(seeded())
    rows = [AliasTable(row).draw(3000, seed=key, start=3000 * i) for i, row in enumerate(weights)]
    assert torch.equal(multinomial(weights, 3000, True, generator=seeded()), torch.stack(rows))


# ---- few draws: by prefix masses, without a table -------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("family", FAMILIES)
def test_few_draws_follow_the_masses_of_an_alias_table(family: str, dtype: Any) -> None:
    """Each draw is the item that owns its unit, so that one unit of mass anywhere else would show."""
    for columns, count in (
        (1, 3),
        (2, 5),
        (7, 40),
        (17, 20),
        (64, 100),
        (65, 33),
        (1000, 64),
        (1025, 60),
        (70_000, 50),
    ):
        with np.errstate(over="ignore", under="ignore"):
            weights = np.minimum(FAMILIES[family](columns).astype(dtype), np.finfo(dtype).max)
        if not weights.any():
            continue
        found = multinomial(torch.from_numpy(weights), count, True, generator=seeded())
        assert found.tolist() == prefix_draws(weights, key_of(seeded()), 0, count), (columns, count)


@pytest.mark.parametrize("count", [1, 3, 17])
def test_narrow_rows_of_all_families_are_drawn_as_if_alone(count: int) -> None:
    """Eight rows share a vector, whatever kinds of weights they hold."""
    for columns in (3, 16, 33):
        weights = np.stack([family(columns) for family in FAMILIES.values()])
        found = multinomial(weights, count, True, generator=seeded()).tolist()
        key = key_of(seeded())
        assert found == [prefix_draws(row, key, count * i, count) for i, row in enumerate(weights)]


@pytest.mark.parametrize(("columns", "count"), [(10, 1), (64, 32), (200, 16), (3000, 64)])
def test_few_draws_follow_the_weights(columns: int, count: int) -> None:
    weights = hashed_integers(columns) + 1
    rows = torch.from_numpy(weights).repeat(400_000 // count // (1 if columns < 100 else 10), 1)
    drawn = multinomial(rows, count, True, generator=seeded())
    check(drawn.numpy().ravel(), weights / weights.sum())
    other = weights.copy()
    other[: columns // 2] *= 1.5
    with pytest.raises(AssertionError, match="p ="):
        check(drawn.numpy().ravel(), other / other.sum())


@pytest.mark.parametrize("shape", [(9,), (300, 10), (4, 5000), (100_000,), (2, 70_000)])
def test_one_draw_is_the_same_with_and_without_replacement(shape: tuple[int, ...]) -> None:
    weights = torch.from_numpy(hashed_integers(int(np.prod(shape)))).reshape(shape) + 1
    with_replacement = multinomial(weights, 1, True, generator=seeded())
    assert torch.equal(multinomial(weights, 1, False, generator=seeded()), with_replacement)


@pytest.mark.parametrize(("shape", "count"), [((999, 10), 3), ((30, 700), 9), ((3, 80_000), 700), ((2, 30), 9000)])
def test_float32_and_float64_draw_the_same(shape: tuple[int, int], count: int) -> None:
    weights = torch.from_numpy(hashed_integers(shape[0] * shape[1])).reshape(shape) + 1
    expected = multinomial(weights, count, True, generator=seeded())
    assert torch.equal(multinomial(weights.float(), count, True, generator=seeded()), expected)


@both_modes
@pytest.mark.parametrize(
    ("rows", "columns", "count"),
    [(1, 90_000, 70_000), (5, 70_000, 500), (1, 900_000, 900), (3000, 60, 40), (9001, 10, 1), (300, 1500, 9)],
)
def test_any_number_of_threads_draws_the_same(rows: int, columns: int, count: int, replacement: bool) -> None:
    weights = torch.from_numpy(hashed_integers(rows * columns)).reshape(rows, columns) + 1
    drawn = []
    for threads in (1, 2, 3, 4):
        torch.set_num_threads(threads)
        drawn.append(multinomial(weights, count, replacement, generator=seeded()))
    assert all(torch.equal(other, drawn[0]) for other in drawn[1:])


@both_modes
def test_manual_seed_makes_draws_reproducible(replacement: bool) -> None:
    torch.manual_seed(5)
    first, second = multinomial(MATRIX, 20, replacement), multinomial(MATRIX, 20, replacement)
    torch.manual_seed(5)
    assert torch.equal(multinomial(MATRIX, 20, replacement), first)
    assert torch.equal(multinomial(MATRIX, 20, replacement), second)
    assert not torch.equal(first, second)


@both_modes
def test_a_call_takes_one_word_of_its_generator_and_none_of_the_global_one(replacement: bool) -> None:
    generator, other = seeded(), seeded()
    before = torch.get_rng_state()
    multinomial(MATRIX, 20, replacement, generator=generator)
    assert torch.equal(torch.get_rng_state(), before)
    key_of(other)
    assert torch.equal(generator.get_state(), other.get_state())


@both_modes
def test_rows_with_equal_weights_are_drawn_independently(replacement: bool) -> None:
    drawn = multinomial(torch.ones(2, 10).repeat(20_000, 1), 2, replacement, generator=seeded())
    # First draws of neighbouring rows: every pair equally likely.
    pairs = drawn[::2, 0] * 10 + drawn[1::2, 0]
    check(pairs.numpy(), np.full(100, 0.01))
    pairs = drawn[::2, 1] * 10 + drawn[1::2, 0]
    check(pairs.numpy(), np.full(100, 0.01))


@both_modes
def test_sequences_arrays_and_tensors_draw_the_same(replacement: bool) -> None:
    expected = multinomial(MATRIX, 20, replacement, generator=seeded())
    for weights in (MATRIX.tolist(), MATRIX.numpy(), np.asfortranarray(MATRIX.numpy()), MATRIX.float(), MATRIX.long()):
        assert torch.equal(multinomial(weights, 20, replacement, generator=seeded()), expected)
    transposed = MATRIX.T.contiguous().T
    assert not transposed.is_contiguous()
    assert torch.equal(multinomial(transposed, 20, replacement, generator=seeded()), expected)
    leaf = MATRIX.clone().requires_grad_()
    assert torch.equal(multinomial(leaf, 20, replacement, generator=seeded()), expected)


def test_zero_weights_are_never_drawn() -> None:
    """Zero-probability items: pytorch #4858, #13867, #48841."""
    weights = torch.rand(50, 40) + 0.1
    weights[:, ::2] = 0
    assert bool((multinomial(weights, 2000, True) % 2 == 1).all())
    assert multinomial(weights, 20).sort(dim=1).values.tolist() == [list(range(1, 40, 2))] * 50


def test_without_replacement_every_index_comes_at_most_once() -> None:
    drawn = multinomial(MATRIX + 1, 60, generator=seeded())
    assert all(len(set(row)) == 60 for row in drawn.tolist())
    assert bool(((drawn >= 0) & (drawn < 100)).all())


@both_modes
def test_more_columns_than_two_to_the_24_are_no_problem(replacement: bool) -> None:
    """torch.multinomial refuses them (pytorch #2576)."""
    weights = torch.ones(2**24 + 5, dtype=torch.uint8)
    weights[: 2**24] = 0
    found = multinomial(weights, 5, replacement, generator=seeded())
    assert int(found.min()) >= 2**24
    assert replacement or sorted(found.tolist()) == list(range(2**24, 2**24 + 5))


@both_modes
def test_flushing_denormals_changes_nothing(replacement: bool) -> None:
    weights = torch.from_numpy(np.arange(1.0, 61).reshape(3, 20) * 5e-324)
    expected = multinomial(weights, 15, replacement, generator=seeded())
    assert torch.set_flush_denormal(True)
    assert torch.equal(multinomial(weights, 15, replacement, generator=seeded()), expected)


def test_the_first_argument_has_torchs_name_too() -> None:
    expected = multinomial(MATRIX, 20, True, generator=seeded())
    assert torch.equal(multinomial(input=MATRIX, num_samples=20, replacement=True, generator=seeded()), expected)
    with pytest.raises(TypeError, match="given twice"):
        multinomial(MATRIX, 20, True, input=MATRIX)
    with pytest.raises(TypeError, match="weights must be"):
        multinomial(num_samples=20)


def test_a_key_drawn_in_inference_mode_does_not_spoil_later_ones() -> None:
    def draw() -> list[list[int]]:
        with torch.inference_mode():
            first = multinomial(MATRIX, 20, True, generator=seeded())
        return [first.tolist()[0], multinomial(MATRIX, 20, True, generator=seeded()).tolist()[0]]

    first, second = in_child(draw)
    assert first == second


# ---- out= ---------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("weights", [MATRIX, MATRIX[0]], ids=["2-d", "1-d"])
def test_out_is_resized_filled_and_returned(weights: torch.Tensor, replacement: bool) -> None:
    expected = multinomial(weights, 20, replacement, generator=seeded())
    outs = [
        torch.empty(0, dtype=torch.int64),
        torch.full(expected.shape, -1),
        torch.full((7, *expected.shape), -1)[3],
        torch.full(expected.shape[::-1], -1).permute(*range(expected.ndim)[::-1]),
    ]
    for out in outs:
        address = out.data_ptr()
        assert multinomial(weights, 20, replacement, generator=seeded(), out=out) is out
        assert torch.equal(out, expected)
        assert address in (0, out.data_ptr())


def test_out_gets_the_shape_of_no_rows() -> None:
    out = torch.empty(0, dtype=torch.int64)
    assert multinomial(torch.empty(0, 5), 3, True, out=out) is out
    assert out.shape == (0, 3)


@pytest.mark.parametrize(
    "out",
    [torch.empty(20), torch.empty(20, dtype=torch.int32), np.empty(20, dtype=np.int64), [0] * 20, "out"],
    ids=lambda out: type(out).__name__,
)
def test_out_that_is_no_int64_tensor_is_a_type_error(out: Any) -> None:
    with pytest.raises(TypeError, match="out must be an int64 tensor"):
        multinomial(MATRIX[0], 20, True, out=out)


def test_out_on_another_device_is_an_error() -> None:
    with pytest.raises(ValueError, match="meta"):
        multinomial(MATRIX[0], 20, True, out=torch.empty(20, dtype=torch.int64, device="meta"))


def test_a_default_device_is_ignored() -> None:
    def draw() -> list[int]:
        generator = seeded()
        torch.set_default_device("meta")
        drawn: list[int] = multinomial(MATRIX[0], 20, True, generator=generator).tolist()
        return drawn

    assert in_child(draw) == multinomial(MATRIX[0], 20, True, generator=seeded()).tolist()


# ---- errors -------------------------------------------------------------------------------------


def rows_with(row: int, column: int, value: float) -> torch.Tensor:
    weights = torch.ones(5, 8, dtype=torch.float64)
    weights[row, column] = value
    return weights


ZERO_ROW = torch.ones(5, 8)
ZERO_ROW[3] = 0
FEW_POSITIVE = torch.ones(5, 8)
FEW_POSITIVE[2, 3:] = 0

BAD_CALLS: list[tuple[dict[str, Any], str]] = [
    ({"weights": rows_with(1, 2, -0.5)}, r"weights\[1\]\[2\] is -0\.5"),
    ({"weights": rows_with(4, 7, np.nan)}, r"weights\[4\]\[7\] is nan"),
    ({"weights": rows_with(0, 0, np.inf)}, r"weights\[0\]\[0\] is inf"),
    ({"weights": rows_with(0, 3, -1)[0]}, r"weights\[3\] is -1\.0"),
    ({"weights": ZERO_ROW}, r"weights\[3\] must have a positive sum"),
    ({"weights": torch.zeros(9)}, "weights must have a positive sum"),
    ({"weights": torch.ones(2, 2, 2)}, r"1 or 2 dimensions.*\(2, 2, 2\)"),
    ({"weights": torch.tensor(1.0)}, "1 or 2 dimensions"),
    ({"weights": torch.empty(0)}, "columns"),
    ({"weights": torch.empty(3, 0)}, "columns"),
    ({"weights": FEW_POSITIVE, "num_samples": 4, "replacement": False}, r"num_samples=4 .*weights\[2\] has 3 positive"),
    ({"num_samples": 9, "replacement": False}, "num_samples=9"),
    ({"num_samples": 0}, "positive integer value, but got num_samples=0"),
    ({"num_samples": -3}, "num_samples=-3"),
    ({"num_samples": True}, "num_samples=True"),
    ({"num_samples": 2.0}, r"num_samples=2\.0"),
    ({"num_samples": "3"}, "num_samples=3"),
    ({"num_samples": None}, "num_samples=None"),
    ({"num_samples": 2**63}, "num_samples"),
    ({"weights": torch.ones(1).expand(2**31, 4), "num_samples": 2**33}, r"2\^63"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_CALLS)
def test_a_bad_call_says_why_and_takes_and_writes_nothing(arguments: dict[str, Any], message: str) -> None:
    generator = seeded()
    before = generator.get_state()
    weights = arguments.get("weights", torch.ones(5, 8))
    count = arguments.get("num_samples", 4)
    out = torch.full((5, 4), -7)
    with pytest.raises(ValueError, match=message):
        multinomial(weights, count, arguments.get("replacement", True), generator=generator, out=out)
    assert torch.equal(out, torch.full((5, 4), -7))
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("generator", [5, "cpu", np.random.default_rng(1)])
def test_a_generator_of_another_library_is_a_type_error(generator: Any) -> None:
    with pytest.raises(TypeError, match="generator"):
        multinomial(MATRIX, 2, generator=generator)


@pytest.mark.parametrize("replacement", [None, "yes", 1.0])
def test_replacement_that_is_no_bool_is_a_type_error(replacement: Any) -> None:
    with pytest.raises(TypeError, match="replacement"):
        multinomial(MATRIX, 2, replacement)
